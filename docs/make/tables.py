"""Writes the documentation's tables from the registries; ``--check`` fails if one is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from pages import DOCS, filled, settle, table

import fleeting
from fleeting.reports.paper_tables import as_markdown

KINDS = (
    "models",
    "modalities",
    "apex-finders",
    "spotters",
    "recognisers",
    "protocols",
    "augmentations",
    "executors",
    "label-sets",
    "recipes",
)


def of_kind(kind: str) -> str:
    """The Markdown table of one kind: a row for each thing that is registered."""
    rows = fleeting.catalogue(kind)
    if kind == "models":
        columns = ["name", "what", "parameters", "FLOPs a sample", "source"]
        facts = [
            [
                f"`{r['name']}`",
                r["what"],
                (r["parameters"] and f"{r['parameters']:,}") or "–",
                (r["flops"] and f"{r['flops']:,}") or "–",
                r["source"],
            ]
            for r in rows
        ]
        return table(columns, facts)
    if kind == "datasets":
        columns = ["name", "what", "label sets", "paper", "access", "licence"]
        keys = ("what", "labels", "source", "access", "licence")
        facts = [
            [f"`{r['name']}`", *(", ".join(r[k]) if isinstance(r[k], list) else r[k] for k in keys)]
            for r in rows
        ]
        return table(columns, facts)
    if kind == "recipes":
        return table(["name", "what", "source"], [[f"`{r['name']}`", r["what"], r["source"]] for r in rows])
    facts = [
        [
            f"`{r['name']}`",
            r["what"],
            ", ".join(f"`{k} = {v}`" for k, v in r.get("options", {}).items()) or "–",
        ]
        for r in rows
    ]
    return table(["name", "what", "options"], facts)


def main() -> int:
    """Write (or check) every page that has generated parts."""
    made: dict[Path, str | None] = {}
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        for kind in (*KINDS, "datasets"):
            if f"<!-- generated: {kind} -->" in text:
                text = filled(text, kind, of_kind(kind))
        made[page] = text
    for page in sorted((DOCS / "systems").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        made[page] = filled(text, f"tables {page.stem}", as_markdown(fleeting.tables(page.stem).layouts()))
    return settle(made)


if __name__ == "__main__":
    sys.exit(main())
