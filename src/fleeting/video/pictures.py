"""Reads picture files, each one frame of a dataset's clip or of a folder that stands for a video."""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, ImageOps, UnidentifiedImageError
from PIL import Image as Pillow

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

PICTURES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".jp2")
)
"""Extensions of the files that count as pictures in a folder."""

logging.getLogger("PIL").addHandler(logging.NullHandler())  # Pillow would also print its errors


def is_picture(path: Path) -> bool:
    """Whether a file is a picture by its name, and not hidden."""
    return path.suffix.casefold() in PICTURES and path.name[0] != "."


@contextmanager
def opened_picture(path: Path) -> Iterator[Pillow.Image]:
    """An image file whose header was read; Pillow's warnings are kept back. Raises those in UNREADABLE."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Pillow.open(path) as picture:
            yield picture


def load_picture(path: Path, mode: str = "", bits: int = 16, page: int = 0) -> Pillow.Image:
    """An image file, decoded and upright, in Pillow's ``mode`` or, without one, the file's own.

    ``bits`` is how many bits of 16-bit greys are in use; the upper 8 of them are kept. ``page`` is the page
    of a TIFF file, from 0. Raises the errors in UNREADABLE; Pillow's warnings (a huge picture, corrupt
    metadata) are not passed on.
    """
    with opened_picture(path) as picture:
        if page:
            picture.seek(page)
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        return _in_eight_bits(upright, bits).convert(mode) if mode else upright


def upright_size(picture: Pillow.Image) -> tuple[int, int]:
    """Width and height of a picture once it is turned as its camera says."""
    turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return picture.size[::-1] if turned else picture.size


def page_count(path: Path) -> int:
    """How many pages of the first one's size a TIFF file has; 1 for other pictures and for damaged ones.

    A second page of another size is a preview or a smaller copy, and no frame.
    """
    if path.suffix.casefold() not in (".tif", ".tiff"):
        return 1
    try:
        with opened_picture(path) as picture:
            pages, size = int(getattr(picture, "n_frames", 1)), picture.size
            if pages > 1:
                picture.seek(1)
            return pages if picture.size == size else 1
    except UNREADABLE:
        return 1


def grey_bits(paths: Sequence[Path]) -> tuple[int, int]:
    """The bits that 16-bit greys of one recording use, 8 to 16, and the largest value of these pictures.

    Cameras of 10, 12 or 14 bits write their values as they are into 16 bits. Without such a picture it is 16.
    """
    largest = max((_largest(path) for path in paths), default=-1)
    return (16 if largest < 0 else max(8, largest.bit_length())), largest


def _largest(path: Path) -> int:
    """The largest value of a picture in 16-bit grey; -1 of another picture."""
    try:
        with opened_picture(path) as picture:
            return int(np.asarray(picture).max()) if picture.mode.startswith("I;16") else -1
    except UNREADABLE:
        return -1


def _in_eight_bits(picture: Pillow.Image, bits: int) -> Pillow.Image:
    """The picture with at most 256 levels per channel; of 16-bit grey the upper 8 of ``bits`` are kept.

    Raises ValueError where values are 32-bit integers or floats.
    """
    if picture.mode.startswith("I;16"):
        levels = np.asarray(picture).astype(np.uint16) >> (bits - 8)
        return Pillow.fromarray(np.minimum(levels, 255).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise ValueError(f"its values are of kind {picture.mode}, expected 8 or 16 bits; save it so")
    return picture


def damage(error: BaseException) -> str:
    """The message of an error from `load_picture`, in one line."""
    if isinstance(error, UnidentifiedImageError):
        return "not a picture"
    return " ".join(str(error).split()) or type(error).__name__


def read_picture(path: Path, bits: int = 16, page: int = 0) -> npt.NDArray[np.uint8]:
    """An image file as RGB (height, width, 3); ``bits`` and ``page`` are as `load_picture` takes them.

    Raises DatasetError if it is missing, empty or damaged.
    """
    try:
        return np.asarray(load_picture(path, "RGB", bits, page))
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing; restore it from the dataset's archive") from error
    except PermissionError as error:
        raise DatasetError(f"{path} cannot be read; allow this user to read it") from error
    except UNREADABLE as error:
        what = "is empty" if _is_empty(path) else f"is no readable image ({damage(error)})"
        raise DatasetError(f"{path} {what}; restore it from the dataset's archive") from error


def read_pictures(paths: Sequence[Path]) -> npt.NDArray[np.uint8]:
    """Image files of one size and recording as RGB (time, height, width, 3).

    Raises DatasetError where a file cannot be read or sizes differ.
    """
    bits, _ = grey_bits(paths) if _largest(paths[0]) >= 0 else (16, -1)
    pictures = [read_picture(path, bits) for path in paths]
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
