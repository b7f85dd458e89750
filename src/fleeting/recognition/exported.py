"""Runs the ONNX file that `fleeting export` wrote beside a network's weights, so that torch is not needed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fleeting.errors import MissingExtraError
from fleeting.optional import onnxruntime
from fleeting.recognition.calibration import softened
from fleeting.types import FloatArray

SUFFIX = ".onnx"
OF_WEIGHTS = "weights_sha256"
"""The metadata key under which an ONNX file has the hash of the weights that it was made from."""


class OnnxNetwork:
    """A network as an ONNX file, of which the bytes are ``content``; it runs on the CPU in one thread.

    The file gives probabilities that are calibrated by ``temperature``; this gives those before. Raises
    MissingExtraError without ONNX Runtime, and ONNX Runtime's own errors on bytes that are no such file.
    """

    def __init__(self, content: bytes, temperature: float) -> None:
        self.content, self.temperature = content, temperature
        options = onnxruntime().SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime().InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def __reduce__(self) -> tuple[type[OnnxNetwork], tuple[bytes, float]]:
        return OnnxNetwork, (self.content, self.temperature)

    @property
    def of_weights(self) -> str | None:
        """The hash of the weights that the file was made from, as it says itself."""
        found: str | None = self._session.get_modelmeta().custom_metadata_map.get(OF_WEIGHTS)
        return found

    def probabilities(self, arrays: Sequence[FloatArray]) -> npt.NDArray[np.float64]:
        """Class probabilities (n, classes) for arrays (n, channels, height, width)."""
        names = [item.name for item in self._session.get_inputs()]
        (found,) = self._session.run(None, dict(zip(names, arrays, strict=True)))
        return softened(np.asarray(found, dtype=np.float64), 1 / self.temperature)


def beside(weights: Path | Traversable, sha256: str, temperature: float) -> OnnxNetwork | None:
    """The ONNX file beside weights whose hash is ``sha256``.

    None where there is none that can be read, where it is of other weights, and where ONNX Runtime is not
    installed.
    """
    path = weights.with_suffix(SUFFIX) if isinstance(weights, Path) else None
    if path is None or not path.is_file():
        return None
    try:
        found = OnnxNetwork(path.read_bytes(), temperature)
    except MissingExtraError:
        return None
    except Exception:  # ONNX Runtime's errors have no class of their own above them
        return None
    return found if found.of_weights == sha256 else None
