"""Says which class a movement has, and how surely: trained weights applied to clips from any source.

Weights of linear-flow and linear-images need numpy alone. Weights of a network need torch, which is imported
when they are loaded, or ONNX Runtime alone, where `fleeting export` wrote their ONNX file beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fleeting import linear_maps
from fleeting.errors import UnknownNameError, WeightsError
from fleeting.files import path_of
from fleeting.inputs.view import Input, View, arrays_of
from fleeting.recognition.calibration import softened
from fleeting.recognition.exported import OnnxNetwork, beside
from fleeting.recognition.extent import LEAST as LEAST_EXTENT
from fleeting.recognition.extent import MOST as MOST_EXTENT
from fleeting.recognition.extent import extent
from fleeting.recognition.typicality import LEAST as LEAST_TYPICAL
from fleeting.recognition.typicality import Typicality, typicality_in, without_typicality
from fleeting.recognition.weights import Facts, Weights, read_weights
from fleeting.types import Clip, FloatArray, Predict, Recognition

if TYPE_CHECKING:
    from fleeting.training.fitted import Fitted

FILE = "weights.safetensors"
"""The name of the weights file in a recogniser's folder."""
SHIPPED = "megc2019-symmetric-flow"
"""The recogniser that is used by default."""


@dataclass(frozen=True, eq=False)
class Recogniser:
    """A trained model with its inputs and its calibration; ``sha256`` is the hash of its weights file.

    >>> recogniser = fleeting.Recogniser.load()
    >>> recogniser.classes
    ('negative', 'positive', 'surprise')
    """

    name: str
    facts: Facts
    sha256: str
    view: View
    predict: Predict
    """Takes one array for each input; gives the model's class probabilities before calibration."""
    typicality: Typicality | None = None
    """Tells inputs that are unlike those of training; None where the weights came without it."""

    @classmethod
    def load(cls, which: str | Path = SHIPPED) -> Recogniser:
        """Load a shipped recogniser by its name, or the weights in a file or in a folder of `train`.

        Raises UnknownNameError where ``which`` is none of these, WeightsError on a file that cannot be used.
        """
        name, path = _found(which)
        weights = read_weights(path)
        facts, typicality = weights.facts, _typicality_of(path, weights)
        return cls(name, facts, weights.sha256, _view(facts), _predict_of(path, weights), typicality)

    @classmethod
    def from_pretrained(cls, which: str | Path = SHIPPED) -> Recogniser:
        """`load` by the name that other libraries have for it; nothing is downloaded.

        A folder that was fetched from a hub is named by its path.

        >>> fleeting.Recogniser.from_pretrained("megc2019-symmetric-flow").facts.model
        'linear-flow'
        """
        return cls.load(which)

    @property
    def runtime(self) -> str:
        """What computes the probabilities: ``"onnx"`` where an ONNX file lies beside a network's weights.

        Otherwise ``"own"``: this package, with torch where the model is a network.
        """
        return "onnx" if isinstance(getattr(self.predict, "__self__", None), OnnxNetwork) else "own"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""
        return self.facts.classes

    def __repr__(self) -> str:
        data = self.facts.data
        taught = f"{data.samples} clips of {data.subjects} people of {data.dataset}"
        return f"Recogniser({self.name}: {self.facts.model}, {', '.join(self.classes)}; trained on {taught})"

    def _repr_html_(self) -> str:
        from fleeting.recognition.showing import recogniser_html

        return recogniser_html(self)

    def recognise(self, clip: Clip) -> Recognition:
        """Classify the movement in a clip, from its onset over its apex to its offset.

        The answer is unsure where its confidence is not above the threshold. It is unsure and not ``known``,
        none of these classes, where the face moves further or less than in micro-expressions, or the inputs
        are unlike those of training. Ask only about movements that a spotter (or a person) found: none of
        this tells a micro-expression from every other movement. Raises OptionError on a clip from which the
        inputs cannot be made, WeightsError where the inputs have other shapes than in training (for example
        those of a gray clip, where training used colours).
        """
        arrays = arrays_of(clip, self.view)
        for array, trained in zip(arrays, self.facts.inputs, strict=True):
            if array.shape != trained.shape:
                what = f"{self.name} was trained on {trained.modality} {trained.shape}, found {array.shape}"
                raise WeightsError(f"{what}; give it clips of that kind")
        one = [array[None] for array in arrays]
        typical = None if self.typicality is None else float(self.typicality.of(one)[0])
        return self._said(self.probabilities(one)[0], typical, extent(clip))

    def probabilities(self, arrays: Sequence[FloatArray]) -> npt.NDArray[np.float64]:
        """Calibrated probabilities (n, classes) of prepared inputs, (n, channels, height, width) each."""
        return softened(self.predict(arrays), self.facts.calibration.temperature)

    def _said(
        self, probabilities: npt.NDArray[np.float64], typical: float | None, moved: float
    ) -> Recognition:
        best = int(probabilities.argmax())
        confidence, threshold = float(probabilities[best]), self.facts.calibration.threshold
        strange = _strange(typical, moved)
        doubt = strange or ("" if confidence > threshold else _too_low(confidence, threshold))
        return Recognition(
            label=self.classes[best],
            confidence=confidence,
            unsure=bool(doubt),
            probabilities=dict(zip(self.classes, map(float, probabilities), strict=True)),
            known=not strange,
            doubt=doubt,
            typical=typical,
            extent=moved,
        )


