"""How a notebook shows a recogniser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleeting.display.html import card, grid

if TYPE_CHECKING:
    from fleeting.recognition.recogniser import Recogniser


def recogniser_html(recogniser: Recogniser) -> str:
    """What a recogniser takes and gives, how its recipe did on unseen people, and the terms of its data."""
    facts = recogniser.facts
    inputs = ", ".join(f"{one.modality} {' x '.join(map(str, one.shape))}" for one in facts.inputs)
    lines = (
        ("inputs", inputs),
        ("recipe", facts.name),
        ("sure above", f"{facts.calibration.threshold:.3f}"),
        ("terms", facts.data.licence),
        ("warning", facts.warning),
    )
    rows = [
        (name, score.n, score.uf1, score.uar, score.accuracy)
        for name, score in (("all", facts.clean), *facts.clean.parts.items())
    ]
    said = (
        f"The recipe by {facts.protocol}, on people it had not seen. The weights were trained on all people:"
        " they have no score of their own."
    )
    return card(repr(recogniser), lines, card(said, ()), grid(("", "clips", "UF1", "UAR", "accuracy"), rows))
