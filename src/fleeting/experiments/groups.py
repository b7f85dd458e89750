"""Lists the recipes of a group, each on every dataset for which it reports numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fleeting.datasets import datasets
from fleeting.experiments.recipe import Experiment, read_recipe, recipe_names
from fleeting.experiments.run_folder import Run


def unrun(runs: Sequence[Run]) -> list[Experiment]:
    """The recipes of these runs' groups, on each dataset that they report numbers for, that were not run."""
    done = {(run.experiment.name, run.experiment.data.dataset) for run in runs if not run.experiment.altered}
    groups = {run.experiment.name.partition("/")[0] for run in runs}
    named = [name for name in recipe_names() if name.partition("/")[0] in groups]
    everything = planned(named, dict.fromkeys(datasets, Path()), quick=False, changes=[])
    return [e for e in everything if not e.altered and (e.name, e.data.dataset) not in done]


def planned(
    named: Sequence[str], data: Mapping[str, Path], quick: bool, changes: Sequence[str]
) -> Iterator[Experiment]:
    """The named recipes on each dataset in ``data`` that they can use, with the changes applied."""
    for name in named:
        recipe = read_recipe(name)
        own, *others = datasets_of(recipe)
        for dataset in (own, *others):
            if dataset in data or not datasets[dataset].needs_root:
                other = [] if dataset == own else [f"data.dataset={dataset}"]
                part = recipe.reported.parts.get(dataset)
                if other and part and part.labels and not quick:  # [quick] sets its own labels
                    other.append(f"data.labels={part.labels}")
                yield read_recipe(name, quick=quick, changes=[*changes, *other])


def datasets_of(recipe: Experiment) -> list[str]:
    """The datasets that a recipe can run on: its own, and where it reports by dataset, the others of these.

    Parts of a composite are no datasets of their own: the recipe was not meant for one of them alone.
    """
    own, reported = recipe.data.dataset, recipe.reported.parts
    return [own, *(name for name in reported if own in reported and name != own)]