def _strange(typical: float | None, moved: float) -> str:
    """Why a movement is none of the classes, "" where it may be one of them."""
    where = f"the face moves {moved:.2g} % of the distance between the eyes"
    if moved < LEAST_EXTENT:
        return f"nothing moves: {where}"
    if moved > MOST_EXTENT:
        return f"too large for a micro-expression: {where}, in real ones seldom more than {MOST_EXTENT:g} %"
    if typical is not None and typical < LEAST_TYPICAL:
        return f"unlike what it learnt from: only {typical:.0%} of real micro-expressions look as unusual"
    return ""


def _too_low(confidence: float, threshold: float) -> str:
    return f"a confidence of {confidence:.2f} is not above {threshold:.2f}"


def recognisers() -> list[str]:
    """Names of the shipped recognisers.

    >>> "megc2019-symmetric-flow" in fleeting.recognisers()
    True
    """
    return sorted(folder.name for folder in _shipped().iterdir() if folder.is_dir())


def _shipped() -> Traversable:
    return files("fleeting").joinpath("assets", "recogniser")


def _found(which: str | Path) -> tuple[str, Path | Traversable]:
    if str(which) in recognisers():
        return str(which), _shipped().joinpath(str(which), FILE)
    path = path_of(which, "a recogniser")
    if path.is_dir():
        return path.name, path / FILE
    if path.exists() or path.suffix == Path(FILE).suffix:
        return path.stem, path
    raise UnknownNameError("recogniser", str(which), recognisers())


def _view(facts: Facts) -> View:
    inputs = tuple(Input(item.modality, item.shape[1:], item.options) for item in facts.inputs)
    return View(inputs, facts.apex, facts.color, facts.crop, facts.height, facts.equalise)


def _predict_of(path: Path | Traversable, weights: Weights) -> Predict:
    """The model as a function on inputs. Raises WeightsError where its weights do not fit it.

    It is tried on blank inputs, so that weights that do not fit are refused when they are loaded.
    """
    facts = weights.facts
    blank = [np.zeros((1, *item.shape), np.float32) for item in facts.inputs]
    try:
        predict = _model(path, weights)
        shape = predict(blank).shape
    except (KeyError, ValueError, RuntimeError) as error:
        found = f"{path}: the weights do not fit {facts.model} ({' '.join(str(error).split())})"
        raise WeightsError(f"{found}; train again") from error
    if shape != (1, len(facts.classes)):
        raise WeightsError(
            f"{path}: {facts.model} gives {shape} for {len(facts.classes)} classes; train again"
        )
    return predict


def _typicality_of(path: Path | Traversable, weights: Weights) -> Typicality | None:
    """Raises WeightsError on a check of typicality that is not whole."""
    try:
        return typicality_in(weights.arrays)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path}: {' '.join(str(error).split())}; train again") from error


def _model(path: Path | Traversable, weights: Weights) -> Predict:
    facts = weights.facts
    if facts.model in ("linear-flow", "linear-images"):
        return partial(linear_maps.probabilities, state=weights.arrays, sigma=facts.options["sigma"])
    found = beside(path, weights.sha256, facts.calibration.temperature)
    return (found or _fitted(weights)).probabilities


def fitted(which: str | Path) -> Fitted:
    """The trained model of a recogniser, to look into; it needs torch. Raises as `Recogniser.load`."""
    return _fitted(read_weights(_found(which)[1]))


def _fitted(weights: Weights) -> Fitted:
    from fleeting.models import build
    from fleeting.training.fitted import Fitted

    facts = weights.facts
    shapes = [item.shape for item in facts.inputs]
    fresh = build(facts.model, len(facts.classes), shapes, facts.options, seed=0)
    return Fitted.of(fresh, without_typicality(weights.arrays))
