"""Own clips: videos or folders of pictures with a table that says who is in them and what moves when."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from io import StringIO
from pathlib import Path

from fleeting.datasets import datasets
from fleeting.datasets.own.annotations import ELAN, TABLE
from fleeting.datasets.own.media import SUMMARY, Medium, folders_below, medium
from fleeting.datasets.own.reading import COHORT, Own, read_own, remarks
from fleeting.datasets.own.table import HEADER, NAME, find_table
from fleeting.datasets.reading import checks
from fleeting.datasets.reading.disk import pictures
from fleeting.datasets.reading.miniature import LENGTH, Drawing, drawings, save_picture
from fleeting.datasets.reading.recordings import Recording
from fleeting.errors import DatasetError, Problem
from fleeting.files import write_atomically
from fleeting.types import FloatArray, Kind, Sample

_SPOTTED = frozenset({"clip", "onset", "offset", "kind", "fps", "first_frame"})
"""The fields that the truth of spotting needs: neither who it is, nor a class, nor an apex."""
State = tuple[tuple[Path, int, int], ...]


class Clips:
    """Own recordings beside a table, ELAN files or analyses; see `fleeting.datasets.Dataset`."""

    name = COHORT
    title = "own recordings beside a table of what moves when: clips.csv, clips.xlsx, ELAN files or analyses"
    paper = "none: whoever recorded them"
    access = "your own; `fleeting init FOLDER` writes the table to fill in"
    licence = "what the people in it have agreed to"
    label_sets = ("raw", "megc3")
    ready = ()
    has_frames = True
    needs_root = True
    has_long_videos = True
    kinds: tuple[Kind, ...] = ("micro", "macro")
    fps = 100.0
    words = ("negative", "positive", "surprise")
    crop = None
    gray = False

    def samples(self, root: Path) -> list[Sample]:
        """Every movement, in the table's order. Raises DatasetError, too where no row is filled in."""
        own = read_own(root)
        if not own.clips:
            what = f"{root} names {len(own.still)} recordings and no movement"
            raise DatasetError(f"{what}; write subject, onset, offset and label of each into its table")
        return list(own.reading.samples)

    def problems(self, root: Path, samples: Sequence[Sample]) -> Iterator[Problem]:
        """What cannot be used of these samples, row by row, and their pictures that are missing or empty."""
        own = read_own(root)
        asked = {sample.id for sample in samples}
        yield from own.reading.concerning(samples)
        for sample, line in own.clips:
            if sample.id in asked and line.medium and not line.medium.is_film:
                yield from checks.files(sample, line.medium.path, line.medium.name)

    def remarks(self, root: Path) -> list[str]:
        """How the rows were read, in sentences."""
        return remarks(read_own(root))

    def medium(self, root: Path, sample: Sample) -> Medium:
        """The recording that a sample is a part of. Raises DatasetError where it is in no row."""
        path, fps = _places(root, _state(root)).get(sample.id.partition("#")[0], (None, None))
        if path is None:
            raise DatasetError(f"{sample.id}: no row names it and a recording; run `fleeting check clips`")
        return medium(root, path, fps)

    def frames(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files from onset to offset in numeric order. Raises DatasetError, too on a video file."""
        found = self.medium(root, sample)
        if found.is_film:
            raise DatasetError(f"{sample.id}: {found.name} is a video without picture files; open its medium")
        between = checks.between(sample, pictures(found.path))
        if not between:
            span = f"frames {sample.onset} to {sample.offset}"
            raise DatasetError(f"{sample.id}: {found.name} has none of {span}; {checks.RESTORE}")
        return between

    def spare(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files before onset and after offset, of a folder that holds this clip alone."""
        found = self.medium(root, sample)
        of_folder = [path for path, _ in _places(root, _state(root)).values() if path == found.path]
        if found.is_film or len(of_folder) > 1:
            return []
        there = pictures(found.path)
        inside = set(checks.between(sample, there))
        return [path for path in there.values() if path not in inside]

    def ready_array(self, root: Path, sample: Sample, modality: str) -> FloatArray:  # noqa: ARG002
        """Raises DatasetError: own clips have frames and no ready-made arrays."""
        raise DatasetError(f"{sample.id}: {self.name} has no {modality} ready-made; compute it from frames")

    def recordings(self, root: Path) -> tuple[list[Recording], list[Problem]]:
        """The recordings that the table names, sorted, with their movements, and the problems of the rows."""
        own = read_own(root)
        problems = [p for p in own.reading.problems if not p.clip]
        problems += [cell.problem for cell in own.reading.unread if cell.field in _SPOTTED]
        found = []
        for name, one in sorted(own.media.items()):
            lines = [(s, line) for s, line in own.clips if line.medium and line.medium.name == name]
            subject = next((s.subject for s, line in lines if line.person), f"{COHORT}/{_plain(name)}")
            found.append(
                Recording(_plain(name), subject, one.rate, one.path, tuple(s for s, _ in lines), one.fps)
            )
        return found, problems

    def kinds_in(self, root: Path) -> tuple[Kind, ...]:
        """The kinds of movement that the table lists: micro, and macro where a row says so."""
        macro = any(sample.kind == "macro" for sample in read_own(root).reading.samples)
        return ("micro", "macro") if macro else ("micro",)

    def fabricate(self, root: Path, seed: int = 0) -> None:
        """Write a miniature of three people with two clips of every label below ``root``."""

        def sample(person: int, number: int, label: str) -> Sample:
            return self.invent(person, number, label, apex=LENGTH // 2, length=LENGTH)

        self.write(root, drawings((1, 2, 11), self.words * 2, sample, seed=seed, gray=False))

    def invent(self, person: int, number: int, label: str, *, apex: int, length: int) -> Sample:
        """Make up the sample of a drawn clip, a folder of pictures; see `fleeting.datasets.Drawable`."""
        onset, subject = 46, f"{COHORT}/P{person:02d}"
        name = f"P{person:02d}-clip_{number + 1:02d}@{onset}"
        offset = onset + length - 1
        return Sample(f"{subject}/{name}", self.name, subject, label, onset, onset + apex, offset, self.fps)

    def place(self, sample: Sample) -> str:
        """The folder, relative to the root, into which `write` puts a clip's frames."""
        person, _, name = sample.id.partition("/")[2].partition("/")
        clip = name.partition("@")[0].removeprefix(f"{person}-")
        return f"{person}/{clip}"

    def write(self, root: Path, rows: Sequence[Drawing]) -> None:
        """Write clips as folders of pictures, with their table."""
        table = []
        for row in rows:
            sample, place = row.sample, self.place(row.sample)
            for number, picture in row.numbered():
                save_picture(root / place / f"img_{number:05d}.png", picture)
            person = sample.subject.partition("/")[2]
            frames = (sample.onset, "" if sample.apex is None else sample.apex, sample.offset)
            more = (sample.kind, sample.action_units, sample.objective or "", f"{sample.fps:g}")
            table.append((place, person, *frames, sample.label, *more))
        root.mkdir(parents=True, exist_ok=True)
        write_table(root / f"{NAME}.csv", (*HEADER, "kind", "action_units", "objective", "fps"), table)


def write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table as CSV in UTF-8, marked so that spreadsheet programs know it."""
    write_atomically(path, table_text(header, rows))


def table_text(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as CSV that begins with the mark of UTF-8."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return f"\ufeff{text.getvalue()}"


def _plain(name: str) -> str:
    """A recording's name as one part of a path."""
    return re.sub(r"[@#]", "_", name.replace("/", "-"))


def _state(root: Path) -> State:
    """The files that say what is in a folder, each with its size and time of change."""
    table = find_table(root)
    files = (
        [table]
        if table
        else [
            folder / name
            for folder, names in folders_below(root)
            for name in names
            if name in (TABLE, ELAN, SUMMARY) or name.casefold().endswith(".eaf")
        ]
    )
    return tuple((path, (found := path.stat()).st_size, found.st_mtime_ns) for path in files)


@lru_cache(maxsize=8)
def _places(root: Path, state: State) -> dict[str, tuple[Path, float | None]]:  # noqa: ARG001 - the cache's key
    """The path and the stated frame rate of the recording of every clip, by id, for files in this state."""
    own: Own = read_own(root)
    return {s.id: (line.medium.path, line.medium.fps) for s, line in own.clips if line.medium}


datasets.register("clips")(Clips())
