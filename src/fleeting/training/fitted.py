"""A fitted model: trained weights with the scaling of their inputs, ready to predict or to be saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fleeting.models import Model, is_torch
from fleeting.optional import later
from fleeting.types import FloatArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
else:
    torch = later("torch", "train")


@dataclass(frozen=True)
class Epoch:
    """One epoch of a learning curve; the validation loss is None where the recipe holds out no subjects."""

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float | None = None


@dataclass(eq=False)
class Fitted:
    """A trained model with the scaling of its inputs; it predicts, and its weights can be saved.

    ``means`` and ``deviations`` hold one tensor (1, channels, 1, 1) for each input of a network; they are
    empty for an estimator, whose ``device`` is None.
    """

    model: Model
    means: list[Tensor]
    deviations: list[Tensor]
    device: torch.device | None
    curve: list[Epoch] = field(default_factory=list)
    epoch: int = 0
    """The epoch that gave these weights, counted from 1; 0 for an estimator."""

    def probabilities(self, arrays: Sequence[FloatArray]) -> npt.NDArray[np.float64]:
        """Class probabilities (n, classes) for arrays (n, channels, height, width)."""
        if not is_torch(self.model):
            return np.asarray(self.model.probabilities(arrays), dtype=np.float64)
        logits = logits_of(self.model, self.scaled(arrays))
        return np.asarray(torch.softmax(logits.double(), dim=1).cpu().numpy())

    def scaled(self, arrays: Sequence[FloatArray]) -> list[Tensor]:
        """The arrays as the network gets them: scaled, and channels last in memory (faster convolution)."""
        tensors = (torch.from_numpy(np.ascontiguousarray(a)).to(self.device) for a in arrays)
        scaled = ((t - m) / d for t, m, d in zip(tensors, self.means, self.deviations, strict=True))
        return [tensor.contiguous(memory_format=torch.channels_last) for tensor in scaled]

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Weights and input scaling as arrays by name."""
        if not is_torch(self.model):
            return dict(self.model.state())
        scaling = {f"input.{i}.mean": m for i, m in enumerate(self.means)}
        scaling |= {f"input.{i}.deviation": d for i, d in enumerate(self.deviations)}
        return {name: t.detach().cpu().numpy() for name, t in {**self.model.state_dict(), **scaling}.items()}

    @classmethod
    def of(cls, model: Model, state: Mapping[str, npt.NDArray[Any]]) -> Fitted:
        """Load the result of `state` into a fresh model, on the CPU.

        Raises KeyError or RuntimeError where it does not fit the model.
        """
        if not is_torch(model):
            model.load_state(state)
            return cls(model, [], [], None)
        from fleeting.training.attention_removal import removable, silence

        tensors = {name: torch.from_numpy(np.array(array)) for name, array in state.items()}
        inputs = sum(name.startswith("input.") and name.endswith(".mean") for name in tensors)
        means = [tensors.pop(f"input.{i}.mean") for i in range(inputs)]
        deviations = [tensors.pop(f"input.{i}.deviation") for i in range(inputs)]
        silence(model, [n for n in removable(model) if not any(key.startswith(f"{n}.") for key in tensors)])
        model.load_state_dict(tensors)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(model, means, deviations, torch.device("cpu"))


def logits_of(model: nn.Module, inputs: list[Tensor], batch: int = 256) -> Tensor:
    """The network's output (n, classes) for any number of inputs, computed in batches without gradients."""
    model.eval()
    with torch.inference_mode():
        pieces = [
            model(*(array[start : start + batch] for array in inputs))
            for start in range(0, len(inputs[0]), batch)
        ]
    return torch.cat(pieces)
