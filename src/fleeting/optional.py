"""OpenCV, imported when it is first needed: benchmarks on ready-made maps do without it."""

from __future__ import annotations

from functools import cache
from typing import Any

from fleeting.errors import MissingExtraError


@cache
def cv2() -> Any:
    """The module ``cv2``. Raises MissingExtraError without it."""
    try:
        import cv2 as module
    except ImportError as error:
        raise MissingExtraError("opencv-contrib-python-headless", "video") from error
    return module
