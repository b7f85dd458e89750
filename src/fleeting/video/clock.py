"""Finds out on which clock a video file's times are: its own, an assumed or a slowed one."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from fleeting.video.sources import Notes

RAW_FPS = 25.0
"""Frames per second that are assumed for a raw stream that states none, as FFmpeg's players do."""
CAPTURE = re.compile(
    r"(capture|camera|sensor|record|shoot|original|apple|android).*(fps|frame_?rate(?!.*intent))", re.I
)
"""Tags with the frame rate of the recording, such as com.android.capture.fps."""
SLOWED = 1.1
"""From this ratio of two frame rates on a file is said to play at another speed than it was recorded."""
LEAST_FPS, MEASURED = 60, 5e-4
"""Frames per second below which a report warns: a 40 ms movement, the shortest, may show in only two
frames or fewer. A measured rate may be wrong by the part MEASURED of it; 59.94 is still told from 60."""
NEEDED, FURTHEST = 3, 0.15
"""Frames in which a movement has to show, and most seconds between two frames over which skin is followed."""
NOTICED = 0.04
"""Seconds that a container may begin before or after zero on its clock without a word."""


def is_raw(container: Any) -> bool:
    """Whether the file is a stream of pictures without a container, whose frames have no times."""
    from av.format import Flags

    return bool(container.format.flags & Flags.no_timestamps.value)


def set_clock(container: Any, stream: Any, fps: float | None, notes: Notes) -> float | None:
    """Note the facts of a file's clock; the rate at which frames are to be counted, None for own times."""
    raw = is_raw(container)
    stated = stream.codec_context.framerate if raw else stream.average_rate or stream.guessed_rate
    own = float(stated or 0) or None
    notes.start = 0.0 if raw or container.start_time is None else container.start_time / 1e6
    notes.header_fps = fps or own or (RAW_FPS if raw else None)
    notes.tick = 0.0 if fps or raw else float(stream.time_base)
    notes.assumed = raw and fps is None
    tags = {**container.metadata, **stream.metadata}
    if fps and not raw:
        before = f" ({own:.4g})" if own else ""
        asked = f"times are counted at {fps:g} frames per second as asked"
        notes.warnings.append(f"{asked}, not the file's{before}")
    elif raw and not fps:
        notes.warnings.append(_assumed(str(container.format.name), own))
    if captured := capture_rate(tags):
        _compare(*captured, notes)
    if not fps and abs(notes.start) > NOTICED:
        notes.warnings.append(
            f"the file's clock begins at {notes.start:.3f} s: times in tables count on it, as start and end"
            " do, those in the report and for ELAN from its beginning, as players do"
        )
    return fps or (notes.header_fps if raw else None)


def is_low(fps: float, span: float, tick: float) -> bool:
    """Whether a frame rate, measured over ``span`` seconds, is under LEAST_FPS as far as ticks can tell."""
    highest = fps * span / (span - tick) if span > tick else fps
    return highest < (1 - MEASURED) * LEAST_FPS


def unseen(fps: float, notes: Notes) -> str:
    """What cannot be found at a frame rate below LEAST_FPS."""
    rate = f"{fps:.4g} frames per second{' (assumed)' if notes.assumed else ''}"
    if fps * FURTHEST < 1:
        return (
            f"{rate}: no micro-expression can be found, for it lasts up to half a second and two frames are"
            f" {1 / fps:.2g} s apart; {1 / FURTHEST:.2g} frames per second are the least"
        )
    least = f"{NEEDED / fps:.2g} s"
    return f"{rate}: a 40 ms movement may fall between two frames, and one under {least} may be missed"


def capture_rate(tags: Mapping[str, str]) -> tuple[str, float] | None:
    """The first tag that states the frame rate of the recording, and that rate; None without one."""
    for name, value in tags.items():
        if CAPTURE.search(name):
            try:
                parts = [float(part) for part in str(value).split("/")]
                rate = parts[0] / parts[1] if len(parts) == 2 else parts[0]
            except (ValueError, ZeroDivisionError):
                continue
            if math.isfinite(rate) and rate > 0:
                return name, rate
    return None


def _assumed(form: str, stated: float | None) -> str:
    which = f"the {stated:g} frames per second of its header" if stated else f"{RAW_FPS:g} frames per second"
    return f"{which} were assumed: a raw stream ({form}) has no clock; state the true rate (--fps)"


def _compare(tag: str, captured: float, notes: Notes) -> None:
    """Warn where the rate of the recording is not the one by which times are counted."""
    counted = notes.header_fps or captured
    ratio = captured / counted
    if 1 / SLOWED < ratio < SLOWED:
        return
    how = f"{ratio:.3g} times too long" if ratio > 1 else f"{1 / ratio:.3g} times too short"
    notes.warnings.append(
        f"the file plays at {counted:.4g} frames per second and says that it was recorded at {captured:.4g}"
        f" ({tag}): if so, all times are {how}; state fps (--fps {captured:.4g}) to count by the recording"
    )
