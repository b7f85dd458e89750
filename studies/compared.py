"""Runs every system that can live on the composite's 28x28 motion maps, and draws published against clean.

`composite_tables.py` asks what networks reach at three sizes; this asks what each compared system's published
number is worth. Systems made for pictures of a face are given the maps instead, at sizes that the marks name;
a run with fewer folds, epochs or seeds than its recipe's is marked reduced. What was not named is not run. If
it is killed and started again, it continues where it was. The page has each number with its command, the
oracle and the null beside it, and before it says how often a test side was looked at for the oracle; it never
chooses. `--night` runs all on ten folds of people, the slowest for fewer epochs: what two cores do in hours.

    python studies/compared.py MAPS [--night] [--systems NAME ...] [--seeds 1] [--folds N] [--epochs N]
                                      [--executor processes] [--out runs/composite-table]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

import fleeting
from fleeting.display.figures import CLEAN, INK, OTHER, STYLE
from fleeting.experiments.recipe import Experiment, read_recipe
from fleeting.experiments.recipe_tables import Reported
from fleeting.experiments.run_folder import Run
from fleeting.files import write_atomically
from fleeting.models import is_network
from fleeting.reports.markdown import write_results

LINE = "linear-flow"
"""The system that the others are tested against, and whose score is a line through the figure."""
ON_MAPS = (
    "data.dataset=megc2019-flow",
    "data.labels=megc3",
    'data.release=""',
    "data.leave_out=[]",
    "data.equalise=false",
    "data.color=rgb",
    'model.inputs=["flow-map"]',
    "model.size=28",
)
"""What puts a system made for pictures onto the maps."""
UNTURNED = (*ON_MAPS, 'training.augment=["mirror"]')
"""The same where its training turns pictures: scaled maps have no direction left to turn."""


class System(NamedTuple):
    """A recipe, the changes that make it fit the maps, and what is to be said of these."""

    recipe: str
    changes: tuple[str, ...] = ()
    mark: str = ""
    night: int | None = None
    """The most epochs with `--night`; None for the recipe's own."""
    published: str = ""
    """The recipe that knows what was published; without it, the system's own."""


NIGHT_FOLDS = 10
SYSTEMS: Mapping[str, System] = {
    LINE: System("megc2019/linear-flow"),
    "symmetric-flow": System("megc2019/symmetric-flow"),
    "svm-flow": System("megc2019/svm-flow"),
    "ststnet": System("megc2019/ststnet"),
    "off-apexnet": System("megc2019/off-apexnet"),
    "rcn": System("megc2019/rcn"),
    "capsulenet": System("megc2019/capsulenet"),
    "sssnet": System("compared/sssnet", night=50),
    "dual-atme": System("compared/dual-atme", night=30),
    "featref": System("compared/featref"),
    "fgrl-auf": System("compared/fgrl-auf", night=50),
    "gts-gn": System("compared/gts-gn", (*ON_MAPS, "training.units=[]"), "the published maps have no units"),
    "affectivenet": System(
        "compared/affectivenet", ON_MAPS, "motion maps instead of affective images of 112"
    ),
    "htnet": System("htnet/small-28", mark="a tenth of its width", published="htnet/base"),
    "learnet": System("compared/learnet", ON_MAPS, "motion maps instead of dynamic images of 112"),
    "originet": System("compared/originet", ON_MAPS, "motion maps instead of active images of 128"),
    "macnn": System(
        "compared/macnn",
        (*ON_MAPS, "model.hidden=256"),
        "motion maps instead of apex frames; hidden 256",
        night=30,
    ),
    "micro-attention": System(
        "meganet/micro-attention-mesti", UNTURNED, "motion maps instead of MESTI of 224", night=25
    ),
    "meganet": System("meganet/three-classes", UNTURNED, "motion maps instead of MESTI of 224"),
}


def experiment_of(
    system: System, seeds: int, folds: int | None, epochs: int | None
) -> tuple[Experiment, tuple[str, ...]]:
    """The experiment of a system at a size, and its marks."""
    whole = read_recipe(system.recipe, changes=system.changes)
    changes, marks = [*system.changes, f"training.seeds={seeds}"], [system.mark] if system.mark else []
    if folds:
        changes += ["protocol.name=kfold", f"protocol.folds={folds}"]
        marks.append(f"reduced: {folds} folds of people instead of 68")
    if epochs and epochs < whole.training.epochs and is_network(whole.model.name):
        changes.append(f"training.epochs={epochs}")
        marks.append(f"reduced: {epochs} epochs instead of {whole.training.epochs}")
    return read_recipe(system.recipe, changes=changes), tuple(marks)


def looks(run: Run) -> int:
    """How often a test side was scored for the oracle: epochs, folds and seeds; none of these chose."""
    training = run.experiment.completed().training
    if not run.scores["oracle"]:
        return 0
    return int(training.epochs * run.scores["folds"] * training.seeds)


