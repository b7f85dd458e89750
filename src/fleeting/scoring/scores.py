"""Holds the scores of a set of predictions as values: of each class, of each subject, of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Limits = tuple[float, float]
NUMBERS = (
    *("uf1", "uar", "accuracy", "precision", "recall", "mse", "mae", "auc"),
    *("weighted_precision", "weighted_recall", "weighted_f1", "brier", "probability_mae"),
)


@dataclass(frozen=True, slots=True)
class ClassScore:
    """The scores of one class; ``support`` is its number of samples."""

    name: str
    support: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class SubjectScore:
    """One subject's score; UF1 and UAR are None unless the subject has a sample of every class."""

    subject: str
    n: int
    accuracy: float
    uf1: float | None
    uar: float | None


@dataclass(frozen=True)
class Scores:
    """All scores of one set of predictions; over several seeds, their means, with deviations in ``std``.

    ``n`` counts the samples of one seed and ``people`` their subjects; ``confusion`` sums over seeds.
    ``ci95`` holds intervals of a bootstrap over subjects, ``ci95_method`` how each was found (see
    `fleeting.scoring.bootstrap.interval`); ``undefined_draws`` is the number of its draws that lacked a class
    and were left out.
    """

    n: int
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    per_class: tuple[ClassScore, ...]
    uf1: float | None
    uar: float | None
    accuracy: float | None
    precision: float | None
    recall: float | None
    mse: float | None
    mae: float | None
    auc: float | None
    weighted_precision: float | None
    weighted_recall: float | None
    weighted_f1: float | None
    brier: float | None
    probability_mae: float | None
    ci95: Mapping[str, Limits | None]
    undefined_draws: int = 0
    people: int = 0
    ci95_method: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Scores] = field(default_factory=dict)
    seeds: int = 1
    std: Mapping[str, float | None] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The scores as a value for JSON, as in a run's ``scores.json``.

        ``seeds`` and ``std`` are in it where there are several seeds.
        """
        several = {"seeds": self.seeds, "std": dict(self.std)} if self.seeds > 1 else {}
        return {
            "n": self.n,
            "people": self.people,
            **{name: getattr(self, name) for name in NUMBERS},
            "ci95": {name: list(limits) if limits else None for name, limits in self.ci95.items()},
            "ci95_method": dict(self.ci95_method),
            "parts": {name: part.as_dict() for name, part in self.parts.items()},
            "undefined_draws": self.undefined_draws,
            "classes": list(self.classes),
            "confusion": [list(row) for row in self.confusion],
            **several,
        }
