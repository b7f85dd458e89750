"""Writes the tables of the documentation from what is registered; ``--check`` fails if one is stale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import fleeting

DOCS = Path(__file__).parents[1]
END = "<!-- end -->"
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


def table(columns: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def of_kind(kind: str) -> str:
    """The table of one kind."""
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


def filled(text: str) -> str:
    """The page with every generated part written anew."""
    for kind in (*KINDS, "datasets"):
        start = f"<!-- generated: {kind} -->"
        if start in text:
            before, _, rest = text.partition(start)
            _, _, after = rest.partition(END)
            text = f"{before}{start}\n\n{of_kind(kind)}\n\n{END}{after}"
    return text


def main() -> int:
    """Write (or check) every page that has generated parts."""
    stale = []
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        new = filled(text)
        if new != text:
            stale.append(page.name)
            if "--check" not in sys.argv:
                page.write_text(new, encoding="utf-8")
    if stale:
        print(f"{'stale' if '--check' in sys.argv else 'written'}: {', '.join(stale)}")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
