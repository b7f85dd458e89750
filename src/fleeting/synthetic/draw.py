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
from fleeting.drawing.script import Disturb, Style
from fleeting.errors import OptionError, UnknownNameError
from fleeting.files import path_of
from fleeting.output.owned import Owned, owned
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
    folder: str | Path,
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
    style: Style | None = None,
    seed: int = 0,
    flows: int = 4,
    workers: int | None = None,
    replace: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Draw videos (``layout`` "video") or a dataset's folder, write truth.json, and return its content.

    A dataset of long videos gets one video of each person, ``seconds`` long. ``macro`` is the share of a
    video's events that are long and large; ``amplitude`` is the peak displacement of all events in percent of
    the distance between the outer eye corners, None for a random one. ``style`` is how people are drawn:
    "head" turns a head in three dimensions and moves it as real ones move, "flat" turns the photograph in its
    plane; None is "head" for videos and "flat" for datasets, whose clips are short, cropped and of heads that
    are held still. For the first ``flows`` takes, the exact flow from onset to apex of the first event is
    written too: ``flow/*.npz`` with u and v in pixels, (height, width). A folder that was begun is completed.

    Raises UnknownNameError on another layout, OptionError on settings that do not go together, and
    OutputError if the folder holds anything else, unless ``replace`` is true.

    >>> len(fleeting.draw("drawn", layout="clips", subjects=1, clips=1, flows=0)["videos"])
    1
    """
    if layout not in layouts():
        raise UnknownNameError("layout", layout, layouts())
    given = {"videos": videos, "seconds": seconds, "events_per_minute": events_per_minute, "fps": fps}
    settings = settings_of(layout, {**given, "subjects": subjects, "clips": clips, "macro": macro})
    settings |= {"amplitude": amplitude, "disturb": disturb, "seed": seed, "flows": flows}
    settings["style"] = style or ("head" if layout == "video" else "flat")
    takes = list(takes_of(layout, settings))
    _refuse_fewer(workers=(workers, 1), flows=(flows, 0))
    truth = _truth({"layout": layout, **settings}, takes)
    made_from = {name: value for name, value in truth.items() if name not in ("people", "videos")}
    text = json.dumps(truth, indent=2) + "\n"
    with owned(
        path_of(folder, "the folder"),
        "draw",
        made_from,
        earlier=lambda folder: _earlier(folder, text),
        replace=replace,
    ) as own:
        if own.foreign:
            own.give_way(take.file for take in takes)
        own.write(TRUTH, text)
        _draw(own, layout, takes, flows, workers, progress)
        own.save()
    return truth


def _refuse_fewer(**given: tuple[int | None, int]) -> None:
    """Raise OptionError on a count below the least that means something; each comes with that."""
    for name, (value, least) in given.items():
        if value is not None and value < least:
            raise OptionError(f"--{name} {value} means nothing; use {least} or more")


def _draw(
    own: Owned, layout: str, takes: Sequence[Take], flows: int, workers: int | None, progress: Progress
) -> None:
    """Write the files of all takes into a folder; videos that are there already are kept."""
    folder, missing = own.folder, [take for take in takes if not (own.folder / take.file).exists()]
    with own.staging() as staged:
        write_flows(staged, takes[:flows])
        if is_continuous(layout):
            adapter = cast(DrawableVideos, datasets[layout])
            adapter.write_sheets(staged, [row for take in takes for row in take.rows])
        elif layout != "video":
            write_clips(staged, takes, progress)
        own.put_all(staged)
    if layout == "video" or is_continuous(layout):
        write = write_one_video if layout == "video" else write_recording
        write_long(folder, takes, write, workers, progress)
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)
        for take in missing:
            path = folder / take.file
            files = path.rglob("*") if path.is_dir() else [path]
            own.wrote(file.relative_to(folder).as_posix() for file in files)


def _earlier(folder: Path, truth: str) -> dict[str, str] | None:
    """The only file that is known of a folder that a version without records drew; None if it is another."""
    path = folder / TRUTH
    return {TRUTH: ""} if path.is_file() and path.read_text(encoding="utf-8") == truth else None


def _cut_to(take: Take, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Pose and disturbances of the frames that a take has of its script, counted from its first one."""
    pose = {name: values[take.first : take.last + 1] for name, values in facts["pose"].items()}
    disturbances = []
    for one in facts["disturbances"]:
        first, last = max(one["onset_frame"], take.first), min(one["offset_frame"], take.last)
        if first <= last:
            disturbances.append(one | {"onset_frame": first - take.first, "offset_frame": last - take.first})
    return {"pose": pose, "disturbances": disturbances}


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
            if "pose" in facts:
                facts |= _cut_to(take, facts)
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
