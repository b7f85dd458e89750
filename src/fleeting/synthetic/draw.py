"""Draws face videos, or a dataset's folder in the dataset's own layout, and writes the truth beside them.

Everything drawn follows from the settings. The truth is written first, and a folder that was begun with the
same settings is completed, not started again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from fleeting.datasets import TRUTH, DrawableVideos, datasets
from fleeting.drawing import TWO_PEOPLE
from fleeting.drawing.rendering import truth_of
from fleeting.drawing.script import Disturb
from fleeting.errors import OptionError, UnknownNameError
from fleeting.files import sweep, write_atomically
from fleeting.synthetic.takes import Take, is_continuous, layouts, settings_of, takes_of
from fleeting.synthetic.writing import (
    PARTIAL,
    flow_file,
    write_clips,
    write_flows,
    write_long,
    write_one_video,
    write_recording,
)
from fleeting.types import Progress, silent
from fleeting.version import __version__


def draw(
    folder: Path,
    *,
    layout: str = "video",
    videos: int | None = None,
    seconds: float | None = None,
    events_per_minute: float | None = None,
    subjects: int | None = None,
    clips: int | None = None,
    fps: float | None = None,
    macro: float | None = None,
    amplitude: float | None = None,
    disturb: Disturb = "moderate",
    seed: int = 0,
    flows: int = 4,
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Draw videos (``layout`` "video") or a dataset's folder, write truth.json, and return its content.

    A dataset of long videos gets one video of each person, ``seconds`` long. ``macro`` is the share of a
    video's events that are long and large; ``amplitude`` is the peak displacement of all events in percent of
    the distance between the outer eye corners, None for log-uniform (micro: from 0.3 to 1.5). For the first
    ``flows`` takes, the exact flow from onset to apex of the first event is written too: ``flow/*.npz`` with
    u and v in pixels, (height, width). A folder that an earlier call began is completed.

    Raises UnknownNameError on another layout and OptionError on settings that do not go together, and if the
    folder holds anything else.
    """
    if layout not in layouts():
        raise UnknownNameError("layout", layout, layouts())
    given = {"videos": videos, "seconds": seconds, "events_per_minute": events_per_minute, "fps": fps}
    settings = settings_of(layout, {**given, "subjects": subjects, "clips": clips, "macro": macro})
    settings |= {"amplitude": amplitude, "disturb": disturb, "seed": seed, "flows": flows}
    takes = list(takes_of(layout, settings))
    for name, value, least in (("workers", workers, 1), ("flows", flows, 0)):
        if value is not None and value < least:
            raise OptionError(f"--{name} {value} means nothing; use {least} or more")
    truth = _truth({"layout": layout, **settings}, takes)
    _begin(Path(folder), truth)
    write_flows(Path(folder), takes[:flows])
    if layout == "video":
        write_long(Path(folder), takes, write_one_video, workers, progress)
    elif is_continuous(layout):
        adapter = cast(DrawableVideos, datasets[layout])
        adapter.write_sheets(Path(folder), [row for take in takes for row in take.rows])
        write_long(Path(folder), takes, write_recording, workers, progress)
        shutil.rmtree(Path(folder) / PARTIAL, ignore_errors=True)
    else:
        write_clips(Path(folder), takes, progress)
    return truth


def _truth(settings: Mapping[str, Any], takes: Sequence[Take]) -> dict[str, Any]:
    """The content of truth.json: the settings, and the events of each file with frames counted from 0."""
    videos = []
    for number, take in enumerate(takes):
        facts = {"file": take.file, "subject": take.subject, **truth_of(take.script)}
        if take.sample is not None:
            facts |= {"id": take.name, "frames": take.last - take.first + 1, "first": take.number}
            for event in facts["events"]:
                for name in ("onset_frame", "apex_frame", "offset_frame"):
                    event[name] -= take.first
        if number < settings["flows"] and facts["events"]:
            facts["events"][0]["flow"] = str(flow_file(take))
        videos.append(facts)
    return {
        "drawn": True,
        "people": TWO_PEOPLE,
        "version": __version__,
        **settings,
        "videos": videos,
    }


def _begin(folder: Path, truth: Mapping[str, Any]) -> None:
    """Write truth.json unless it is already there. Raises OptionError if the folder holds anything else."""
    path = folder / TRUTH
    sweep(folder)
    text = json.dumps(truth, indent=2) + "\n"
    if path.exists():
        if path.read_text(encoding="utf-8") != text:
            raise OptionError(f"{folder} was drawn with other settings; name another folder, or delete it")
    elif folder.exists() and any(folder.iterdir()):
        raise OptionError(f"{folder} holds something else, expected a new or empty folder; name another")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
