"""Makes a case of a run's clip: opens the clip as the run did, with the model that predicted it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file

from fleeting.datasets import released
from fleeting.errors import RunError, UnknownNameError, WeightsError
from fleeting.experiments.run_folder import Run, fold_folder, read_json
from fleeting.experiments.samples import root_of, samples_of, view_of
from fleeting.explanations.cases import Case
from fleeting.files import legible
from fleeting.inputs.loading import load, open_clip
from fleeting.models import build
from fleeting.recognition.recogniser import Recogniser, fitted
from fleeting.training.fitted import Fitted
from fleeting.types import FloatArray, Prediction


class RunClips:
    """The clips of a run, opened one by one as the run opened them, each with the model that predicted it.

    ``data`` names the dataset's folder, by default the one that the run used. With ``weights``, the name or
    file of a recogniser, that recogniser is asked in place of the fold's model.
    """

    def __init__(self, run: Run, data: Mapping[str, Path] | None, weights: str | Path | None = None) -> None:
        asked = run.experiment.data
        self._run, self._dataset = run, released(asked.dataset, asked.release)
        if data is None:
            told = read_json(run.path / "environment.json").get("data", {})
            data = {name: Path(path) for name, path in told.items()}
        self._root = root_of(self._dataset, data)
        samples, _, _ = samples_of(run.experiment, self._dataset, self._root)
        self._samples = {legible(sample.id): sample for sample in samples}
        self._predictions = {p.id: p for p in run.by_seed[0]}
        self._weights = weights
        self._recogniser = None if weights is None else Recogniser.load(weights)

    def case(self, clip: str) -> Case:
        """The case of one clip, by its id.

        Raises UnknownNameError on an unknown clip, RunError if the run's data are gone or damaged, and
        WeightsError if the fold kept no weights that fit.
        """
        if clip not in self._predictions:
            raise UnknownNameError("clip of this run", clip, self._predictions)
        if clip not in self._samples:
            raise RunError(f"{self._root} has no clip {clip} any more; name the run's data with --data")
        sample, prediction = self._samples[clip], self._predictions[clip]
        view = self._recogniser.view if self._recogniser else view_of(self._run.experiment)
        inputs = load(self._dataset, self._root, [sample], view)
        if inputs.problems:
            raise RunError(f"{inputs.problems[0]}")
        arrays = [array[0] for array in inputs.arrays]
        ready = all(item.modality in self._dataset.ready for item in view.inputs)
        opened = None if ready else open_clip(self._dataset, self._root, sample, view).clip
        return Case(
            name=clip,
            view=view,
            arrays=arrays,
            clip=opened,
            truth=self._run.classes[prediction.truth],
            **self._asked(prediction, arrays),
        )

    def _asked(self, prediction: Prediction, arrays: Sequence[FloatArray]) -> dict[str, Any]:
        """The fields of `Case` about the model: the model, its name, its probabilities and notes on it."""
        batch = [array[None] for array in arrays]
        if self._recogniser is not None and self._weights is not None:
            said = self._recogniser.probabilities(batch)[0]
            model, name, classes = fitted(self._weights), self._recogniser.name, self._recogniser.classes
            notes = ["These weights were trained on everybody, perhaps on this clip too."]
        else:
            model, classes = self._fold_model(prediction, arrays), self._run.classes
            name, said = self._run.experiment.name, model.probabilities(batch)[0]
            clean = self._run.rule == "clean"
            others = "nor on this person" if clean else "perhaps on others of this person"
            notes = [f"The model is that of the clip's own fold: not trained on this clip, {others}."]
            if began := self._run.experiment.model.pretrained:
                notes.append(f"It began with the weights in {began}; whom these had seen is not known.")
            if abs(said - prediction.probabilities).max() > 1e-3:
                notes.append("It does not say what the run predicted: data or code have changed since.")
        chances = dict(zip(classes, map(float, said), strict=True))
        return {"fitted": model, "model": name, "probabilities": chances, "notes": tuple(notes)}

    def _fold_model(self, prediction: Prediction, arrays: Sequence[FloatArray]) -> Fitted:
        recipe, choice = self._run.experiment.training, self._run.experiment.model
        folder = fold_folder(self._run.path, prediction.fold, recipe.seed, recipe.seeds)
        path = folder / "weights.safetensors"
        if not path.exists() and self._run.experiment.choose.among:
            raise WeightsError(
                f"{folder} kept no weights, for folds that choose their models; name --weights"
            )
        if not path.exists():
            raise WeightsError(
                f"{folder} kept no weights; run anew with --set training.keep_weights=true, or name --weights"
            )
        shapes = [array.shape for array in arrays]
        fresh = build(choice.name, len(self._run.classes), shapes, choice.model_extra or {}, seed=0)
        try:
            return Fitted.of(fresh, load_file(path))
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
            found = f"{path} does not fit {choice.name} ({' '.join(str(error).split())[:200]})"
            raise WeightsError(f"{found}; delete the fold's folder and run again") from error
