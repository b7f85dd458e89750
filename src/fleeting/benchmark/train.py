"""Trains weights on all subjects, and adds the score and calibration of models tested on unseen subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fleeting.benchmark.execution import Execution
from fleeting.benchmark.run import run
from fleeting.datasets import datasets
from fleeting.errors import LeakError, OptionError, WeightsError
from fleeting.experiments.fold import choose
from fleeting.experiments.recipe import Experiment, as_experiment
from fleeting.experiments.recipe_tables import ModelChoice
from fleeting.experiments.run_folder import Run, read_json
from fleeting.experiments.samples import Prepared, folders_of, on_data, prepare
from fleeting.experiments.task import fold_seed, trained
from fleeting.files import path_of, utf8
from fleeting.models import models
from fleeting.output.owned import owned
from fleeting.output.single import refuse_foreign, write_own
from fleeting.recognition.calibration import SURE, Calibration, calibrate
from fleeting.recognition.card import card
from fleeting.recognition.recogniser import FILE
from fleeting.recognition.typicality import LEAST, Typicality, learn
from fleeting.recognition.weights import (
    Check,
    DataFacts,
    Facts,
    InputFacts,
    Score,
    Weights,
    read_weights,
    write_weights,
)
from fleeting.registry import changed
from fleeting.training.threads import threads
from fleeting.types import Progress
from fleeting.version import __version__

CARD = "README.md"


@dataclass(frozen=True, eq=False)
class Trained:
    """Weights, the file that holds them, and the out-of-fold run that gave their score and calibration."""

    path: Path
    weights: Weights
    run: Run


def train(
    experiment: Experiment | str | Path,
    data: Mapping[str, str | Path] | None = None,
    out: str | Path | None = None,
    execution: Execution = Execution(),
    *,
    sure: float = SURE,
    replace: bool = False,
    **changes: Any,
) -> Trained:
    """Train weights on all subjects of an experiment, and store with them what its folds say of such weights.

    First the experiment is run clean, or its finished run is found again. Its out-of-fold predictions give
    the score and the calibration: of the answers that are called sure, a share ``sure`` shall be right. Then
    the same recipe is trained on all samples with its first seed. Where folds choose their settings
    (``[choose]``), all subjects together choose once more; the score is still that of the folds, and the
    calibration comes from a run with the chosen settings. Weights on motion maps get a check of how usual a
    map is (`fleeting.recognition.typicality`). A folder ``out`` (by default one below ``weights``)
    gets ``weights.safetensors``, the card ``README.md`` and the run; where ``out`` ends in ``.safetensors``,
    the run lies below ``runs``. Raises LeakError on a protocol that shares subjects, OptionError on shuffled
    labels, OutputError on a folder or a file that is not ours (unless ``replace`` is true), and the errors of
    `fleeting.run`.

    >>> trained = fleeting.train("drawn/linear-flow", out="weights")
    >>> trained.weights.facts.classes
    ('negative', 'positive', 'surprise')
    """
    execution, data = changed(execution, changes, "train"), folders_of(data)
    out = None if out is None else path_of(out, "out")
    experiment = _to_deploy(on_data(as_experiment(experiment), data))
    _refuse_unfit(sure, execution)
    path, folder = _places(experiment, out)
    prepared = prepare(experiment.completed(), data, skip_damaged=False, progress=execution.progress)
    _refuse_shared(experiment, prepared)
    run_it = partial(run, execution=execution, replace=replace)
    job = partial(_trained, experiment, data, prepared, sure, run_it, execution.progress)
    if folder is None:
        refuse_foreign(path, replace=replace)
        with TemporaryDirectory() as staged:
            weights, clean = job(None, Path(staged))
            write_own(path, (Path(staged) / FILE).read_bytes(), replace=replace)
        return Trained(path, weights, clean)
    with (
        owned(
            folder,
            "train",
            {"recipe": experiment.name},
            inputs=list(data.values()),
            earlier=_earlier,
            replace=replace,
        ) as own,
        own.staging() as staging,
    ):
        weights, clean = job(folder, staging)
        own.put_all(staging)
        own.save()
    return Trained(path, weights, clean)


def _refuse_unfit(sure: float, execution: Execution) -> None:
    if not 0 < sure < 1:
        raise OptionError(f"the share of sure answers to be right is {sure}; expected between 0 and 1")
    if execution.skip_damaged:
        raise OptionError("weights are trained on everybody, so no clip is left out; leave skip_damaged out")


def _refuse_shared(experiment: Experiment, prepared: Prepared) -> None:
    """Raise LeakError where a fold has a subject on both sides."""
    if any(fold.subjects_shared for fold in prepared.folds):
        name = experiment.protocol.name
        raise LeakError(
            f"protocol {name} shares subjects, so no clean score could stand beside the weights; use"
            " protocol.name=loso"
        )


def _earlier(folder: Path) -> dict[str, str] | None:
    """What is known of a folder of weights that a version without records left; None for others."""
    try:
        read_weights(folder / FILE)
    except WeightsError:
        return None
    return {}


def _trained(
    experiment: Experiment,
    data: Mapping[str, Path],
    prepared: Prepared,
    sure: float,
    run: Callable[..., Run],
    progress: Progress,
    folder: Path | None,
    staging: Path,
) -> tuple[Weights, Run]:
    """Run the experiment clean below ``folder``, train on everybody, write the weights and their card.

    The run lies where `fleeting.run` puts it if ``folder`` is None.
    """
    clean = run(experiment, data, folder and folder / "run")
    everything = np.arange(len(prepared.task.inputs.samples))
    progress("training on everybody", 0, 1)
    seed = fold_seed(experiment.training.seed, "everybody")
    settled, chosen = choose(prepared.task, everything, seed)
    fitted = trained(settled, everything, seed)
    progress("training on everybody", 1, 1)
    alike = clean
    if chosen:  # folds that chose other settings do not show this model's confidence
        alike = run(settled.experiment, data, folder and folder / "run-of-the-chosen")
    typicality = _typicality(prepared)
    facts = _facts(prepared, settled.experiment.model, clean, calibrate(alike.by_seed[0], sure))
    facts = facts.model_copy(update={"check": typicality and _check(prepared, typicality)})
    arrays = {**fitted.state(), **(typicality.arrays() if typicality else {})}
    weights = write_weights(staging / FILE, facts, arrays)
    (staging / CARD).write_bytes(utf8(card(weights.facts, weights.sha256)))
    return weights, clean


def _to_deploy(experiment: Experiment) -> Experiment:
    """The experiment with one seed and nothing traced or kept: these options do not change what is learnt."""
    if experiment.data.shuffle_labels:
        raise OptionError("data.shuffle_labels is a control, its weights know nothing; leave it out")
    plain = {"trace_oracle": False, "trace_loss": False, "keep_weights": False, "seeds": 1}
    return experiment.model_copy(update={"training": experiment.training.model_copy(update=plain)})


def _places(experiment: Experiment, out: Path | None) -> tuple[Path, Path | None]:
    """The weights' file, and the folder that it and its run are written to (None: for the file alone)."""
    if out is not None and out.suffix == Path(FILE).suffix:
        return out, None
    folder = out or Path("weights", experiment.name)
    return folder / FILE, folder


