"""Exports weights as a self-contained ONNX file: from a model's inputs to calibrated probabilities.

The file is then run with ONNX Runtime as a check. ONNX Runtime sends no usage data here: its telemetry exists
on Windows alone.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError, WeightsError
from fleeting.files import path_of
from fleeting.models import Shape, models
from fleeting.models.linear_flow import LinearFlow
from fleeting.optional import onnxruntime, require_onnx_export
from fleeting.output.single import refuse_foreign, write_own
from fleeting.recognition.calibration import FLOOR, softened
from fleeting.recognition.eight_bits import in_eight_bits
from fleeting.recognition.exported import OF_WEIGHTS, SUFFIX
from fleeting.recognition.recogniser import FILE, Recogniser, fitted
from fleeting.training.fitted import Fitted
from fleeting.types import FloatArray
from fleeting.version import __version__

TOLERANCE = 1e-3
"""The largest allowed difference between a probability of the file and the recogniser's."""
ALIKE = 0.95
"""The least share of clips to which a file of 8-bit integers must give the recogniser's class."""
FEWEST, MOST = 20, 256
"""The least number of clips for 8-bit integers, and the most of either half."""
USE = "for research; not for lie detection, and not for decisions about people"


@dataclass(frozen=True)
class Exported:
    """The file that was written, and the largest difference of a probability from the recogniser's.

    ``alike`` is the share of samples to which the file gives the recogniser's class.
    """

    path: Path
    difference: float
    alike: float


def export_onnx(
    weights: str | Path,
    out: str | Path | None = None,
    *,
    shown: Sequence[FloatArray] | None = None,
    replace: bool = False,
) -> Exported:
    """Write a recogniser as ONNX, run the file, and compare it with the recogniser itself.

    ``weights`` is a file or folder of `fleeting.train`, or the name of a shipped recogniser. Without ``out``,
    the file lies beside the weights, or for a shipped recogniser in the current folder. The graph takes the
    model's input arrays as their modalities make them, for any number of samples, and gives calibrated
    probabilities (n, classes). Its metadata name the modalities, the classes and the weights.

    With ``shown``, an array (n, channels, height, width) of training clips for each input, at least `FEWEST`
    of them, the file computes in 8-bit integers. One half says in which ranges values lie, and the file must
    give the recogniser's class to nearly all clips of the other (`ALIKE`). Raises the errors of
    `Recogniser.load`, WeightsError where the file would give other answers, OptionError on too few clips,
    OutputError where it cannot be written or another file is there (unless ``replace`` is true), and
    MissingExtraError without the extra ``onnx``.

    >>> fleeting.export_onnx("megc2019-symmetric-flow", "model.onnx").path.name
    'model.onnx'
    """
    recogniser = Recogniser.load(weights)
    out = path_of(out, "out") if out else _beside(Path(weights), recogniser.name)
    refuse_foreign(out, replace=replace)
    trained = fitted(weights)
    whole = Deployed(trained, recogniser.facts.calibration.temperature)
    samples = _samples(trained, [item.shape for item in recogniser.facts.inputs])
    names = list(models[recogniser.facts.model].inputs)
    content = graph(whole, samples, names, _metadata(recogniser))
    if shown is not None:
        ranges, samples = _halves(shown)
        content = in_eight_bits(content, names, ranges)
    expected = softened(trained.probabilities(samples), recogniser.facts.calibration.temperature)
    answers = run(content, samples)
    difference = float(np.abs(answers - expected).max())
    alike = float((answers.argmax(axis=1) == expected.argmax(axis=1)).mean())
    if shown is None and not difference <= TOLERANCE:
        found = f"{recogniser.name} as ONNX is off by {difference:.1g} in a probability"
        raise WeightsError(f"{found}, expected at most {TOLERANCE:g}; nothing was written, report this")
    if shown is not None and not alike >= ALIKE:
        found = f"in 8-bit integers {recogniser.name} gives its own class to {alike:.0%} of the clips"
        raise WeightsError(f"{found}, expected {ALIKE:.0%}; nothing was written, export it without")
    write_own(out, content, replace=replace)
    return Exported(out, difference, alike)


