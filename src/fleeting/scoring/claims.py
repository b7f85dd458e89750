"""Compares claims, the scores that somebody printed of a log, with the scores that the log gives."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from fleeting.errors import ScoreError, UnknownNameError
from fleeting.scoring.scores import Scores

CLAIMABLE = ("uf1", "uar", "accuracy", "precision", "recall")


def doubt(scores: Scores, claimed: Mapping[str, float]) -> str | None:
    """A sentence about a claim that does not fit, None where it fits.

    ``claimed`` maps names of `CLAIMABLE` to fractions or percent. A claim fits if it differs by no more than
    its printed rounding; a difference of 0.0005 is always allowed. The sentence says where a claim fits only
    with truth and prediction exchanged, which leaves F1 and accuracy as they are and turns recall into
    precision. Raises UnknownNameError on a claim of another score, ScoreError on a value that is no fraction
    or percent.
    """
    exchange = {"uar": "precision", "recall": "precision", "precision": "recall"}
    claims, written, exchanged, slack = {}, {}, {}, {}
    for name, value in claimed.items():
        if name not in CLAIMABLE:
            raise UnknownNameError("score to claim", name, CLAIMABLE)
        claims[name], slack[name] = _claim(name, value)
        written[name] = float(getattr(scores, name))
        exchanged[name] = float(getattr(scores, exchange.get(name, name)))
    gaps = {name: claims[name] - written[name] for name in claims}
    if all(abs(gaps[name]) <= slack[name] for name in claims):
        return None
    if all(abs(claims[name] - exchanged[name]) <= slack[name] for name in claims):
        precision = "; what is claimed as UAR is macro precision" if abs(gaps.get("uar", 0)) > 0.0005 else ""
        return (
            f"the claimed {_listed(claims)} fits only with truth and prediction exchanged:"
            f" as written the log gives {_listed(written)}, exchanged {_listed(exchanged)}{precision}"
        )
    off = _listed(gaps, "+")
    return f"the claimed {_listed(claims)} does not fit: the log gives {_listed(written)} (off by {off})"


def _claim(name: str, value: float) -> tuple[float, float]:
    """The claim as a fraction, and the difference that its printed rounding allows."""
    if not 0 <= value <= 100:
        raise ScoreError(f"the claimed {name} is {value}; expected a fraction, or percent")
    scale = 100 if value > 1 else 1
    exponent = Decimal(str(value)).normalize().as_tuple().exponent
    step = 10.0 ** min(int(exponent), 0) / scale
    return value / scale, max(step / 2, 0.0005) + 1e-9


def _listed(values: Mapping[str, float], sign: str = "") -> str:
    names = {"uf1": "UF1", "uar": "UAR"}
    return ", ".join(f"{names.get(name, name)} {value:{sign}.4f}" for name, value in values.items())