def _facts(prepared: Prepared, model: ModelChoice, run: Run, calibration: Calibration) -> Facts:
    experiment, inputs = prepared.task.experiment, prepared.task.inputs
    data = experiment.data
    dataset = datasets[data.dataset]
    named = zip(model.inputs, inputs.arrays, strict=True)
    return Facts(
        name=experiment.name,
        fleeting=__version__,
        model=model.name,
        options=model.model_extra or {},
        classes=prepared.task.classes,
        inputs=tuple(
            InputFacts(modality=name, shape=array.shape[1:], options=experiment.modality.get(name, {}))
            for name, array in named
        ),
        apex=data.apex,
        color=data.color,
        crop=data.crop,
        height=data.height,
        equalise=data.equalise,
        data=DataFacts(
            dataset=dataset.name,
            labels=data.labels,
            samples=len(inputs.samples),
            subjects=len({sample.subject for sample in inputs.samples}),
            sha256=read_json(run.path / "environment.json")["identity"]["data_sha256"],
            licence=dataset.licence,
            ready_made=prepared.ready_made,
            drawn=prepared.drawn_people,
        ),
        protocol=experiment.protocol.name,
        clean=_score(run.scores["clean"]),
        note=experiment.reported.note,
        warning=_warning(model),
        calibration=calibration,
        recipe=experiment.toml(),
    )


def _typicality(prepared: Prepared) -> Typicality | None:
    inputs = prepared.task.inputs
    with threads(prepared.task.experiment.training.threads):
        return learn(inputs.arrays, inputs.kinds, [sample.subject for sample in inputs.samples])


def _check(prepared: Prepared, typicality: Typicality) -> Check:
    """What the check lets through of people that it was not learnt from."""
    usual = typicality.of_training() >= LEAST
    datasets_of = np.array([sample.dataset for sample in prepared.task.inputs.samples])
    names = sorted(set(datasets_of))
    parts = {str(name): float(usual[datasets_of == name].mean()) for name in names[1:] and names}
    passed = {"all": float(usual.mean()), **parts}
    return Check(directions=len(typicality.plane), least=LEAST, passed=passed)


def _warning(model: ModelChoice) -> str:
    """A warning for those who hand on weights of this model; empty where there is nothing to warn of."""
    if not getattr(models[model.name], "holds_clips", False):
        return ""
    return "These weights are training clips, shrunk and blurred: who hands them on hands on the data."


def _score(scores: Mapping[str, object]) -> Score:
    kept = {name: scores[name] for name in Score.model_fields if name != "parts"}
    parts = scores["parts"]
    found = {name: _score(part) for name, part in parts.items()} if isinstance(parts, dict) else {}
    return Score.model_validate({**kept, "parts": found})
