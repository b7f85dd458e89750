"""Frames with their times; here: the picture files of a dataset's clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from fleeting.errors import DatasetError


def read_picture(path: Path) -> npt.NDArray[np.uint8]:
    """An image file as RGB (height, width, 3). Raises DatasetError if it is missing, empty or damaged."""
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing; restore it from the dataset's archive") from error
    except PermissionError as error:
        raise DatasetError(f"{path} cannot be read; allow this user to read it") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        what = "is empty" if path.stat().st_size == 0 else f"is no readable image ({error})"
        raise DatasetError(f"{path} {what}; restore it from the dataset's archive") from error


def read_pictures(paths: Sequence[Path]) -> npt.NDArray[np.uint8]:
    """Image files of one size as (time, height, width, 3). Raises DatasetError, on mixed sizes too."""
    pictures = [read_picture(path) for path in paths]
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        raise DatasetError(
            f"{paths[0].parent} holds pictures of {len(sizes)} sizes; expected one size a clip"
        )
    return np.stack(pictures)
