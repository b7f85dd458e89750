"""Every recipe in the package: its table is right, and it runs end to end, small, on drawn folders."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import fleeting
from fleeting.augment import augmentations
from fleeting.datasets import datasets, label_sets
from fleeting.experiments.recipe import Experiment, read_recipe, recipe_names
from fleeting.modalities import modalities
from fleeting.models import models

MOVED = {
    "difference",
    "flow",
    "flow-map",
    "flow-offset",
    "flow-sequence",
    "flow-strain",
    "mesti",
    "region-map",
    "signed-difference",
    "strain",
}
"""Inputs that are a movement: what moved, where to, or what changed between onset and apex.

The others are pictures of a face in which the movement is a shadow: single frames, and sums over all frames
(dynamic, active and affective images, sequences). On sixteen-odd people of two photographs a small network
learns the face before it learns the shadow, so nothing is asked of them but that they run.
"""
UNASKED = {
    "compared/efficientnet-b0": "on 30 clips it begins to learn or not: five seeds have 0.24 to 0.62",
    "dfrnet/smic": "of 24 coarse clips it learns the photographs; of the composite's 60 the movement",
    "dfrnet/temporal-spatial": "its motion is averaged over the picture: how far, and not where",
    "htnet/as-published": "its batches hold one class each, and its values are 0 to 255: slow to begin",
    "meganet/gradient-attention-only": "one convolution and a mean",
    "meganet/self-attention-only": "one convolution, and attention to what it found",
}
"""Systems that see a movement and of which nothing is asked either, with the reason."""
SEEDS = 3
"""Trainings of which one has to learn: the smallest fail to begin now and then, elsewhere others."""
FEW = 20
"""Of fewer clips than this, as a hold-out of drawn ones tests, a score is luck."""
SMALLER = {
    "data.apex",  # finding it takes longer than training
    "data.moments",
    "data.labels",  # drawn clips have no class "other"
    "modality.difference-sequence.frames",
    "modality.flow-sequence.backend",  # so many fields by TV-L1 take longer than training
    "modality.flow-sequence.fields",
    "modality.flow-strain.backend",
    *(f"protocol.{key}" for key in ("name", "folds", "seed", "test_share")),  # fewer folds
    *(
        f"training.{key}"
        for key in ("lr", "batch", "epochs", "schedule", "optimizer", "augment", "selection")
    ),
    *(f"training.diffusion.{key}" for key in ("epochs", "width", "sampling_steps")),
    "training.episodes.count",
    *(f"training.pretraining.{key}" for key in ("epochs", "lr", "batch")),
    "training.remove_attention",
    "training.trace_oracle",
}
"""What a [quick] table may change beside the sizes of a model."""


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_names_what_exists_and_is_complete(name):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert recipe.paper
    assert recipe.data.labels in label_sets
    assert set(recipe.model.inputs) <= set(modalities)
    assert set(recipe.training.augment) <= set(augmentations)
    assert len(recipe.model.inputs) == len(models[recipe.model.name].inputs)
    assert set(recipe.reported.parts) <= set(datasets)
    assert recipe.completed().completed() == recipe.completed()


@pytest.mark.parametrize("name", recipe_names())
def test_quick_is_the_same_system_only_smaller(name):
    whole, quick = (flat(read_recipe(name, quick=hurried).completed()) for hurried in (False, True))
    changed = {key for key in {*whole, *quick} if whole.get(key) != quick.get(key)} - {"changed"}
    other = {key for key in changed if not key.startswith("model.")} - SMALLER
    assert not other, f"[quick] changes {other}"
    assert whole["model.name"] == quick["model.name"]
    assert whole["model.inputs"] == quick["model.inputs"]


@pytest.mark.parametrize("name", recipe_names())
def test_what_a_paper_reports_is_a_share(name):
    for reported in (read_recipe(name).reported, *read_recipe(name).reported.parts.values()):
        for key in ("uf1", "uar", "f1", "accuracy", "precision", "recall", "auc"):
            assert 0 <= (getattr(reported, key) or 0) <= 1, key


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Drawn folders, made once for all test processes: the composite's, in which casme2, samm and smic lie.

    Beside it lie a SAMM of a few clips, for the paper that looks for a face in every single frame, and a
    CAS(ME)^3 whose classes differ in size, so that diffusion has something to fill up, and a folder in which
    that one and the composite are together.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "drawn-megc2019"
    with (shared / "drawn.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the others wait for the one that draws
        if not (folder / "truth.json").exists():
            few = {"subjects": 2, "clips": 3, "flows": 0, "seed": 11, "workers": 1}
            fleeting.draw(shared / "drawn-frames", layout="samm", **few)
            fleeting.draw(
                shared / "drawn-casme3", layout="casme3", subjects=5, clips=7, flows=0, seed=11, workers=1
            )
            fleeting.draw(folder, layout="megc2019", subjects=5, clips=6, seed=11, workers=1)
            (both := shared / "drawn-both").mkdir()
            (both / "casme3").symlink_to(shared / "drawn-casme3")
            for member in ("casme2", "samm", "smic"):
                (both / member).symlink_to(folder / member)
            as_own_clips(folder / "casme2", shared / "drawn-clips")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLEETING_CACHE", str(shared / "cache"))  # every picture is looked at once
        yield folder


def as_own_clips(casme2: Path, folder: Path) -> None:
    """The drawn clips of CASME II as a person would keep them: a folder of pictures each, and one table."""
    folder.mkdir()
    adapter = datasets["casme2"]
    rows = ["file,subject,onset,apex,offset,label"]
    for sample in adapter.samples(casme2):
        first = adapter.frames(casme2, sample)[0]
        name, person = sample.id.replace("/", "-"), sample.subject.partition("/")[2]
        (folder / name).symlink_to(first.parent)
        rows.append(f"{name},{person},{sample.onset},{sample.apex},{sample.offset},{sample.label}")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")


def a_sample():
    """A recipe for each model, and an eighth of the others. `studies/all_tables.py` runs all."""
    first: dict[str, str] = {}
    for name in recipe_names():
        first.setdefault(read_recipe(name).model.name, name)
    others = [name for name in recipe_names() if name not in first.values()]
    return sorted([*first.values(), *others[1::8]])


@pytest.mark.slow
@pytest.mark.parametrize("name", a_sample())
def test_a_recipe_runs_on_drawn_folders(name, drawn, tmp_path):
    recipe = in_few_folds(on_frames(read_recipe(name, quick=True)))
    dataset = recipe.data.dataset
    alone = {"megc2019": drawn, "drawn": None, "casme3": drawn.with_name("drawn-casme3")}
    alone["megc2019-casme3"] = drawn.with_name("drawn-both")
    alone["clips"] = drawn.with_name("drawn-clips")
    root = alone.get(dataset, drawn / dataset)
    if recipe.data.unit == "frame":
        root = drawn.with_name("drawn-frames")
    asked = set(recipe.model.inputs) & MOVED and name not in UNASKED
    for seed in range(SEEDS if asked else 1):
        done = fleeting.run(with_seed(recipe, seed), {dataset: root} if root else {}, tmp_path / str(seed))
        score = done.scores[done.rule]
        least = 0.6 if score["n"] >= 90 else 0.5  # of 30 clips, luck is 0.09 either way
        if score["n"] < FEW or score["uf1"] >= least:
            break
    assert score["n"] > 0
    assert not done.scores["incomplete"]
    assert all(np.isfinite(score[key]) for key in ("uf1", "uar", "accuracy", "mse"))
    assert (tmp_path / "0" / "report.html").exists()
    assert not asked or score["n"] < FEW or score["uf1"] >= least
    shutil.rmtree(tmp_path)  # some sixty runs are a lot


def with_seed(recipe: Experiment, seed: int) -> Experiment:
    return recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": seed})})


def on_frames(recipe: Experiment) -> Experiment:
    """On the composite's frames, where the recipe's own data are the published maps: those are not drawn."""
    if recipe.data.dataset != "megc2019-flow":
        return recipe
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"dataset": "megc2019"})})


def in_few_folds(recipe: Experiment) -> Experiment:
    """The composite in five folds of people, not one for each; `test_every_recipe_protocol` cuts its own."""
    if recipe.protocol.name != "loso" or recipe.data.dataset != "megc2019":
        return recipe
    return recipe.model_copy(update={"protocol": type(recipe.protocol)(name="kfold", folds=5)})


def flat(recipe: Experiment) -> dict[str, object]:
    found: dict[str, object] = {}

    def walk(table: dict[str, object], above: str) -> None:
        for key, value in table.items():
            if isinstance(value, dict):
                walk(value, f"{above}{key}.")
            else:
                found[above + key] = value

    walk(recipe.model_dump(), "")
    return found
