"""Random numbers and bfloat16 products inside `torch.vmap`, which supports neither well by itself.

A mapped network must draw the random numbers that each fold would draw alone, and autocast does not reach
all of its operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

RANDOM: tuple[Callable[..., Tensor], ...] = (torch.rand, torch.rand_like)
"""The functions by which layers of `fleeting.models` draw random numbers; `torch.vmap` refuses all others."""
PRODUCTS = (torch.conv2d, F.linear, torch.matmul, Tensor.matmul)
"""The operations that are computed in bfloat16; the rest of a network stays in float32."""


class RandomNumbers:
    """The numbers that the random layers of each fold would draw if it were trained alone."""

    def __init__(self, network: nn.Module, seeds: Sequence[int], device: torch.device, halves: bool) -> None:
        self._network, self._device = network, device
        self._cast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=halves)
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self._drawn: dict[int, list[Tensor]] = {}

    def numbers(self, chosen: Sequence[int], inputs: Sequence[Tensor]) -> list[Tensor]:
        """Random numbers for the chosen folds' next pass over inputs of this length: (folds, ...) each."""
        like = self._like(inputs)
        return [torch.stack([self._next(fold, tensor) for fold in chosen]) for tensor in like]

    def _next(self, fold: int, like: Tensor) -> Tensor:
        return torch.empty_like(like, device=self._device).uniform_(generator=self._generators[fold])

    def _like(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Shape and memory layout of each draw; a pass of one network finds them, once for each length."""
        if (length := len(inputs[0])) not in self._drawn:
            with torch.random.fork_rng(devices=[]), torch.no_grad(), self._cast, _Noted() as noted:
                self._network(*inputs)
            self._drawn[length] = [tensor.to("meta") for tensor in noted.drawn]
        return self._drawn[length]


class _Noted(TorchFunctionMode):
    """Records the tensors of random numbers that a network draws."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = func(*args, **(kwargs or {}))
        if func in RANDOM:
            self.drawn.append(given)
        return given


class InTheirPlace(TorchFunctionMode):
    """Replaces random draws by the given numbers, and with ``halves`` computes products in bfloat16.

    The bfloat16 products replace autocast, which `torch.vmap` applies to some operations and not to others.
    Their inputs and outputs are float32.
    """

    def __init__(self, numbers: Sequence[Tensor], halves: bool) -> None:
        super().__init__()
        self._numbers, self._halves = iter(numbers), halves

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in RANDOM:
            return next(self._numbers)
        if not self._halves or func not in PRODUCTS:
            return func(*args, **(kwargs or {}))
        return func(*(a.bfloat16() if isinstance(a, Tensor) else a for a in args), **(kwargs or {})).float()
