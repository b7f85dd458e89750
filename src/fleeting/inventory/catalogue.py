"""Lists every registered thing as a row of facts, for `fleeting list`, the docs and the web page."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from fleeting.apex import apex_finders
from fleeting.augment import augmentations
from fleeting.datasets import datasets, label_sets
from fleeting.errors import MissingExtraError, OptionError, UnknownNameError
from fleeting.executors import executors
from fleeting.experiments.recipe import read_recipe, recipe_names
from fleeting.modalities import modalities
from fleeting.optional import has_torch
from fleeting.protocols import protocols
from fleeting.recognition.recogniser import Recogniser, recognisers
from fleeting.registry import Registry, summary
from fleeting.spotting import spotters

Row = dict[str, Any]
UNCOUNTED: Mapping[str, int | None] = {"parameters": None, "flops": None}


def catalogue(
    kind: str, *, measure: bool = False, progress: Callable[[str, int, int], None] = lambda *_: None
) -> list[Row]:
    """One row for each thing of a kind: its name, what it is, and further facts such as source or options.

    ``measure`` adds to each model what one sample costs on one core (see
    `fleeting.inventory.model_costs.measured`), and takes some seconds per model. Raises UnknownNameError on
    an unknown kind, OptionError where anything but models is to be measured.

    >>> [row["name"] for row in fleeting.catalogue("protocols")][:2]
    ['holdout', 'holdout-clips']
    """
    if measure and kind != "models":
        raise OptionError(f"only models are measured, and the list is of {kind}; leave --measure out")
    kinds: Mapping[str, Callable[[], list[Row]]] = {
        "models": lambda: _models(measure, progress),
        "datasets": lambda: [_dataset(name) for name in datasets],
        "recipes": lambda: [_recipe(name) for name in recipe_names()],
        "modalities": lambda: _plain(modalities),
        "apex-finders": lambda: _plain(apex_finders),
        "protocols": lambda: _plain(protocols),
        "spotters": lambda: _plain(spotters),
        "recognisers": _recognisers,
        "augmentations": lambda: _plain(augmentations),
        "executors": lambda: _plain(executors),
        "label-sets": lambda: [{"name": n, "what": summary(s), "source": ""} for n, s in label_sets.items()],
    }
    if kind not in kinds:
        raise UnknownNameError("list", kind, kinds)
    return kinds[kind]()


def _plain(registry: Registry[Any]) -> list[Row]:
    rows = []
    for name in registry:
        keyword = inspect.signature(registry[name]).parameters.values()
        options = {p.name: p.default for p in keyword if p.kind is p.KEYWORD_ONLY}
        rows.append({"name": name, "what": summary(registry[name]), "options": options})
    return rows


def _recognisers() -> list[Row]:
    return [{"name": n, "what": f"classes {', '.join(Recogniser.load(n).classes)}"} for n in recognisers()]


def _dataset(name: str) -> Row:
    dataset = datasets[name]
    return {
        "name": name,
        "what": dataset.title,
        "source": dataset.paper,
        "access": dataset.access,
        "licence": dataset.licence,
        "labels": list(dataset.label_sets),
    }


def _recipe(name: str) -> Row:
    recipe = read_recipe(name)
    return {
        "name": name,
        "what": f"{recipe.model.name} on {', '.join(recipe.model.inputs)} of {recipe.data.dataset}",
        "source": recipe.paper,
        "reported": recipe.reported.model_dump(exclude_none=True),
    }


def _models(measure: bool, progress: Callable[[str, int, int], None]) -> list[Row]:
    from fleeting.models import models  # torch takes seconds, and only models need it

    if not has_torch():
        return _models_without_torch(measure)
    from fleeting.inventory.model_costs import counted, measured

    rows = [_model(name, counted(name)) for name in models]
    if measure:
        for number, cost in enumerate(measured([row["name"] for row in rows])):
            rows[number] |= cost
            progress("measuring models", number + 1, len(rows))
    return rows


def _models_without_torch(measure: bool) -> list[Row]:
    """All models, the networks by what their files say; nothing is counted."""
    from fleeting.models import models

    if measure:
        raise MissingExtraError("torch", "train")
    lacking: list[Row] = [
        {"name": name, "what": what, "source": "needs torch: fleeting[train]", "inputs": {}, **UNCOUNTED}
        for name, what in models.wanting.items()
    ]
    rows = [*(_model(name, UNCOUNTED) for name in models), *lacking]
    return sorted(rows, key=lambda row: str(row["name"]))


def _model(name: str, counts: Mapping[str, int | None]) -> Row:
    from fleeting.models import models

    return {
        "name": name,
        "what": summary(models[name]),
        "source": models[name].paper,
        "inputs": {key: list(shape) for key, shape in models[name].inputs.items()},
        **counts,
    }
