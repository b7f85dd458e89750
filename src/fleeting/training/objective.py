"""What training minimises: the recipe's loss of the classes, alone or with a second target, or in episodes.

An objective is a module around a network, called with each batch. What it has of its own, such as the layer
that names action units, learns with the network and is thrown away after training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fleeting.errors import OptionError
from fleeting.training.fitted import Fitted, logits_of
from fleeting.training.options import Training
from fleeting.training.training_set import TrainingSet

ClassLoss = Callable[[Tensor, Tensor], Tensor]
"""The recipe's loss of logits (n, classes) and labels (n,)."""


class Step(NamedTuple):
    """The loss of a batch, how many of its samples were named rightly, and of how many that was asked."""

    loss: Tensor
    right: Tensor
    asked: int


class Objective(nn.Module):
    """The recipe's loss of the classes. Its subclasses add to it."""

    def __init__(self, model: nn.Module, loss_of: ClassLoss) -> None:
        super().__init__()
        self.model, self.loss_of = model, loss_of

    def forward(self, inputs: list[Tensor], labels: Tensor, rows: Tensor) -> Step:  # noqa: ARG002
        """The step of one batch; ``rows`` are its samples' places in the training set."""
        return self.step(self.model(*inputs).float(), labels)

    def step(self, logits: Tensor, labels: Tensor) -> Step:
        """The loss of logits, and how many of them are right."""
        right = (logits.detach().argmax(dim=1) == labels).sum()
        return Step(self.loss_of(logits, labels), right, len(labels))

    def added(self) -> list[nn.Parameter]:
        """What learns beside the network's own weights."""
        own = {*self.model.parameters()}
        return [weight for weight in self.parameters() if weight.requires_grad and weight not in own]

    def settle(self, fitted: Fitted, data: TrainingSet) -> None:
        """Set what the network has to know of its training side; called before it predicts."""

    def end(self) -> None:
        """Let go of the network; called when training is over."""


class WithOwn(Objective):
    """The loss that a network brings along: `objective` of `fleeting.models`."""

    def __init__(self, model: nn.Module, loss_of: ClassLoss) -> None:
        super().__init__(model, loss_of)
        self.own = cast(nn.Module, model.objective())  # type: ignore[operator]

    def forward(self, inputs: list[Tensor], labels: Tensor, rows: Tensor) -> Step:  # noqa: ARG002
        """The network's own loss, to which it is lent the recipe's."""
        logits, loss = self.own(inputs, labels, self.loss_of)
        return self.step(logits, labels)._replace(loss=loss)


class WithUnits(Objective):
    """The classes' loss, and the binary cross-entropy of action units wherever these are known.

    A network that names units itself does so in `with_units` of `fleeting.models`. For any other, a linear
    layer is laid beside its last one.
    """

    def __init__(self, model: nn.Module, loss_of: ClassLoss, data: TrainingSet, options: Training) -> None:
        super().__init__(model, loss_of)
        self.weight, count = options.units_weight, len(options.units)
        self.targets: Tensor
        self.register_buffer("targets", torch.from_numpy(data.units), persistent=False)
        self.beside: nn.Linear | None = None
        if not hasattr(model, "with_units"):
            self.seen = Seen(head_of(model, data.classes))
            self.beside = nn.Linear(self.seen.head.in_features, count)

    def forward(self, inputs: list[Tensor], labels: Tensor, rows: Tensor) -> Step:
        """The class's loss and that of the known units; a batch of which none is known has the first only."""
        if self.beside is None:
            logits, units = self.model.with_units(*inputs)  # type: ignore[operator]
        else:
            logits = self.model(*inputs)
            units = self.beside(self.seen.features)
        found = self.step(logits.float(), labels)
        wanted = self.targets[rows]
        known = ~wanted.isnan()
        wrong = F.binary_cross_entropy_with_logits(units.float(), wanted.nan_to_num(), reduction="none")
        return found._replace(
            loss=found.loss + self.weight * (wrong * known).sum() / known.sum().clamp(min=1)
        )

    def end(self) -> None:
        """Let go of the network's last layer."""
        if self.beside is not None:
            self.seen.end()


