"""Reads picture files, each one frame of a dataset's clip or of a folder that stands for a video."""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from fleeting.errors import DatasetError

UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    struct.error,
    zlib.error,
    Pillow.DecompressionBombError,
)
"""Errors of Pillow on a file that is missing, closed, cut off, scrambled, or too large to be a picture."""

logging.getLogger("PIL").addHandler(logging.NullHandler())  # Pillow would also print its errors


def load_picture(path: Path, mode: str = "") -> Pillow.Image:
    """An image file, decoded and upright, in Pillow's ``mode`` or, without one, the file's own.

    Raises the errors in UNREADABLE. Pillow's warnings (a huge picture, corrupt metadata) are not passed on.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Pillow.open(path) as picture:
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            return _in_eight_bits(upright).convert(mode) if mode else upright


def _in_eight_bits(picture: Pillow.Image) -> Pillow.Image:
    """The picture with at most 256 levels per channel; of 16-bit gray the upper 8 bits are kept.

    Raises ValueError where values are 32-bit integers or floats.
    """
    if picture.mode.startswith("I;16"):
        levels = np.asarray(picture).astype(np.uint16) >> 8
        return Pillow.fromarray(levels.astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise ValueError(f"its values are of kind {picture.mode}, expected 8 or 16 bits; save it so")
    return picture


def damage(error: BaseException) -> str:
    """The message of an error from `load_picture`, in one line."""
    if isinstance(error, UnidentifiedImageError):
        return "not a picture"
    return " ".join(str(error).split()) or type(error).__name__


def read_picture(path: Path) -> npt.NDArray[np.uint8]:
    """An image file as RGB (height, width, 3). Raises DatasetError if it is missing, empty or damaged."""
    try:
        return np.asarray(load_picture(path, "RGB"))
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing; restore it from the dataset's archive") from error
    except PermissionError as error:
        raise DatasetError(f"{path} cannot be read; allow this user to read it") from error
    except UNREADABLE as error:
        what = "is empty" if _is_empty(path) else f"is no readable image ({damage(error)})"
        raise DatasetError(f"{path} {what}; restore it from the dataset's archive") from error


def read_pictures(paths: Sequence[Path]) -> npt.NDArray[np.uint8]:
    """Image files of one size as RGB (time, height, width, 3).

    Raises DatasetError where a file cannot be read or sizes differ.
    """
    pictures = [read_picture(path) for path in paths]
    if what := mixed((picture.shape[1], picture.shape[0]) for picture in pictures):
        raise DatasetError(f"{paths[0].parent} holds frames of {what}; restore the dataset's own files")
    return np.stack(pictures)


def mixed(sizes: Iterable[tuple[int, int]]) -> str:
    """A description of picture sizes (width, height) where they differ; "" where all are the same."""
    found = sorted(set(sizes))
    named = ", ".join(f"{width}x{height}" for width, height in found[:3])
    return f"{len(found)} sizes ({named}{', ...' if found[3:] else ''}), expected one" if found[1:] else ""


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except (OSError, ValueError):  # a name that no file can have
        return False
