"""Makes an ONNX file compute in 8-bit integers, by ONNX Runtime's quantizer: smaller, and often faster."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from fleeting.errors import WeightsError
from fleeting.optional import quantization
from fleeting.types import FloatArray


class Shown:
    """Hands single samples to the quantizer, which notes between which values each activation lies."""

    def __init__(self, names: Sequence[str], arrays: Sequence[FloatArray]) -> None:
        rows = (tuple(array[row : row + 1] for array in arrays) for row in range(len(arrays[0])))
        self._left: Iterator[dict[str, FloatArray]] = (dict(zip(names, row, strict=True)) for row in rows)

    def get_next(self) -> dict[str, FloatArray] | None:
        """The inputs of the next sample by their names, None after the last."""
        return next(self._left, None)


def in_eight_bits(content: bytes, names: Sequence[str], arrays: Sequence[FloatArray]) -> bytes:
    """The file with 8-bit weights, a scale for each channel, and 8-bit activations, a scale for each place.

    ``arrays``, one for each name of an input, (n, channels, height, width), are samples that show in which
    range activations lie. Raises WeightsError on a network that the quantizer cannot do, MissingExtraError
    without the extra ``onnx``.
    """
    quantizer = quantization()
    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # it warns of each bias, which has no channels
    with TemporaryDirectory() as folder:
        whole, shaped, small = (Path(folder, f"{name}.onnx") for name in ("whole", "shaped", "small"))
        whole.write_bytes(content)
        try:
            quantizer.quant_pre_process(whole, shaped, skip_symbolic_shape=True)
            quantizer.quantize_static(
                shaped,
                small,
                Shown(names, arrays),
                quant_format=quantizer.QuantFormat.QDQ,
                per_channel=True,
                weight_type=quantizer.QuantType.QInt8,
                activation_type=quantizer.QuantType.QUInt8,
            )
        except Exception as error:  # ONNX Runtime's errors have no class of their own above them
            what = f"ONNX Runtime cannot make 8-bit integers of this network ({' '.join(str(error).split())})"
            raise WeightsError(f"{what}; export it without") from error
        finally:
            logging.getLogger().setLevel(before)
        return small.read_bytes()
