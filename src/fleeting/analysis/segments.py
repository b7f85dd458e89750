"""Finds what is seen in each segment of a video file, alone, and keeps it on disk as it is done."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate, count, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from fleeting.analysis.columns import Columns, columns_of, values_of
from fleeting.analysis.unit_tables import face_values
from fleeting.faces.quality import Quality
from fleeting.faces.skin_motion import Motion
from fleeting.faces.tracking import Face
from fleeting.files import appearing
from fleeting.session import following
from fleeting.session.following import Follower, Sight, leads_to, segment_of
from fleeting.session.one_thread import one_thread
from fleeting.types import FloatArray
from fleeting.version import __version__
from fleeting.video.frame_index import FrameIndex, Promised, SeekError, part_frames
from fleeting.video.prefetch import ahead

FOLDER = ".segments"
"""The hidden folder, in that of the results, in which segments are kept until the results are complete."""


@dataclass(frozen=True, eq=False)
class Segment:
    """A segment of a video file: its number, how many frames it has, the part of the file that holds them.

    The part begins with the frames of the lead-in.
    """

    number: int
    frames: int
    part: FrameIndex


@dataclass(frozen=True, eq=False)
class SeenSegment:
    """What is seen in a segment, and in the lead-in before it.

    ``units`` are the `face_values` of each face in each frame, if they were asked for. ``sums`` are checksums
    of the pictures of frames that two segments look at, by the frames' numbers.
    """

    lead: tuple[Sight, ...]
    sights: tuple[Sight, ...]
    units: tuple[tuple[FloatArray, ...], ...]
    sums: Mapping[int, int]


@dataclass(frozen=True, eq=False)
class Plan:
    """How a video file is cut into segments: what it promises, and where and as what they are kept.

    ``identity`` is what decides, with the file, what is seen, as JSON. ``people`` are followed at most;
    ``units`` says whether curves of action units are asked for.
    """

    source: Path
    folder: Path
    identity: str
    people: int
    units: bool
    promised: Promised
    segments: tuple[Segment, ...]

    def missing(self) -> Iterator[Segment]:
        """The segments that are not kept yet."""
        return (segment for segment in self.segments if kept(self, segment) is None)


def plan(source: Path, folder: Path, promised: Promised, settings: Mapping[str, Any], sha256: str) -> Plan:
    """How to cut a file into segments, given the settings of its analysis and its hash."""
    units, people = "units" in settings["formats"], settings["people"]
    facts = {name: settings[name] for name in ("fps", "start", "end", "people")}
    facts |= {
        "sha256": sha256,
        "units": units,
        "lasts": following.LASTS,
        "lead": following.LEAD,
        "version": __version__,
    }
    index = promised.index
    times = index.times.tolist()
    numbers = np.array([segment_of(time) for time in times])
    leads = np.array([-1 if (to := leads_to(time)) is None else to for time in times])
    segments = []
    for number in np.unique(numbers).tolist():
        places = np.flatnonzero((numbers == number) | (leads == number))
        first, last = (index.first + int(place) for place in (places[0], places[-1]))
        own = int((numbers == number).sum())
        segments.append(Segment(number, own, index.part(first, last)))
    identity = json.dumps(facts, sort_keys=True)
    return Plan(source, folder / FOLDER, identity, people, units, promised, tuple(segments))


def seen(plan: Plan, segment: Segment, tell: Callable[[], None] = lambda: None) -> SeenSegment:
    """What is seen in a segment; ``tell`` is called after each of its frames.

    It depends on the pictures in the segment and its lead-in alone. Raises SeekError where the file cannot be
    read from the middle.
    """
    follower, sums = Follower(plan.people), dict[int, int]()
    lead, sights, units = list[Sight](), list[Sight](), list[tuple[FloatArray, ...]]()
    with (
        one_thread,
        closing(part_frames(plan.source, segment.part)) as frames,
        closing(ahead((frame, follower.look(frame)) for frame in frames)) as looks,
    ):
        for frame, looked in looks:
            sight = follower.push(frame, looked)
            if leads_to(frame.time) is not None:
                sums[frame.number] = zlib.crc32(np.ascontiguousarray(frame.image).data)
            if segment_of(frame.time) < segment.number:
                lead.append(sight)
                continue
            sights.append(sight)
            if plan.units:
                units.append(tuple(face_values(frame, face) for face in sight.faces))
            tell()
    return SeenSegment(tuple(lead), tuple(sights), tuple(units), sums)


def in_order(plan: Plan, tell: Callable[[int], None]) -> Iterator[SeenSegment]:
    """What is seen in each segment, in their order: as it is kept, or else found now and kept.

    ``tell`` is called with how many frames are done. Raises SeekError where the file cannot be read from the
    middle, or decodes otherwise from there.
    """
    done, before = 0, dict[int, int]()
    for segment in plan.segments:
        found = kept(plan, segment)
        if found is None:
            counts = count(done + 1)
            found = seen(plan, segment, lambda counts=counts: tell(next(counts)))  # type: ignore[misc]
            keep(plan, segment, found)
        if any(found.sums[number] != before[number] for number in found.sums.keys() & before.keys()):
            where = f"the key frame before segment {segment.number}"
            raise SeekError(f"{plan.source} decodes otherwise from {where}")
        done, before = done + len(found.sights), dict(found.sums)
        tell(done)
        yield found


def keep(plan: Plan, segment: Segment, found: SeenSegment) -> None:
    """Keep what is seen in a segment; its file appears when it is complete."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "identity": np.array(plan.identity),
        "sums": np.array([*found.sums.items()], np.int64).reshape(-1, 2),
        "units": np.array([values for faces in found.units for values in faces]),
        **_columns("lead", found.lead),
        **_columns("own", found.sights),
    }
    with appearing(_path(plan, segment)) as partial, partial.open("wb") as file:
        np.savez(file, **columns)  # type: ignore[arg-type]  # numpy's stubs take the names for options


