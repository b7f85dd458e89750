"""Do the compared systems learn movements? Each that sees motion, small and short, on drawn clips.

Clips of drawn people who move their heads, breathe and blink (the default style) are written in the layout of
the composite, and each recipe of the group `compared` whose input is a movement runs with its ``[quick]``
table in three folds of people, fixed in advance. A system learns if its clean UAR lies above chance, 1/3, by
more than two standard errors, which are those of a bootstrap over people. With so many systems one or two
in a hundred pass by luck, and a small network that fails may succeed at its full size.

    python studies/above_chance.py [--systems NAME ...] [--subjects 5] [--clips 6] [--out runs/above-chance]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import fleeting
from fleeting.experiments.recipe import Experiment, read_recipe, recipe_names

GROUP = "compared/"
MOTION = {"u", "v", "strain", "change"}
"""Channels that are a movement."""
CHANGES = (
    "data.dataset=megc2019",
    "data.labels=megc3",
    'data.release=""',
    "data.leave_out=[]",
    "protocol.name=kfold",
    "protocol.folds=3",
    "training.selection=fixed",
    "training.trace_oracle=false",
)
CHANCE = 1 / 3
NORMAL = 2 * 1.959964
"""The width of a 95 % interval in standard errors."""


def sees_motion(recipe: Experiment) -> bool:
    """Whether an input of the recipe has a channel that says how far or where to something moved."""
    from fleeting.modalities import kind_of

    names = recipe.model.inputs
    return "mesti" in names or any(MOTION & set(kind_of(name, 6).channels) for name in names)


def told(name: str, run: fleeting.Run, seconds: float) -> str:
    """One line: UAR, its standard error, and whether it lies above chance."""
    scores = run.scores["clean"]
    low, high = scores["ci95"]["uar"]
    error = (high - low) / NORMAL
    away = (scores["uar"] - CHANCE) / error if error else float("inf")
    verdict = "above chance" if away > 2 else "NOT above chance"
    return (
        f"{name:20s} UAR {scores['uar']:.3f}, UF1 {scores['uf1']:.3f} of {scores['n']} clips;"
        f" {away:5.1f} standard errors of {error:.3f}: {verdict}   {seconds:.0f} s"
    )


def main() -> None:
    """Draw the clips, unless they are there, and print a line for each system."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--systems", nargs="+", metavar="NAME", help="names of recipes without their group")
    parser.add_argument("--subjects", type=int, default=5, help="people of each of the three datasets")
    parser.add_argument("--clips", type=int, default=6, help="clips of each of them")
    parser.add_argument("--out", type=Path, default=Path("runs/above-chance"))
    given = parser.parse_args()
    recipes = {name.removeprefix(GROUP): name for name in recipe_names() if name.startswith(GROUP)}
    drawn = given.out / f"drawn-{given.subjects}-{given.clips}"
    fleeting.draw(
        drawn, layout="megc2019", subjects=given.subjects, clips=given.clips, flows=0, seed=11, workers=1
    )
    for name in given.systems or recipes:
        experiment = read_recipe(recipes[name], quick=True, changes=CHANGES)
        if not sees_motion(experiment):
            print(f"{name:20s} sees pictures, no movement: not asked", flush=True)
            continue
        begun = time.perf_counter()
        run = fleeting.run(
            experiment, {"megc2019": drawn}, given.out / f"{name}-{given.subjects}-{given.clips}"
        )
        print(told(name, run, time.perf_counter() - begun), flush=True)


if __name__ == "__main__":
    main()
