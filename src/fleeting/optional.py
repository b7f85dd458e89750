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


def ray() -> Any:
    """Ray, told before its import to report to nobody. Raises MissingExtraError if it is missing.

    Where no cluster is named, it is also told to keep to the loopback address, which it does by this variable
    on every system.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if "RAY_ADDRESS" not in os.environ:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    return _module("ray", "ray", "cluster")


def fsspec() -> Any:
    """fsspec, which reads and writes object stores. Raises MissingExtraError if it or s3fs is missing."""
    _module("s3fs", "s3fs", "storage")
    return _module("fsspec", "fsspec", "storage")


def onnxruntime() -> Any:
    """ONNX Runtime, which runs ONNX files. Raises MissingExtraError if it is missing."""
    return _module("onnxruntime", "onnxruntime", "onnx")


def quantization() -> Any:
    """ONNX Runtime's tools for 8-bit integers. Raises MissingExtraError if they or ONNX are missing."""
    return _module("onnxruntime.quantization", "onnx", "onnx")


def pandas() -> Any:
    """Pandas, for results as tables. Raises MissingExtraError if it is missing."""
    return _module("pandas", "pandas", "tables")


def web() -> None:
    """Raise MissingExtraError unless the packages of the page and the REST API are installed."""
    for package in ("fastapi", "sqlalchemy", "alembic", "uvicorn", "python_multipart", "websockets"):
        _module(package, package.replace("_", "-"), "web")
    _module("prometheus_client", "prometheus-client", "web")


def mlflow() -> Any:
    """MLflow, told before its import to report to nobody. Raises MissingExtraError if it is missing."""
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ.setdefault(name, "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # it tells of each table that it creates
    return _module("mlflow", "mlflow-skinny", "tracking")


def tensorboard() -> Any:
    """The writer of TensorBoard's files. Raises MissingExtraError if it is missing."""
    return _module("tensorboardX", "tensorboardx", "tracking")


@cache
def has_torch() -> bool:
    """Whether torch is installed; if so it is imported."""
    try:
        import_module("torch")
    except ImportError:
        return False
    return True


def later(name: str, extra: str) -> Any:
    """A package or a part of one, imported when something of it is first asked for.

    That raises MissingExtraError if it is missing. What is only needed for networks does not stop others.
    """
    return _Later(name, extra)


class _Later:
    def __init__(self, name: str, extra: str) -> None:
        self._name, self._extra = name, extra

    def __getattr__(self, attribute: str) -> Any:
        return getattr(_module(self._name, self._name.partition(".")[0], self._extra), attribute)


def require_onnx_export() -> None:
    """Raise MissingExtraError unless the two packages with which torch writes ONNX files are installed."""
    for package in ("onnx", "onnxscript"):
        _module(package, package, "onnx")


def _module(name: str, package: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(package, extra) from error
