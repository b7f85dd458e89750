"""Writes docs/assets/broadbent.png: one network under folds over frames and over people, on drawn SAMM clips.

``python docs/make/broadbent.py FOLDER`` draws the clips into FOLDER (or finds them there), and leaves the
two runs beside it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import fleeting

TARGET = Path(__file__).parents[1] / "assets" / "broadbent.png"
SMALLER = ("data.labels=megc3", "model.size=32", "training.epochs=60", "protocol.folds=3")
"""Drawn clips have no class ``other``. There are fewer frames than in SAMM, so they are seen more often."""
PROTOCOLS = {
    "stratified-kfold": ("Folds over frames", "shared", ()),
    "by-subject": ("Folds over people", "clean", ("protocol.name=kfold",)),
}
"""Recipe: what it is called, where its score stands, and what else is changed; both have three folds."""


def score(recipe: str, folder: Path) -> dict[str, Any]:
    """The score of one recipe on the drawn clips, run or found."""
    _, kind, changes = PROTOCOLS[recipe]
    experiment = fleeting.read_recipe(f"broadbent/{recipe}", changes=(*SMALLER, *changes))
    out = folder.with_name(f"{folder.name}-{recipe}")
    fleeting.run(experiment, {"samm": folder}, out)
    scores: dict[str, Any] = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    return {**scores[kind], "classes": scores["classes"]}


def confusion(axes: Axes, title: str, found: dict[str, Any]) -> None:
    """Truth down, prediction across, in frames; the scores above."""
    axes.imshow(
        [[n / sum(row) for n in row] for row in found["confusion"]],
        cmap="Greens",
        vmin=0,
        vmax=1,
        aspect="auto",
    )
    for truth, row in enumerate(found["confusion"]):
        for predicted, count in enumerate(row):
            color = "white" if count > sum(row) / 2 else "#1f2933"
            axes.text(predicted, truth, count, ha="center", va="center", color=color)
    places = range(len(found["classes"]))
    axes.set_xticks(places, found["classes"])
    axes.set_yticks(places, found["classes"], rotation=90, va="center")
    axes.set(xlabel="predicted", ylabel="truth")
    axes.set_title(f"{title}\naccuracy {found['accuracy']:.3f}, UF1 {found['uf1']:.3f}", fontweight="bold")


def main() -> None:
    """Draw, run twice, and write the picture."""
    folder = Path(sys.argv[1])
    if not (folder / "truth.json").exists():
        fleeting.draw(folder, layout="samm", subjects=5, clips=6, seed=11)
    figure = Figure(figsize=(8, 4), dpi=100, layout="constrained")
    for axes, (recipe, (title, _, _)) in zip(figure.subplots(1, 2), PROTOCOLS.items(), strict=True):
        found = score(recipe, folder)
        confusion(axes, title, found)
        print(title, {key: found[key] for key in ("n", "accuracy", "uf1", "uar", "ci95")})
    figure.savefig(TARGET)
    print(TARGET)


if __name__ == "__main__":
    main()
