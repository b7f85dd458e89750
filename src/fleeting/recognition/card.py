"""Writes model cards: what weights are, how their recipe scored, and what they must not be used for."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from fleeting.recognition.weights import Facts


def card(facts: Facts, sha256: str) -> str:
    """The model card of weights as Markdown; ``sha256`` is the hash of their file."""
    text = Environment(
        loader=PackageLoader("fleeting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return text.get_template("card.md").render(
        facts=facts,
        sha256=sha256,
        calibration=facts.calibration,
        scores=[("all", facts.clean), *facts.clean.parts.items()],
        sureness=[("all", facts.calibration.sure), *facts.calibration.parts.items()],
        number=_number,
        interval=_interval,
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _interval(limits: Sequence[float] | None) -> str:
    return f" ({limits[0]:.3f} to {limits[1]:.3f})" if limits else ""
