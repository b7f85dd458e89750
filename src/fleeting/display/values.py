"""How a notebook shows a clip and an event as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fleeting.display.html import card, grid, picture

if TYPE_CHECKING:
    from fleeting.types import Clip, Event


def clip_html(clip: Clip) -> str:
    """A clip's size and duration, and its frames at onset, apex and offset as small pictures."""
    shown = (("onset", clip.onset), ("apex", clip.apex), ("offset", clip.offset))
    pictures = (picture(clip.frames[frame], f"{name} {frame}") for name, frame in shown)
    return card(repr(clip), (), *pictures)


def event_html(event: Event) -> str:
    """An event's frames and times, its class with all probabilities, and what moved; no picture."""
    units = ", ".join(event.action_units)
    facts = (
        ("frames", f"{event.onset_frame}, {event.apex_frame}, {event.offset_frame}"),
        ("face", event.face),
        ("likelihood", None if event.likelihood is None else f"{event.likelihood:.2f}"),
        ("strength", f"{event.strength:.3g} times the noise"),
        ("regions", ", ".join(event.regions)),
        ("action units", units),
        ("unsure", event.doubt or "yes" if event.unsure else ""),
    )
    return card(repr(event), facts, grid(("class", "probability"), [*event.probabilities.items()]))
