"""Says in sentences what of a video was not looked at, for its warnings."""

from __future__ import annotations

from collections.abc import Iterator

from fleeting.analysis.frame_tables import NO_FACE, FrameTables
from fleeting.analysis.watch import unfollowed
from fleeting.faces.disturbances import is_cut
from fleeting.session.session import Session

LEAST = 0.01
"""Share of the frames from which on those that cannot be judged for one reason are worth a warning."""


def left_out(session: Session, tables: FrameTables) -> Iterator[str]:
    """The warnings on cuts, frames that could not be judged, movements on them, and faces not followed."""
    if session.cuts:
        found = f"{session.cuts} cuts were found" if session.cuts > 1 else "a cut was found"
        yield f"{found}: no movement is read across, and who looks otherwise behind it has a new number"
    frames = sum(tables.reasons.values())
    for reason, count in tables.reasons.most_common():
        if reason not in ("", NO_FACE) and not is_cut(reason) and count >= LEAST * frames:
            yield f"{count} of {frames} frames cannot be judged: {reason}"
    if session.unjudged:
        many = f"{session.unjudged} movements are" if session.unjudged > 1 else "a movement is"
        yield f"{many} left out, as frames that cannot be judged are part of it; frames.csv says why"
    if session.unfollowed:
        yield unfollowed(session.unfollowed, session.people)
