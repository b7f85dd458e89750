"""A model turns the arrays that its ``forward`` names into class scores.

One registry holds two kinds of model. A network is a ``torch.nn.Module`` class: ``Network(classes, *,
options)``, whose ``forward`` returns logits (batch, classes). An estimator learns at once, without epochs:
``Estimator(classes, *, options)`` with ``fit``, ``probabilities``, ``state`` and ``load_state`` (numpy arrays
by name). Both declare in ``inputs`` the shape (channels, height, width) of each array they take, and in
``paper`` the publication to cite.

Optional attributes: with the keyword option ``size`` (or ``channels``: a number, or one for each of several
inputs) a model can be built for other sides (or channels) than those in ``inputs``. ``small`` holds options
and a ``size`` that make a model quick to test. ``layer_order`` names a network's modules or weights from the
inputs on, for learning rates that differ by layer; names in a tuple are one layer. ``looks_at`` names the
module whose output Grad-CAM weights. ``pretext()`` gives the task of pretraining: a module that shares the
network's layers, turns the same inputs into a loss without labels, and may ask by ``follow()`` to be called
after each step.
``older_names`` maps parts of weight names in files published earlier to today's. An estimator whose score is
a sum returns the summands from ``contributions``: arrays to (n, classes, channels, height, width).
A network's ``with_units`` takes what ``forward`` takes, and returns its logits and those of as many action
units as its ``units`` says. ``objective()`` returns a module that replaces the recipe's loss: called with the
inputs, the labels and that loss, it gives logits and a loss of its own; what it learns is not kept.
``holds_clips = True`` declares that a model's weights contain training clips, so that a card can warn against
passing them on.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import numpy.typing as npt

from fleeting.errors import FleetingError, OptionError
from fleeting.models._pretrained import head_is_fresh, sha256_of, start_from
from fleeting.models._published import Published, published, weights_file, weights_folder
from fleeting.registry import Registry, options
from fleeting.types import FloatArray, IntArray

if TYPE_CHECKING:
    from torch import nn
    from typing_extensions import TypeIs

    from fleeting.models._blocks import Attention as Attention
    from fleeting.models._blocks import Gate as Gate

__all__ = [
    "Attention",
    "Estimator",
    "Gate",
    "Model",
    "Published",
    "Shape",
    "build",
    "head_is_fresh",
    "is_network",
    "is_torch",
    "models",
    "published",
    "sha256_of",
    "weights_file",
    "weights_folder",
]

Shape = tuple[int, int, int]


class Estimator(Protocol):
    """A model that learns at once, without epochs, from arrays (n, channels, height, width)."""

    inputs: ClassVar[dict[str, Shape]]
    paper: ClassVar[str]

    def fit(self, arrays: Sequence[FloatArray], labels: IntArray, seed: int) -> None:
        """Learn from training arrays, one for each input, and class indices (n,)."""
        ...

    def probabilities(self, arrays: Sequence[FloatArray]) -> npt.NDArray[Any]:
        """Class probabilities (n, classes)."""
        ...

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Everything learnt, as arrays by name."""
        ...

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Restore what was learnt from the arrays that `state` returned."""
        ...


Model: TypeAlias = "nn.Module | Estimator"

models: Registry[type[Any]] = Registry("model", "fleeting.models")


def __getattr__(name: str) -> Any:
    """The blocks of networks, which need torch."""
    if name not in ("Attention", "Gate"):
        raise AttributeError(f"module 'fleeting.models' has no attribute {name!r}")
    from fleeting.models import _blocks

    return getattr(_blocks, name)


def is_network(name: str) -> bool:
    """Whether the model of that name is trained in epochs."""
    kind = models[name]  # imports torch, if anything has to
    return "torch" in sys.modules and issubclass(kind, sys.modules["torch"].nn.Module)


def is_torch(model: Model) -> TypeIs[nn.Module]:
    """Whether a model is a network, that is, a module of torch; an estimator works without torch."""
    return "torch" in sys.modules and isinstance(model, sys.modules["torch"].nn.Module)


def build(
    name: str,
    classes: int,
    shapes: Sequence[Shape],
    given: Mapping[str, Any],
    seed: int,
    pretrained: str = "",
) -> Model:
    """Build a fresh model for inputs of these shapes; its initial weights depend on ``seed`` alone.

    A network can start from the weights in the file ``pretrained`` instead, or from published ones, which
    ``imagenet`` stands for; where the file's head is for other classes, the network keeps its own. Raises
    UnknownNameError on an unknown model or option, OptionError where the inputs do not fit the model, and
    WeightsError where the file does not.
    """
    kind = models[name]
    chosen = options(kind, dict(given), f"model {name}")
    wanted = tuple(kind.inputs.values())
    if len(shapes) != len(wanted):
        named = ", ".join(kind.inputs)
        raise OptionError(
            f"model {name} takes {len(wanted)} inputs ({named}), the recipe names {len(shapes)};"
            f" name {len(wanted)} in model.inputs"
        )
    if tuple(shapes) != wanted:
        wanted, fitting = _fitting(kind, shapes)
        chosen |= fitting
    if tuple(shapes) != wanted:
        raise OptionError(f"model {name} takes inputs {wanted}, found {tuple(shapes)}; choose others")
    with _seeded(seed), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element")  # refused below
        try:
            model: Model = kind(classes, **chosen)
        except FleetingError:
            raise
        except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:
            raise OptionError(f"model {name} cannot be built of {chosen} ({error}); choose others") from error
    if is_torch(model):
        for empty in (key for key, weight in model.named_parameters() if not weight.numel()):
            raise OptionError(f"model {name} built of {chosen} has nothing in {empty}; choose larger numbers")
    if pretrained:
        if not is_torch(model):
            raise OptionError(f"model {name} learns in one go, from nothing; leave model.pretrained out")
        import torch

        with torch.device("meta"):
            wider = kind(classes + 1, **chosen).state_dict()
        head = {key for key, tensor in model.state_dict().items() if tensor.shape != wider[key].shape}
        start_from(model, weights_file(name, pretrained), head)
    return model


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let torch draw by this seed, and then go on as if nothing had been drawn."""
    if "torch" not in sys.modules:  # then there is no network to draw weights for
        yield
        return
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _fitting(kind: type[Any], shapes: Sequence[Shape]) -> tuple[tuple[Shape, ...], dict[str, Any]]:
    """The shapes nearest to these for which a model can be built, and the options that achieve it."""
    accepted = inspect.signature(kind).parameters
    fitting: dict[str, Any] = {}
    wanted = tuple(kind.inputs.values())
    if "channels" in accepted:
        found = tuple(shape[0] for shape in shapes)
        fitting["channels"] = found if len(found) > 1 else found[0]
        wanted = tuple((c, h, w) for c, (_, h, w) in zip(found, wanted, strict=True))
    if "size" in accepted:
        fitting["size"] = side = shapes[0][1]
        wanted = tuple((c, side, side) for c, _, _ in wanted)
    return wanted, fitting