class InEpisodes(Objective):
    """Prototypical training (Snell et al. 2017): queries are named by the nearest mean of a class's support.

    The features are what the network's last linear layer sees; the distance is the squared Euclidean one. A
    softmax of negative squared distances to prototypes is a linear layer, so that is what the last layer is
    set to, for the prototypes of the whole training side, before the network predicts.
    """

    FAR = 1e4
    """The distance to a class that is not there."""

    def __init__(self, model: nn.Module, loss_of: ClassLoss, classes: int, shots: int) -> None:
        super().__init__(model, loss_of)
        self.seen, self.classes, self.shots = Seen(head_of(model, classes)), classes, shots

    def forward(self, inputs: list[Tensor], labels: Tensor, rows: Tensor) -> Step:  # noqa: ARG002
        """The loss of an episode's queries."""
        self.model(*inputs)
        features = self.seen.features.float()
        support = is_support(labels, self.shots)
        weight, bias = nearest(features[support], labels[support], self.classes)
        asked = features[~support]
        logits = asked @ weight.T + bias - asked.square().sum(dim=1, keepdim=True)
        return self.step(logits, labels[~support])

    @torch.no_grad()
    def settle(self, fitted: Fitted, data: TrainingSet) -> None:
        """Set the last layer to the prototypes of the training side."""
        kept: list[Tensor] = []
        with self.seen.head.register_forward_pre_hook(lambda _, given: kept.append(given[0])):
            logits_of(self.model, fitted.scaled(data.arrays))
        labels = torch.from_numpy(data.labels).to(fitted.device)
        weight, bias = nearest(torch.cat(kept).float(), labels, self.classes)
        self.seen.head.weight.copy_(weight)
        self.seen.head.bias.copy_(bias)

    def end(self) -> None:
        """Let go of the network's last layer."""
        self.seen.end()


def nearest(features: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Weights (classes, features) and biases (classes,) of a linear layer that finds the nearest class mean.

    Its logits are the negative squared distances to the means, but for what they have in common.
    """
    which = F.one_hot(labels, classes).to(features)  # (n, classes)
    counts = which.sum(dim=0)
    means = which.T @ features / counts.clamp(min=1)[:, None]
    absent = torch.where(counts == 0, -InEpisodes.FAR, 0.0)
    return 2 * means, absent - means.square().sum(dim=1)


def is_support(labels: Tensor, shots: int) -> Tensor:
    """Which samples of an episode are its support, (n,): each class's first, and one at least is asked."""
    which = F.one_hot(labels)
    before = (which.cumsum(dim=0) * which).sum(dim=1) - 1  # how many of its class stand before it
    counts = which.sum(dim=0)[labels]
    return before < torch.minimum(counts - 1, torch.full_like(counts, shots)).clamp(min=1)


class Seen:
    """A network's last linear layer, and what it saw when the network was last called."""

    def __init__(self, head: nn.Linear) -> None:
        self.head, self.features = head, torch.empty(0)
        self._hook = head.register_forward_pre_hook(self._note)

    def end(self) -> None:
        """Look no longer."""
        self._hook.remove()

    def _note(self, _: nn.Module, given: tuple[Tensor]) -> None:
        self.features = given[0]


def head_of(model: nn.Module, classes: int) -> nn.Linear:
    """The linear layer that gives a network's logits. Raises OptionError where the last one does not."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    if not layers or layers[-1].out_features != classes or layers[-1].bias is None:
        found = f"a last linear layer of {layers[-1].out_features} outputs" if layers else "no linear layer"
        raise OptionError(
            f"this network has {found}, and action units and episodes need one of {classes}, for the classes;"
            " leave training.units and training.episodes out, or choose another model"
        )
    return layers[-1]


def objective_of(
    model: nn.Module, loss_of: ClassLoss, data: TrainingSet, options: Training, device: torch.device
) -> Objective:
    """What the recipe minimises. Raises OptionError where the network or the training side cannot."""
    refuse_objective(model, data.classes, options)
    if options.units:
        if data.units is None or not torch.from_numpy(data.units).isfinite().any():
            raise OptionError(
                "training.units asks for action units, and no clip of the training side has any; set"
                " training.units=[]"
            )
        return WithUnits(model, loss_of, data, options).to(device)
    if options.episodes.count:
        return InEpisodes(model, loss_of, data.classes, options.episodes.shots)
    return (WithOwn if hasattr(model, "objective") else Objective)(model, loss_of).to(device)


def refuse_objective(model: nn.Module, classes: int, options: Training) -> None:
    """Raise OptionError where the recipe asks for targets or episodes that this network cannot have."""
    asked = [name for name, on in (("units", options.units), ("episodes", options.episodes.count)) if on]
    if len(asked) > 1 or (asked and hasattr(model, "objective")):
        other = "training.episodes" if len(asked) > 1 else "a loss of the network's own"
        raise OptionError(f"training.{asked[0]} beside {other} is not possible; leave one out")
    if asked == ["units"] and hasattr(model, "with_units"):
        if (count := getattr(model, "units", len(options.units))) != len(options.units):
            raise OptionError(
                f"training.units names {len(options.units)} action units, the model has {count}; name as many"
            )
    elif asked:
        head_of(model, classes)
