"""Fills every cell of the papers' tables that has a recipe, by quick runs on drawn folders.

    python studies/all_tables.py [GROUP ...] [--out FOLDER] [--executor processes] [--workers N]

The datasets that the recipes ask for are drawn small, each in its own layout; then `fleeting tables GROUP
--quick --cost` runs on them. Printed is a line for each paper and each cell that a recipe was to fill and
did not; the exit status is 1 if there is one. A finished run is not repeated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import fleeting
from fleeting.datasets import datasets
from fleeting.experiments.papers import paper_names
from fleeting.experiments.recipe import read_recipe
from fleeting.synthetic.takes import layouts

FRAMES = {"subjects": 2, "clips": 3}
"""People, and clips of each, where every frame of a clip is looked at for a face: few."""
CLIPS = {"subjects": 4, "clips": 6}


def drawn(name: str, folder: Path, few: bool) -> Path:
    """The folder of a dataset, drawn unless it is there already; one without frames gets its miniature."""
    root = folder / (f"{name}-frames" if few else name)
    if root.exists():
        return root
    if name in layouts():
        fleeting.draw(root, layout=name, flows=0, seed=11, **(FRAMES if few else CLIPS))
    else:
        datasets[name].fabricate(root)
    return root


def roots(group: str, folder: Path) -> dict[str, Path]:
    """A folder for each dataset that the paper's recipes name."""
    cells = fleeting.tables(group).cells()
    few = any(read_recipe(name).data.unit == "frame" for name in {c["recipe"] for c in cells} - {""})
    asked = sorted({cell["dataset"] for cell in cells} - {""})
    return {name: drawn(name, folder, few) for name in asked if datasets[name].needs_root}


def empty(cell: dict[str, Any]) -> bool:
    """Whether a recipe was to fill this cell with a score, and nothing did."""
    return bool(cell["recipe"] and cell["score"]) and not any(
        cell[rule] is not None for rule in ("oracle", "shared", "clean", "measured")
    )


def main() -> int:
    """Fill the tables of the chosen papers, or of all, and print what stayed empty."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("groups", nargs="*", help="papers, by the groups of their recipes; none: all")
    options.add_argument("--out", type=Path, default=Path("runs/all-tables"))
    options.add_argument("--executor", default="serial")
    options.add_argument("--workers", type=int)
    chosen = options.parse_args()
    missing = 0
    for group in chosen.groups or paper_names():
        done = fleeting.tables(
            group,
            roots(group, chosen.out / "data"),
            chosen.out / group,
            quick=True,
            cost=True,
            executor=chosen.executor,
            workers=chosen.workers,
        )
        cells = done.cells()
        left = [cell for cell in cells if empty(cell)]
        ours = sum(bool(cell["recipe"] and cell["score"]) for cell in cells)
        print(f"{group}: {len(cells)} cells, {ours} of recipes, {len(left)} of these empty", flush=True)
        for cell in left:
            print(f"  {cell['table']}, {cell['row']}, {cell['column']}: {cell['recipe']}")
        for line in done.failed:
            print(f"  {line}")
        missing += len(left)
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
