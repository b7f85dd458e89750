"""Every model as a scikit-learn classifier: for `clone`, `cross_val_score`, `GridSearchCV` and pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from fleeting.errors import OptionError, UnknownNameError
from fleeting.models import Shape, build, models
from fleeting.registry import options
from fleeting.training.fitting import fit
from fleeting.training.options import Training
from fleeting.training.threads import threads
from fleeting.training.training_set import TrainingSet
from fleeting.types import ArrayKind, FloatArray

NOBODY = "nobody/"
"""The subject of a sample of which none was named: each is somebody else."""


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A model of `fleeting` that follows scikit-learn's rules for classifiers.

    ``model`` is a name of `fleeting list models`. Keyword options are those of the model and the keys of a
    recipe's ``[training]`` table; where both have one of that name, it is the model's. ``fit`` and
    ``predict`` take ``X`` as (n, channels, height, width), or as (n, features): with ``shapes``, the
    (channels, height, width) of each input, a row is cut into the model's inputs (`flat` makes such rows);
    without, its features are channels of one pixel. ``kinds`` says what the channels of each input are, as
    augmentations have to know. Training is repeatable: equal ``seed``, data and options give equal weights.

    Split people, not clips: with `cross_val_score` use `GroupKFold` and give each clip's person as a group.

    >>> import numpy as np
    >>> from sklearn.model_selection import GroupKFold, cross_val_score
    >>> maps = np.random.default_rng(0).normal(size=(24, 3, 28, 28))
    >>> labels = np.arange(24) % 2
    >>> maps[labels == 1, 0, :14] += 1
    >>> people = np.arange(24) // 4
    >>> cross_val_score(fleeting.Classifier("linear-flow"), maps, labels, groups=people, cv=GroupKFold(3))
    array([1., 1., 1.])
    """

    def __init__(
        self,
        model: str = "linear-flow",
        *,
        shapes: Sequence[Shape] | None = None,
        kinds: Sequence[ArrayKind] | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        self.model, self.shapes, self.kinds, self.seed = model, shapes, kinds, seed
        for name, value in options.items():
            self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        if name.startswith("_") or name.endswith("_") or hasattr(type(self), name):
            raise UnknownNameError("option of Classifier", name, self.get_params())
        setattr(self, name, value)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The model's name, shapes, kinds, seed and every option that was given."""
        given = {name: value for name, value in vars(self).items() if name[0] != "_" and name[-1] != "_"}
        return {**super().get_params(deep), **given}

    def set_params(self, **params: Any) -> Self:
        """Change some of `get_params`, or give more options. Whether they exist is told by `fit`."""
        for name, value in params.items():
            self._set(name, value)
        return self

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:  # noqa: N803 - scikit-learn's names
        """Train the model; ``groups`` (n,) are the people, whom ``selection="inner"`` keeps apart.

        Raises UnknownNameError on an unknown model or option, OptionError on a value that it does not take,
        on inputs that do not fit the model, and on ``selection="inner"`` without groups; ValueError, of
        scikit-learn, on arrays that are no samples with their classes.
        """
        seen, y = validate_data(self, X, y, allow_nd=True, dtype=np.float32, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        chosen, training = self._chosen()
        if training.selection == "inner" and groups is None:
            raise OptionError("selection=inner holds out people, and no groups were given; name each person")
        arrays = self._arrays(seen)
        people = range(len(labels)) if groups is None else groups
        data = TrainingSet(
            arrays,
            self._kinds(arrays, training),
            labels.astype(np.int64),
            tuple(f"{NOBODY}{person}" for person in people),
            len(self.classes_),
        )
        with threads(training.threads):
            shapes = [array.shape[1:] for array in arrays]
            fresh = build(self.model, len(self.classes_), shapes, chosen, self.seed)
            self.fitted_ = fit(fresh, data, training, self.seed)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """The probability of each of ``classes_`` for each sample: (n, classes)."""
        check_is_fitted(self)
        seen = validate_data(self, X, allow_nd=True, dtype=np.float32, reset=False)
        with threads(self._chosen()[1].threads):
            return self.fitted_.probabilities(self._arrays(seen))

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """The likeliest of ``classes_`` for each sample: (n,)."""
        found: npt.NDArray[Any] = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[found])

    def _chosen(self) -> tuple[dict[str, Any], Training]:
        """The given options, apart: those of the model, and those of training."""
        known = options(models[self.model], {}, f"model {self.model}")
        named = super().get_params()
        given = {name: value for name, value in self.get_params().items() if name not in named}
        for name in given:
            if name not in known and name not in Training.model_fields:
                names = [*known, *Training.model_fields]
                raise UnknownNameError(f"option of model {self.model} or of training", name, names)
        own = {name: value for name, value in given.items() if name in known}
        try:
            training = Training(**{name: value for name, value in given.items() if name not in own})
        except ValidationError as error:
            first = error.errors()[0]
            what = f"{'.'.join(map(str, first['loc']))} is {first['input']!r}"
            raise OptionError(f"{what}; {first['msg'][0].lower()}{first['msg'][1:]}") from None
        return own, training

    def _arrays(self, X: npt.NDArray[np.float32]) -> tuple[FloatArray, ...]:  # noqa: N803
        """The model's inputs, (n, channels, height, width) each."""
        if X.ndim == 4:
            return (X,)
        if X.ndim != 2:
            raise OptionError(f"X is {X.shape}, expected (n, channels, height, width) or (n, features)")
        if self.shapes is None:
            return (X[:, :, None, None],)
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        if X.shape[1] != sum(sizes):
            raise OptionError(
                f"X has {X.shape[1]} features, expected {sum(sizes)} for shapes {self.shapes}; make X by"
                " Classifier.flat"
            )
        cut = np.split(X, np.cumsum(sizes)[:-1], axis=1)
        return tuple(part.reshape(-1, *shape) for part, shape in zip(cut, self.shapes, strict=True))

    def _kinds(self, arrays: Sequence[FloatArray], training: Training) -> tuple[ArrayKind, ...]:
        if self.kinds is not None:
            return tuple(self.kinds)
        if training.augment:
            raise OptionError("augmentations have to know what channels are; give kinds, one for each input")
        return tuple(ArrayKind(tuple(f"channel {n}" for n in range(a.shape[1]))) for a in arrays)

    @staticmethod
    def flat(arrays: Sequence[FloatArray]) -> tuple[FloatArray, tuple[Shape, ...]]:
        """Several inputs (n, channels, height, width) as one ``X`` (n, features), and their ``shapes``.

        ``X`` can then be cut by samples, as scikit-learn does. Raises OptionError on inputs of different
        numbers of samples.
        """
        if len({len(array) for array in arrays}) != 1:
            lengths = ", ".join(str(len(array)) for array in arrays) or "none"
            raise OptionError(f"inputs have {lengths} samples, expected as many in each; cut them alike")
        shapes = tuple((a.shape[1], a.shape[2], a.shape[3]) for a in arrays)
        rows = [np.asarray(a, np.float32).reshape(len(a), -1) for a in arrays]
        return np.concatenate(rows, axis=1), shapes
