"""Finding the folder of a clip: a dataset may be laid out in several ways, and a disk uses one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from fleeting.datasets.reading.disk import under
from fleeting.errors import DatasetError, Problem
from fleeting.types import Sample

Place = tuple[Path, str]
"""A folder, and a pattern of folders below it."""


def facts(sample: Sample) -> dict[str, str]:
    """The values of the fields of a path: person, clip, video, onset and label.

    The video is the clip's name without its last part.
    """
    clip = re.sub(r"[@#].*", "", sample.id.removeprefix(f"{sample.subject}/"))
    return {
        "person": sample.subject.partition("/")[2],
        "clip": clip,
        "video": clip.rpartition("_")[0],
        "onset": str(sample.onset),
        "label": sample.label,
    }


def arrangement(bases: Sequence[Path], layouts: Sequence[str]) -> list[Place]:
    """The layouts to read: those below the first fixed folder that exists, else those without a fixed folder.

    Only one layout is read from a disk: a clip that is missing there counts as missing, even if an uncropped
    copy exists elsewhere.
    """
    for base in bases:
        for fixed in dict.fromkeys(map(_fixed, layouts)):
            if fixed and under(base, fixed, {}):
                return [(base, layout) for layout in layouts if _fixed(layout) == fixed]
    return [(base, layout) for base in bases for layout in layouts if not _fixed(layout)]


def folder(places: Sequence[Place], known: Mapping[str, str]) -> tuple[Path | None, str]:
    """A clip's folder and "", or None and the path where it was expected.

    Raises DatasetError where several folders fit a layout: nothing says which of them is meant.
    """
    for base, layout in places:
        if found := under(base, layout, known):
            if found[1:]:
                named = " and ".join(str(path.relative_to(base)) for path in found[:3])
                raise DatasetError(f"its folder is there {len(found)} times, {named}; keep one of them")
            return found[0], ""
    base, layout = places[0]
    return None, str(base / layout.format_map(known))


def of_one_clip(layout: str) -> bool:
    """Whether a folder of this layout holds a single clip, rather than a video with several."""
    return bool(re.search(r"\{(clip|onset)\}", layout))


def unlisted(places: Sequence[Place], used: set[Path]) -> Iterator[Problem]:
    """A note on folders beside those of the clips that are in no row of the sheet.

    Only layouts with one folder for each clip are checked.
    """
    stars = {(place[0], re.sub(r"\{\w+\}", "*", place[1])) for place in places if of_one_clip(place[1])}
    try:
        there = {path for base, pattern in stars for path in under(base, pattern, {})}
    except DatasetError:  # a folder without permission: its clips are already reported
        return
    beside = {path.parent for path in used}
    extra = sorted(f"{path.parent.name}/{path.name}" for path in there - used if path.parent in beside)
    if extra:
        what = f"{len(extra)} folders are in no row of the sheet, {', '.join(extra[:3])} among them"
        yield Problem("", what, "nothing to do, they are not used", blocks=False)


def _fixed(layout: str) -> str:
    """The leading folders of a layout that are the same for every clip."""
    return "/".join(takewhile(lambda part: not re.search(r"[{*]", part), layout.split("/")))
