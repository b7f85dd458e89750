"""Declaring a dataset whose clips are the rows of an annotation sheet.

One class fulfils the protocols `fleeting.datasets.Dataset`, `LongVideos` and `DrawableVideos`, so this module
is longer than 300 lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fleeting.datasets.reading import checks, places
from fleeting.datasets.reading.cells import is_empty
from fleeting.datasets.reading.checks import Correction
from fleeting.datasets.reading.disk import find_sheet, pictures, pictures_by_number, sheets
from fleeting.datasets.reading.labels import word
from fleeting.datasets.reading.miniature import LENGTH, Drawing, drawings, save_picture, save_workbook
from fleeting.datasets.reading.recordings import Naming, Recording, recordings_of
from fleeting.datasets.reading.rows import Reading, differences, reading_of
from fleeting.datasets.reading.sheets import (
    Cells,
    Row,
    Workbook,
    encoding_note,
    headerless,
    read_workbook,
    tables,
)
from fleeting.errors import DatasetError, Problem
from fleeting.types import FloatArray, Kind, Sample


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The format of the annotation file, for reading and for writing.

    ``files`` are file names without ending (``*`` allowed), the preferred one first. ``header`` is the header
    row of the release ("" for a column without a title); where the release has none it is empty and
    ``places`` names the columns in order. ``prose`` are rows above the header, and ``required`` the fields
    that a header must name. ``row`` writes a sample as a row of the release; ``more`` makes the workbook's
    other pages.
    """

    files: tuple[str, ...]
    page: str
    row: Callable[[Sample], Cells]
    header: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    prose: tuple[Cells, ...] = ()
    required: tuple[str, ...] = ("subject", "clip", "onset", "offset", "label")
    more: Callable[[Sequence[Sample]], Mapping[str, Sequence[Cells]]] = lambda _: {}


@dataclass(frozen=True, kw_only=True)
class Miniature:
    """How the dataset names drawn people and clips, and what its miniature contains.

    ``people`` are the numbers of the people in the miniature; ``onset`` is the frame number of a person's
    first onset, and each further clip starts ``step`` frames later.
    """

    person: Callable[[int], str]
    """Takes a person's number, from 1, and gives the person's part of the id."""
    clip: Callable[[str, int, int], str]
    """Takes the person, the number of the clip and its onset, and gives the clip's part of the id."""
    people: tuple[int, ...] = (1, 2, 11)
    onset: int = 46
    step: int = 40
    gray: bool = False
    macro: bool = False
    """Whether every label occurs a second time, as a macro-expression."""


