"""Starting a network from a user's file of published weights instead of from random ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleeting.errors import WeightsError
from fleeting.optional import later

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
else:
    torch = later("torch", "train")

SCALING = re.compile(r"input\.\d+\.(mean|deviation)")
"""Names of the input scaling, which fleeting's own weight files hold beside the weights."""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file of weights. Raises WeightsError where it cannot be read."""
    with _open(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def start_from(model: nn.Module, path: Path, head: Collection[str]) -> None:
    """Load the weights of a file into a network.

    Names and shapes must be those of the network. Only weights named in ``head`` may have other shapes, as in
    a file for other classes: then the network keeps all its weights in ``head``. Raises WeightsError on a
    file that cannot be read, that could run code, or that does not fit.
    """
    state, expected = _read(model, path), model.state_dict()
    fresh = head if _differing(state, expected) else ()
    if misfits := _misfits(state, expected, fresh):
        raise WeightsError(f"{path} does not fit this model: {misfits}; use weights of it, for these inputs")
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"{path}: {name} holds NaN or infinity; use a file of finite weights")
    kept = {name: tensor for name, tensor in state.items() if name not in fresh}
    model.load_state_dict(kept, strict=False)


def head_is_fresh(model: nn.Module, path: Path) -> bool:
    """Whether a network that starts from this file keeps its own head, as the file's has another shape."""
    return bool(_differing(_read(model, path), model.state_dict()))


def _read(model: nn.Module, path: Path) -> dict[str, Tensor]:
    """The tensors in a file under the network's names, with wrappers such as ``module.`` removed."""
    found = _opened(path)
    for wrapper in ("state_dict", "model"):
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if not isinstance(found, Mapping) or not found:
        raise WeightsError(f"{path} holds no weights by name; save the model's state dict alone")
    for name, tensor in found.items():
        if not isinstance(name, str) or not _plain(tensor):
            what = f"{path} holds {name!r}, which is no array of numbers"
            raise WeightsError(f"{what}; save the model's state dict alone")
    prefix = "module." if all(name.startswith("module.") for name in found) else ""
    named = {_current(model, name.removeprefix(prefix)): tensor for name, tensor in found.items()}
    return {name: tensor for name, tensor in named.items() if not SCALING.fullmatch(name)}


def _opened(path: Path) -> Any:
    if path.suffix not in (".safetensors", ".pth", ".pt"):
        raise WeightsError(f"{path} ends in {path.suffix!r}; expected .safetensors, .pth or .pt")
    with _open(path) as file:
        try:
            if path.suffix == ".safetensors":
                from safetensors.torch import load_file

                return load_file(file.name)
            return torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged pickle can raise any exception
            what = f"{path} is damaged, or holds more than weights ({type(error).__name__})"
            raise WeightsError(f"{what}; save the model's state dict alone") from error


def _open(path: Path) -> BufferedReader:
    try:
        return path.expanduser().open("rb")
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}); name a file of weights") from error
    except (RuntimeError, ValueError) as error:  # an unknown user after ~; an impossible file name
        raise WeightsError(f"{path} cannot be read ({error}); name a file of weights") from error


def _plain(tensor: object) -> bool:
    """Whether an object is a plain tensor: dense, on the CPU, neither quantized nor complex."""
    if not isinstance(tensor, torch.Tensor) or tensor.is_quantized or tensor.is_complex():
        return False
    return tensor.layout is torch.strided and tensor.device.type == "cpu"


def _current(model: nn.Module, name: str) -> str:
    """A weight's current name; files published earlier may have an older one."""
    for older, newer in getattr(model, "older_names", {}).items():
        name = name.replace(older, newer)
    return name


def _differing(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """Names whose arrays have another shape in the file than in the network."""
    return [name for name, tensor in expected.items() if name in state and state[name].shape != tensor.shape]


def _misfits(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], fresh: Collection[str]) -> str:
    """The reasons why weights do not fit a network, in words; empty where they fit."""
    shapes = [
        f"{name} is {tuple(state[name].shape)} there and {tuple(expected[name].shape)} here"
        for name in _differing(state, expected)
        if name not in fresh
    ]
    parts = {
        "missing": [n for n in expected if n not in state and not n.endswith("num_batches_tracked")],
        "unknown": [name for name in state if name not in expected],
        "other shapes": shapes,
    }
    return "; ".join(f"{what}: {_first(names)}" for what, names in parts.items() if names)


def _first(names: Sequence[str], count: int = 3) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