def _halves(shown: Sequence[FloatArray]) -> tuple[list[FloatArray], list[FloatArray]]:
    """Two times as many samples each, drawn without order, at most `MOST`."""
    count = len(shown[0])
    if count < FEWEST:
        raise OptionError(f"{count} clips are shown, expected at least {FEWEST}; give the whole dataset")
    rows = np.random.default_rng(0).permutation(count)
    half = min(count // 2, MOST)
    return [array[rows[:half]] for array in shown], [array[rows[half : 2 * half]] for array in shown]


def _beside(weights: Path, name: str) -> Path:
    if weights.is_dir():
        return (weights / FILE).with_suffix(SUFFIX)
    return weights.with_suffix(SUFFIX) if weights.exists() else Path(f"{name}{SUFFIX}")


def _samples(trained: Fitted, shapes: Sequence[Shape]) -> list[FloatArray]:
    """Four random samples, each input with the mean and the deviation of the training data where known."""
    generator = np.random.default_rng(0)
    samples = [generator.standard_normal((4, *shape), dtype=np.float32) for shape in shapes]
    if not trained.means:
        return samples
    scaling = zip(trained.means, trained.deviations, strict=True)
    return [s * d.numpy() + m.numpy() for s, (m, d) in zip(samples, scaling, strict=True)]


class Deployed(nn.Module):
    """A trained model with the scaling of its inputs before it, and softmax and temperature after it."""

    def __init__(self, trained: Fitted, temperature: float = 1.0) -> None:
        super().__init__()
        model, self.temperature = trained.model, temperature
        self.network = model if isinstance(model, nn.Module) else LinearMaps(model)
        self.means = nn.ParameterList(trained.means)
        self.deviations = nn.ParameterList(trained.deviations)
        self.requires_grad_(False).eval()

    def forward(self, *arrays: Tensor) -> Tensor:  # (batch, channels, height, width) each
        """Calibrated probabilities (batch, classes), as `Recogniser.probabilities` gives them."""
        if self.means:
            arrays = tuple((a - m) / d for a, m, d in zip(arrays, self.means, self.deviations, strict=True))
        likely = self.network(*arrays).softmax(dim=1)
        softened: Tensor = (likely.clamp(min=FLOOR).log() / self.temperature).softmax(dim=1)
        return softened


class LinearMaps(nn.Module):
    """The computation of `fleeting.linear_maps` before its softmax, step by step, as a torch module."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        if not isinstance(model, LinearFlow):
            raise WeightsError("only networks and linear ones can be written as ONNX; use weights of these")
        self.reach = int(4 * model.sigma + 0.5)
        steps = np.arange(-self.reach, self.reach + 1)
        bell = np.exp(-0.5 * (steps / model.sigma) ** 2) if model.sigma else np.ones(1)
        kernel = np.outer(bell, bell) / bell.sum() ** 2
        self.kernel = nn.Parameter(torch.from_numpy(kernel).float().repeat(model.channels, 1, 1, 1))
        self.weight = nn.Parameter(torch.from_numpy(model.weight).float())
        self.bias = nn.Parameter(torch.from_numpy(model.bias).float())

    def forward(self, *arrays: Tensor) -> Tensor:  # (batch, channels, 28, 28) each
        """Scores (batch, classes)."""
        maps = torch.cat(arrays, dim=1)
        spread = maps.std(dim=(2, 3), keepdim=True, correction=0)
        values = (maps - maps.mean(dim=(2, 3), keepdim=True)) / torch.where(spread > 0, spread, 1.0)
        padded = F.pad(values, [self.reach] * 4, mode="reflect")
        blurred = F.conv2d(padded, self.kernel, groups=len(self.kernel))  # (batch, channels, 28, 28)
        return F.linear(F.avg_pool2d(blurred, 2).flatten(1), self.weight, self.bias)


def graph(
    network: nn.Module, samples: Sequence[FloatArray], names: Sequence[str], metadata: dict[str, str]
) -> bytes:
    """Convert a network to the bytes of an ONNX file, for any number of samples. Raises MissingExtraError."""
    require_onnx_export()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # hides a warning that torchvision is missing
    with warnings.catch_warnings():
        # torch's own exporter uses a deprecated part of torch
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*isinstance.*LeafSpec")
        # several inputs share the axis name
        warnings.filterwarnings("ignore", message=".*axis name: batch will not be used")
        program: Any = torch.onnx.export(
            network,
            tuple(map(torch.from_numpy, samples)),
            input_names=names,
            output_names=["probabilities"],
            dynamic_shapes=(tuple({0: torch.export.Dim("batch")} for _ in samples),),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    for node in program.model.graph:
        node.metadata_props.clear()  # it holds paths of this machine
    program.model.metadata_props.update(metadata)
    content: bytes = program.model_proto.SerializeToString()
    return content


def run(content: bytes, arrays: Sequence[FloatArray]) -> FloatArray:
    """The output of an ONNX file for arrays, computed on the CPU. Raises MissingExtraError."""
    session = onnxruntime().InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    (found,) = session.run(None, dict(zip(names, arrays, strict=True)))
    return np.asarray(found)


def _metadata(recogniser: Recogniser) -> dict[str, str]:
    """Facts for a user who has only the ONNX file."""
    facts = recogniser.facts
    looked = facts.model_dump(mode="json", include={"apex", "color", "crop", "height", "equalise"})
    return {
        "project": f"fleeting {__version__}",
        "recipe": facts.name,
        "classes": json.dumps(facts.classes),
        "view": json.dumps(looked),
        "inputs": json.dumps([item.model_dump(mode="json") for item in facts.inputs]),
        "unsure_up_to": str(facts.calibration.threshold),
        OF_WEIGHTS: recogniser.sha256,
        "use": USE,
    }