@dataclass(frozen=True, kw_only=True)
class SheetDataset:
    """A dataset of an annotation sheet and folders of numbered frames; see `fleeting.datasets.Dataset`.

    ``layouts`` are the paths below the root where a clip's folder may be, written with the fields
    ``{person}``, ``{clip}``, ``{video}``, ``{onset}``, ``{label}`` and those that ``facts`` adds; the first
    fixed leading folder that exists decides which of them are read. ``picture`` is the path of a written
    frame. ``long`` says how the long videos are named, where the dataset has long videos.
    """

    name: str
    cohort: str
    title: str
    paper: str
    access: str
    licence: str
    label_sets: tuple[str, ...]
    fps: float
    words: tuple[str, ...]
    sheet: Sheet
    person: Callable[[object, Workbook], str]
    layouts: tuple[str, ...]
    picture: str
    miniature: Miniature
    clip: Callable[[Row], str] | None = None
    facts: Callable[[Sample], Mapping[str, str]] = lambda _: {}
    corrections: Mapping[str, tuple[Correction, ...]] = field(default_factory=dict)
    release_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    releases: Mapping[str, int] = field(default_factory=dict)
    sheet_check: Callable[[Workbook], Iterator[Problem]] = lambda _: iter(())
    labels_from: SheetDataset | None = None
    long: Naming | None = None
    clips_repeat: bool = False
    rounded: bool = False
    """Whether the release has fractions of frames itself; they are rounded."""
    offset_from_apex: bool = False
    ready: tuple[str, ...] = ()
    has_frames: bool = True
    needs_root: bool = True
    crop: None = None
    """None: the dataset distributes whole pictures, not tight face crops."""

    @property
    def gray(self) -> bool:
        """Whether its frames have no colour."""
        return self.miniature.gray

    @property
    def has_long_videos(self) -> bool:
        """Whether the sheet's movements are parts of long videos."""
        return self.long is not None

    @property
    def continuous(self) -> bool:
        """Whether clips are in the folders of long videos, rather than each in a folder of its own."""
        return self.long is not None and not places.of_one_clip(self.picture)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of movement that its sheet lists: micro, macro."""
        return ("micro", "macro") if "kind" in (*self.sheet.required, *self.sheet.places) else ("micro",)

    @property
    def versions(self) -> tuple[str, ...]:
        """The releases that label some clips differently, such as 2014; most datasets have none."""
        return tuple(sorted({release for said in self.release_labels.values() for release in said}))

    def of_release(self, release: str) -> SheetDataset:
        """The dataset as one of its ``versions`` labels it, whichever sheet lies there.

        The sheet of that release, known by the year in its name, is preferred.
        """
        files = sorted(self.sheet.files, key=lambda stem: release not in stem)
        labels = {
            clip: tuple(
                Correction("label", wrong, said[release], f"the labels of {release} are asked for")
                for wrong in said.values()
                if wrong != said[release]
            )
            for clip, said in self.release_labels.items()
        }
        return replace(
            self,
            sheet=replace(self.sheet, files=tuple(files)),
            corrections={**self.corrections, **labels},
            release_labels={},
        )

    def has_sheet(self, root: Path) -> bool:
        """Whether an annotation sheet of this dataset is in the root or one folder below it."""
        return find_sheet(root, self.sheet.files) is not None

    def read(self, root: Path) -> Reading:
        """The sheet's rows as samples, with the problems of the rows. Raises DatasetError."""
        path = find_sheet(root, self.sheet.files)
        if path is None:
            names = " or ".join(f"{stem}.xlsx" for stem in self.sheet.files[:2])
            raise DatasetError(f"{root} holds no sheet of {self.name}, expected {names}; put it there")
        book = read_workbook(path)
        (page, rows), *others = self._pages(book).items()
        reading = self._rows_read(book, rows)
        notes = [*self.sheet_check(book), *_reading_notes(book, rows)]
        notes += self._other_pages(book, page, reading.samples, others)
        reading = replace(reading, problems=(*notes, *reading.problems))
        return self._ended(self._corrected(self._labelled_beside(reading, root)))

    def samples(self, root: Path) -> list[Sample]:
        """Every row of the sheet, in its order, corrections applied. Raises DatasetError."""
        return list(self.read(root).samples)

    def problems(self, root: Path, samples: Sequence[Sample]) -> Iterator[Problem]:
        """Problems of these samples: sheet, corrections, order of frames, folders and files.

        Unreadable subjects, clips and classes, and unknown emotions, are reported for every row of the sheet:
        they may be the reason why a clip has no class and so is not among the samples.
        """
        reading = self.read(root)
        ids = {sample.id for sample in samples}
        yield from self._other_sheets(root)
        yield from reading.concerning(samples)
        yield from self._unknown_words(reading)
        yield from self._known_counts(reading.samples)
        yield from (p for p in checks.repeated(reading.samples) if p.clip in ids)
        arranged = self._arrangement(root)
        used: set[Path] = set()
        for sample in samples:
            yield from checks.order(sample, apex_expected=True, unread=reading.blanks)
            try:
                folder, expected = places.folder(arranged, self._facts(sample))
            except DatasetError as error:
                yield checks.as_problem(sample.id, error)
                continue
            yield from checks.files(sample, folder, expected)
            used |= {folder} if folder else set()
        if ids >= {sample.id for sample in reading.samples}:
            yield from places.unlisted(arranged, used)

    def frames(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files from onset to offset in numeric order. Raises DatasetError if there are none."""
        folder, expected = places.folder(self._arrangement(root), self._facts(sample))
        if folder is None:
            raise DatasetError(f"{sample.id}: its folder {expected} is missing; {checks.RESTORE}")
        found = checks.between(sample, pictures(folder))
        if not found:
            span = f"frames {sample.onset} to {sample.offset}"
            raise DatasetError(f"{sample.id}: {folder} has none of {span}; {checks.RESTORE}")
        return found

    def spare(self, root: Path, sample: Sample) -> list[Path]:
        """Picture files before onset and after offset, where the clip has a folder of its own."""
        arranged = [place for place in self._arrangement(root) if places.of_one_clip(place[1])]
        folder = places.folder(arranged, self._facts(sample))[0] if arranged else None
        found = pictures(folder) if folder is not None else {}
        inside = set(checks.between(sample, found))
        return [path for path in found.values() if path not in inside]

    def recordings(self, root: Path) -> tuple[list[Recording], list[Problem]]:
        """The long videos on the disk, sorted by name, and the problems of the sheet and the folders.

        Videos without a row in the sheet are included; videos missing on the disk are problems. Samples have
        no apex, because scoring intervals needs none. Raises DatasetError where the sheet cannot be read, and
        on a dataset without long videos.
        """
        if self.long is None:
            raise DatasetError(f"{self.name} has no long videos, only clips; name a dataset that has")
        reading = self.read(root)
        samples = [replace(sample, apex=None) for sample in reading.samples]
        problems = [*reading.concerning(samples), *checks.repeated(samples)]
        for sample in samples:
            problems += checks.order(sample, apex_expected=False, unread=reading.blanks)
        arranged = self._arrangement(root, [one for one in self.layouts if not places.of_one_clip(one)])
        rows = [(sample, self._facts(sample)) for sample in samples]
        found, missing = recordings_of(self.long, arranged, rows, cohort=self.cohort, fps=self.fps)
        for one in found:
            missing += checks.twins(one.name, pictures_by_number(one.folder))
        return found, [*self._other_sheets(root), *problems, *missing]

    def recording_name(self, sample: Sample) -> str:
        """The name in `recordings` of the long video that contains a sample, "" where it has none."""
        return self.long.of(self._facts(sample)) if self.long else ""

    def ready_array(self, root: Path, sample: Sample, modality: str) -> FloatArray:  # noqa: ARG002
        """Raises DatasetError: this dataset has frames and no ready-made arrays."""
        raise DatasetError(f"{sample.id}: {self.name} has no {modality} ready-made; compute it from frames")

    def fabricate(self, root: Path, seed: int = 0) -> None:
        """Write a miniature below ``root``: three people with a clip of every label."""
        mini = self.miniature

        def sample(person: int, number: int, label: str) -> Sample:
            made = self.invent(person, number, label, apex=LENGTH // 2, length=LENGTH)
            macro = number >= len(self.words)
            units, objective = "12" if number == 0 else "4+7", 1 + number % 5
            kind: Kind = "macro" if macro else "micro"
            return replace(made, kind=kind, action_units=units, objective=objective)

        labels = self.words * (2 if mini.macro else 1)
        self.write(root, drawings(mini.people, labels, sample, seed=seed, gray=mini.gray))

    def invent(self, person: int, number: int, label: str, *, apex: int, length: int) -> Sample:
        """Make up the sample of a drawn clip, named as this dataset would name it.

        ``person`` counts from 1, ``number`` (the person's clip) from 0. ``apex`` is in frames after the
        onset; ``length`` is the number of frames from onset to offset, both included. Raises DatasetError on
        more people than the dataset has names for.
        """
        mini = self.miniature
        name = mini.person(person)
        onset = mini.onset + number * mini.step
        subject = f"{self.cohort}/{name}"
        return Sample(
            id=f"{subject}/{mini.clip(name, number, onset)}",
            dataset=self.name,
            subject=subject,
            label=label,
            onset=onset,
            apex=onset + apex,
            offset=onset + length - 1,
            fps=self.fps,
        )

    def write(self, root: Path, rows: Sequence[Drawing]) -> None:
        """Write clips in this dataset's layout: the sheet in the format of the release, and the frames."""
        self.write_sheets(root, [row.sample for row in rows])
        for row in rows:
            self.write_frames(root, row)

    def write_sheets(self, root: Path, samples: Sequence[Sample]) -> None:
        """Write only the annotation file, and that of the dataset whose labels are used."""
        head = [self.sheet.header] if self.sheet.header else []
        pages = {self.sheet.page: [*self.sheet.prose, *head, *map(self.sheet.row, samples)]}
        name = f"{self.sheet.files[0]}.xlsx"
        save_workbook(root / name, {**pages, **self.sheet.more(samples)})
        if self.labels_from is not None:
            self.labels_from.write_sheets(root, [s for s in samples if s.kind == "micro"])

    def write_frames(self, root: Path, row: Drawing) -> None:
        """Write only the frames, of a clip or of the long video that contains it."""
        known = self._facts(row.sample)
        for number, picture in row.numbered():
            save_picture(root / self.picture.format(**known, number=number), picture)

    def place(self, sample: Sample) -> str:
        """The folder, relative to the root, into which `write` puts a clip's frames."""
        return self.picture.rpartition("/")[0].format(**self._facts(sample))

    def _rows_read(self, book: Workbook, rows: Sequence[Row]) -> Reading:
        return reading_of(self, [row for row in rows if _is_clip(row)], book)

    def _pages(self, book: Workbook) -> dict[str, list[Row]]:
        """The rows of every page that could be the sheet, by its name; the first is the one to read."""
        sheet = self.sheet
        try:
            return tables(book, sheet.page, sheet.required)  # re-saved copies may have given it a header
        except DatasetError:
            if not sheet.places:
                raise
            return {sheet.page: headerless(book, sheet.page, sheet.places, numeric="onset")}

    def _other_pages(
        self, book: Workbook, page: str, read: Sequence[Sample], others: Sequence[tuple[str, list[Row]]]
    ) -> Iterator[Problem]:
        """A problem for each further page of the workbook that has the same header and other rows.

        It is a note where the page that was read has the name of the release's.
        """
        for name, rows in others:
            if said := differences(read, self._rows_read(book, rows).samples):
                what = f"the page {page} of {book.path.name} is read, its page {name} is not: {said}"
                yield Problem("", what, "delete the page that is wrong", blocks=page != self.sheet.page)

    def _other_sheets(self, root: Path) -> Iterator[Problem]:
        """A problem for each further sheet of the dataset: which one was read, and whether they differ.

        A sheet of the same name with another ending that says something else blocks: one is a correction of
        the other, and nothing says which. Any other sheet is noted.
        """
        path, *others = sheets(root, self.sheet.files)
        own = self._samples_in(path) if others else ()
        for other in others:
            blocks = other.stem.casefold() == path.stem.casefold()
            try:
                said = differences(own, self._samples_in(other))
            except DatasetError:
                said, blocks = "it cannot be read" if blocks else "", False
            if said:
                shown, unused = (one.relative_to(root) for one in (path, other))
                what = f"{shown} is read, {unused} is not: {said}"
                do = "delete the one that is wrong" if blocks else "move away the one that you do not mean"
                yield Problem("", what, do, blocks)

    def _samples_in(self, path: Path) -> tuple[Sample, ...]:
        book = read_workbook(path)
        return self._rows_read(book, next(iter(self._pages(book).values()))).samples

    def _labelled_beside(self, reading: Reading, root: Path) -> Reading:
        """Take labels and objective classes, by clip id, from another dataset's sheet beside this one.

        Where that sheet is missing, a note says that no clip has an emotion.
        """
        if self.labels_from is None:
            return reading
        if not self.labels_from.has_sheet(root):
            beside = self.labels_from.sheet.files[0]
            what = f"no clip has an emotion, because the sheet with the emotions, {beside}, is missing"
            note = Problem("", what, f"put {beside} into the folder of the other sheet", blocks=False)
            return replace(reading, problems=(*reading.problems, note))
        known = {s.id: s for s in self.labels_from.samples(root)}
        found = [
            replace(s, label=known[s.id].label, objective=known[s.id].objective) if s.id in known else s
            for s in reading.samples
        ]
        return replace(reading, samples=tuple(found))

    def _corrected(self, reading: Reading) -> Reading:
        pairs = [checks.corrected(s, self.corrections.get(s.id, ())) for s in reading.samples]
        notes = [note for _, more in pairs for note in more]
        samples = tuple(sample for sample, _ in pairs)
        for sample in samples:
            if said := self.release_labels.get(sample.id):
                releases = ", ".join(f"{label} in {release}" for release, label in said.items())
                what = f"labelled {sample.label} here; the releases differ: {releases}"
                do = "compare only with results on the same release"
                notes.append(Problem(sample.id, what, do, blocks=False))
        return replace(reading, samples=samples, problems=(*reading.problems, *notes))

    def _ended(self, reading: Reading) -> Reading:
        """Use the apex as the offset of clips without one, in datasets that declare it, and add a note."""
        open_ended = {s.id for s in reading.samples if s.offset is None and s.apex is not None}
        if not self.offset_from_apex or not open_ended:
            return reading
        samples = [replace(s, offset=s.apex) if s.id in open_ended else s for s in reading.samples]
        what = f"{len(open_ended)} clips have no offset; their apex ends them"
        note = Problem("", what, "nothing to do, the annotators left it out", blocks=False)
        return replace(reading, samples=tuple(samples), problems=(*reading.problems, note))

    def _unknown_words(self, reading: Reading) -> Iterator[Problem]:
        known = {word(label) for label in self.words}
        if "label" not in self.sheet.required:
            known.add("")
        for sample in reading.samples:
            if word(sample.label) not in known and (sample.id, "label") not in reading.blanks:
                said = f"emotion {sample.label!r} is none of {', '.join(self.words)}" if sample.label else ""
                yield Problem(sample.id, said or "has no emotion", checks.LEAVE_OUT)

    def _known_counts(self, samples: Sequence[Sample]) -> Iterator[Problem]:
        """A note where the number of clips is within 5 % of a known release, but not equal to it."""
        count = len(samples)
        release, known = min(self.releases.items(), key=lambda item: abs(item[1] - count), default=("", 0))
        if count != known and abs(count - known) <= 0.05 * known:
            what = f"the sheet has {count} clips, the {release} has {known}"
            yield Problem("", what, "check that no row was lost or added", blocks=False)

    def _facts(self, sample: Sample) -> dict[str, str]:
        return places.facts(sample) | dict(self.facts(sample))

    def _arrangement(self, root: Path, layouts: Sequence[str] = ()) -> list[places.Place]:
        sheet = find_sheet(root, self.sheet.files)
        bases = dict.fromkeys([root, sheet.parent if sheet else root])
        return places.arrangement(list(bases), layouts or self.layouts)


def _is_clip(row: Row) -> bool:
    """Whether a row has at least two filled cells; a single one below the table is a remark."""
    return sum(not is_empty(cell) for cell in row.cells.values()) > 1


def _reading_notes(book: Workbook, rows: Sequence[Row]) -> Iterator[Problem]:
    """Notes on choices made while reading: the encoding, and rows that were not taken for clips."""
    yield from encoding_note(book.path, book.encoding)
    if stray := [str(row.number) for row in rows if not _is_clip(row)]:
        what = f"{book.path.name} has rows with a single cell, taken as remarks: {', '.join(stray[:5])}"
        yield Problem("", what, "complete them if they are clips", blocks=False)