def published(name: str) -> Reported:
    """What was published of a system."""
    return read_recipe(SYSTEMS[name].published or SYSTEMS[name].recipe).reported


def points(name: str, run: Run) -> Iterator[tuple[str, str, float, float]]:
    """System, part ("" is the composite), published UF1 and clean UF1, where both are known."""
    said = published(name)
    scores: dict[str, Any] = run.scores["clean"]
    if said.uf1 is not None:
        yield name, "", said.uf1, scores["uf1"]
    for part, reported in said.parts.items():
        of_part = scores["parts"].get(part)
        if reported.uf1 is not None and of_part and of_part["uf1"] is not None:
            yield name, part, reported.uf1, of_part["uf1"]


def figure(runs: Mapping[str, Run]) -> bytes:
    """Published UF1 across, clean UF1 up: a mark for each system and part; linear-flow is a line."""
    found = [point for name, run in runs.items() for point in points(name, run)]
    shapes = {"": "o", "smic": "s", "casme2": "^", "samm": "D"}
    with mpl.rc_context(STYLE):
        drawn = Figure(figsize=(6.4, 5.6), layout="constrained")
        axes = drawn.subplots()
        axes.plot([0, 1], [0, 1], color=OTHER, linewidth=1, linestyle=":")
        named: list[tuple[float, float]] = []
        for name, part, across, up in sorted(found, key=lambda point: -point[3]):
            axes.plot(across, up, shapes[part], color=CLEAN, markersize=9 if not part else 6)
            close = any(abs(across - x) < 0.08 and abs(up - y) < 0.02 for x, y in named)
            beside = (6, -9) if close else (6, 4)
            axes.annotate(name, (across, up), xytext=beside, textcoords="offset points", fontsize=7)
            named.append((across, up))
        for part, shape in shapes.items():
            axes.plot([], [], shape, color=CLEAN, label=part or "composite")
        if LINE in runs:
            level = runs[LINE].scores["clean"]["uf1"]
            axes.axhline(level, color=INK, linewidth=1.2, label=f"{LINE}, clean, composite: {level:.3f}")
        least = min([0.5, *(min(point[2:]) for point in found)]) - 0.05
        axes.set(xlim=(least, 1), ylim=(least, 1), xlabel="published UF1", ylabel="clean UF1 here")
        axes.set_aspect("equal")
        axes.legend(frameon=False, fontsize=8, loc="upper left")
        written = BytesIO()
        drawn.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def told(name: str, run: Run, marks: Sequence[str]) -> str:
    """One line: clean, oracle and null, the looks, and what is reduced."""
    scores, printed = run.scores, published(name)
    clean, oracle, null = scores["clean"], scores["oracle"], scores["null"]
    beside = "unknown" if printed.uf1 is None else f"{printed.uf1:.3f}"
    other = f", oracle {oracle['uf1']:.3f}, guessing so {null['uf1']:.3f}" if oracle and null else ""
    note = f" ({'; '.join(marks)})" if marks else ""
    return (
        f"{name:16s} clean UF1 {clean['uf1']:.3f}{other}; published {beside};"
        f" {looks(run)} looks at test sides{note}"
    )


def main() -> None:
    """Run the systems, print a line for each, and write the page and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("maps", type=Path, help="the folder of the composite's motion maps")
    parser.add_argument("--night", action="store_true", help=f"{NIGHT_FOLDS} folds, the slowest shortened")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--folds", type=int, help="so many folds of people; without it, one for each")
    parser.add_argument("--epochs", type=int, help="at most so many epochs; without it, each recipe's own")
    parser.add_argument("--executor", default="processes", help="serial, processes or stacked")
    parser.add_argument("--out", type=Path, default=Path("runs/composite-table"))
    given = parser.parse_args()
    runs: dict[str, Run] = {}
    lines, begun = [], time.perf_counter()
    folds = given.folds or (NIGHT_FOLDS if given.night else None)
    size = f"{given.seeds}-{folds or 'loso'}"
    for name in given.systems:
        system = SYSTEMS[name]
        epochs = given.epochs or (system.night if given.night else None)
        experiment, marks = experiment_of(system, given.seeds, folds, epochs)
        folder = given.out / f"{name}-{size}-{epochs or 'all'}"
        runs[name] = fleeting.run(experiment, {"megc2019-flow": given.maps}, folder, executor=given.executor)
        lines.append(told(name, runs[name], marks))
        print(f"{lines[-1]}   {(time.perf_counter() - begun) / 60:.1f} min so far", flush=True)
    lines += [f"{name:16s} not run" for name in SYSTEMS if name not in runs]
    write_atomically(given.out / f"looks-{size}.txt", "\n".join(lines) + "\n")
    write_atomically(given.out / f"published-{size}.svg", figure(runs))
    print(write_results(list(runs.values()), given.out / f"table-{size}.md", names=list(runs)))


if __name__ == "__main__":
    main()
