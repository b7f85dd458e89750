"""How a recipe optimises a network: its loss, class weights, optimiser and learning rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from fleeting.optional import later
from fleeting.training.options import Training
from fleeting.training.training_set import TrainingSet
from fleeting.types import IntArray

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn
else:
    F = later("torch.nn.functional", "train")
    torch = later("torch", "train")


def optimizer_of(parameters: Iterable[nn.Parameter], options: Training) -> torch.optim.Optimizer:
    """The recipe's optimiser over these parameters."""
    chosen: Mapping[str, Callable[[], torch.optim.Optimizer]] = {
        "adam": lambda: torch.optim.Adam(
            parameters, options.lr, weight_decay=options.weight_decay, fused=True
        ),
        "adamw": lambda: torch.optim.AdamW(
            parameters, options.lr, weight_decay=options.weight_decay, fused=True
        ),
        "sgd": lambda: torch.optim.SGD(
            parameters, options.lr, options.momentum, weight_decay=options.weight_decay, fused=True
        ),
    }
    return chosen[options.optimizer]()


def schedule_of(optimizer: torch.optim.Optimizer, options: Training) -> torch.optim.lr_scheduler.LRScheduler:
    """The recipe's schedule of the learning rate, stepped once per epoch."""
    factor: Mapping[str, Callable[[int], float]] = {
        "constant": lambda _: 1.0,
        "exponential": lambda epoch: options.decay**epoch,
        "step": lambda epoch: float(options.decay ** (epoch // options.step_epochs)),
        "cosine": lambda epoch: 0.5 * (1 + float(np.cos(np.pi * epoch / options.epochs))),
    }
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor[options.schedule])


def class_weights(options: Training, data: TrainingSet, device: torch.device) -> Tensor | None:
    """The weight of a sample of each class in the loss: (classes,), or None where all weigh the same."""
    if options.class_weights == "none":
        return None
    counts = np.bincount(data.labels, minlength=data.classes)
    return torch.from_numpy(len(data.labels) / (data.classes * np.maximum(counts, 1))).float().to(device)


LEAST_PROBABILITY = 1e-15
"""The probability that one of 0 counts as in a loss, which would be infinite."""


def mean_loss(options: Training, probabilities: npt.NDArray[np.float64], labels: IntArray) -> float:
    """The recipe's loss of class probabilities (n, classes), the mean over samples without class weights.

    It is `weighted_loss` without weights, in numpy: models that learn without torch have a loss too.
    """
    logs = log_softmax(np.log(np.maximum(probabilities, LEAST_PROBABILITY)), axis=1)
    of_truth = logs[np.arange(len(labels)), labels]
    smoothing = options.label_smoothing
    losses = -(1 - smoothing) * of_truth - smoothing * logs.mean(axis=1)
    if options.loss == "focal":
        losses *= (1 - np.exp(of_truth)) ** options.focal_gamma
    return float(losses.mean())


def weighted_loss(options: Training) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """The recipe's loss: cross-entropy, or focal loss (Lin et al. 2017), weighted by class if asked.

    Focal loss is cross-entropy times (1 - p)^gamma, p being the probability of the true class. The loss takes
    logits (n, classes), labels (n,) and class weights (classes,) or None.
    """
    gamma = options.focal_gamma if options.loss == "focal" else 0.0

    def loss(logits: Tensor, labels: Tensor, weight: Tensor | None) -> Tensor:
        if gamma == 0:
            return F.cross_entropy(logits, labels, weight, label_smoothing=options.label_smoothing)
        plain = F.cross_entropy(
            logits, labels, weight, label_smoothing=options.label_smoothing, reduction="none"
        )
        sure = torch.softmax(logits, dim=1).gather(1, labels[:, None])[:, 0]
        scale = weight[labels].sum() if weight is not None else len(labels)
        return ((1 - sure) ** gamma * plain).sum() / scale

    return loss