def kept(plan: Plan, segment: Segment) -> SeenSegment | None:
    """What was kept of a segment for the same file and settings; None where there is none."""
    try:
        with _path(plan, segment).open("rb") as file, np.load(file, allow_pickle=False) as columns:
            if str(columns["identity"]) != plan.identity:
                return None
            sights = _sights("own", columns)
            counts = [len(sight.faces) for sight in sights] if plan.units else []
            sums = dict(columns["sums"].tolist())
            return SeenSegment(_sights("lead", columns), sights, _grouped([*columns["units"]], counts), sums)
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        return None


def done_of(plan: Plan) -> int:
    """How many frames are done in the segments that are kept, and in those that others are finding now."""
    return sum(
        segment.frames if _path(plan, segment).exists() else _number_in(part_done(plan, segment))
        for segment in plan.segments
    )


def part_done(plan: Plan, segment: Segment) -> Path:
    """The file in which it says how many frames of a segment are done, while it is being found."""
    return plan.folder / f"{segment.number}.done"


def _number_in(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # there is none, or it is being written
        return 0


def _path(plan: Plan, segment: Segment) -> Path:
    return plan.folder / f"{segment.number}.npz"


def _columns(name: str, sights: Sequence[Sight]) -> Columns:
    """Sights as columns: one row for each sight, for each face, for each motion, for each who is lost."""
    faces = [face for sight in sights for face in sight.faces]
    motions = [motion for sight in sights for motion in sight.motions.values()]
    counts = [(len(sight.faces), len(sight.motions), len(sight.lost)) for sight in sights]
    return {
        **columns_of(f"{name}.sight", Sight, sights, ("faces", "motions", "lost")),
        **columns_of(f"{name}.face", Face, faces, ("measures",)),
        **columns_of(f"{name}.measures", Quality, [face.measures for face in faces]),
        **columns_of(f"{name}.motion", Motion, motions),
        f"{name}.whose": np.array([id_ for sight in sights for id_ in sight.motions], np.int64),
        f"{name}.lost": np.array([id_ for sight in sights for id_ in sight.lost], np.int64),
        f"{name}.counts": np.array(counts, np.int64).reshape(-1, 3),
    }


def _sights(name: str, file: Mapping[str, Any]) -> tuple[Sight, ...]:
    columns = {column: file[column] for column in file if column.startswith(f"{name}.")}
    measures = values_of(f"{name}.measures", Quality, columns)
    faces = values_of(f"{name}.face", Face, columns, measures=measures)
    motions = zip(
        columns[f"{name}.whose"].tolist(), values_of(f"{name}.motion", Motion, columns), strict=True
    )
    many = columns[f"{name}.counts"].T.tolist()
    groups = {
        "faces": _grouped(faces, many[0]),
        "motions": [dict(group) for group in _grouped([*motions], many[1])],
        "lost": _grouped(columns[f"{name}.lost"].tolist(), many[2]),
    }
    return tuple(values_of(f"{name}.sight", Sight, columns, **groups))


def _grouped(values: Sequence[Any], counts: Sequence[int]) -> tuple[tuple[Any, ...], ...]:
    """The values in groups of these sizes."""
    return tuple(tuple(values[first:last]) for first, last in pairwise(accumulate(counts, initial=0)))
