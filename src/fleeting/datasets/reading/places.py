"""Where a dataset keeps the frames of its clips: several arrangements of folders, of which a disk has one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from fleeting.datasets.reading.disk import under
from fleeting.errors import DatasetError, Problem
from fleeting.types import Sample

Place = tuple[Path, str]
"""A folder, and a pattern below it."""


def facts(sample: Sample) -> dict[str, str]:
    """What a path may be made of: person, clip, video (the clip without its last part), onset, label."""
    clip = re.sub(r"[@#].*", "", sample.id.removeprefix(f"{sample.subject}/"))
    return {
        "person": sample.subject.partition("/")[2],
        "clip": clip,
        "video": clip.rpartition("_")[0],
        "onset": str(sample.onset),
        "label": sample.label,
    }


def arrangement(bases: Sequence[Path], layouts: Sequence[str]) -> list[Place]:
    """The layouts to read: those below the first fixed folder that exists, else those without one.

    One disk has one arrangement: a clip missing in it is missing, even if an uncropped copy lies elsewhere.
    """
    for base in bases:
        for fixed in dict.fromkeys(map(_fixed, layouts)):
            if fixed and under(base, fixed, {}):
                return [(base, layout) for layout in layouts if _fixed(layout) == fixed]
    return [(base, layout) for base in bases for layout in layouts if not _fixed(layout)]


def folder(places: Sequence[Place], known: Mapping[str, str]) -> tuple[Path | None, str]:
    """A clip's folder, None if it is missing, and where it was expected."""
    for base, layout in places:
        if found := under(base, layout, known):
            return found[0], ""
    base, layout = places[0]
    return None, str(base / layout.format_map(known))


def of_one_clip(layout: str) -> bool:
    """Whether a folder there holds a single clip, rather than a video with several."""
    return bool(re.search(r"\{(clip|onset)\}", layout))


def unlisted(places: Sequence[Place], used: set[Path]) -> Iterator[Problem]:
    """A note on folders that lie among the clips, one folder each, and are in no row of the sheet."""
    stars = {(place[0], re.sub(r"\{\w+\}", "*", place[1])) for place in places if of_one_clip(place[1])}
    try:
        there = {path for base, pattern in stars for path in under(base, pattern, {})}
    except DatasetError:  # a folder without permission: its clips have been named
        return
    beside = {path.parent for path in used}
    extra = sorted(f"{path.parent.name}/{path.name}" for path in there - used if path.parent in beside)
    if extra:
        what = f"{len(extra)} folders are in no row of the sheet, {', '.join(extra[:3])} among them"
        yield Problem("", what, "nothing to do, they are not used", blocks=False)


def _fixed(layout: str) -> str:
    """The folders of a layout that are the same for every clip."""
    return "/".join(takewhile(lambda part: not re.search(r"[{*]", part), layout.split("/")))
