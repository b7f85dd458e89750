"""Imports the packages of the optional extras when first needed; an error names the extra to install."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any

from fleeting.errors import MissingExtraError


@cache
def cv2() -> Any:
    """OpenCV; benchmarks on ready-made maps run without it. Raises MissingExtraError if it is missing."""
    return _module("cv2", "opencv-contrib-python-headless", "video")


def av() -> Any:
    """PyAV, which reads and writes video files. Raises MissingExtraError if it is missing."""
    return _module("av", "av", "video")


def elan() -> Any:
    """The part of pympi that writes annotations for ELAN. Raises MissingExtraError if it is missing."""
    return _module("pympi.Elan", "pympi-ling", "video")


def skimage_data() -> Any:
    """The sample pictures of scikit-image. Raises MissingExtraError if it is missing."""
    return _module("skimage.data", "scikit-image", "video")


def skimage_feature() -> Any:
    """The texture features of scikit-image. Raises MissingExtraError if it is missing."""
    return _module("skimage.feature", "scikit-image", "video")


def diffusers() -> Any:
    """Diffusers, told before its import to contact no server. Raises MissingExtraError if it is missing."""
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_OFFLINE", "DO_NOT_TRACK"):
        os.environ.setdefault(name, "1")
    return _module("diffusers", "diffusers", "diffusion")


def onnxruntime() -> Any:
    """ONNX Runtime, which runs ONNX files. Raises MissingExtraError if it is missing."""
    return _module("onnxruntime", "onnxruntime", "onnx")


def require_onnx_export() -> None:
    """Raise MissingExtraError unless the two packages with which torch writes ONNX files are installed."""
    for package in ("onnx", "onnxscript"):
        _module(package, package, "onnx")


def _module(name: str, package: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(package, extra) from error
