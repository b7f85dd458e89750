"""Finds people and clips that stand on both sides of anybody's lists of training and test clips."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from fleeting.benchmark.clip_paths import shown
from fleeting.benchmark.listed_clips import Listed, Listing, read_listing
from fleeting.errors import OptionError
from fleeting.files import path_of

_TRAIN = re.compile(r"train(ing)?", re.IGNORECASE)


@dataclass(frozen=True)
class Leak:
    """One pair of lists: how many there are of whom, and who and what stands on both sides."""

    train: str
    test: str
    train_clips: int
    test_clips: int
    train_people: int
    test_people: int
    people: tuple[str, ...]
    clips: tuple[str, ...]
    of_known_people: int
    """Test clips whose person is in the training list."""

    @property
    def share(self) -> float:
        """The share of test clips whose person is in the training list, 0 to 1."""
        return self.of_known_people / self.test_clips

    @property
    def leaks(self) -> bool:
        """Whether a person or a clip stands on both sides."""
        return bool(self.people or self.clips)

    def as_dict(self) -> dict[str, Any]:
        """The same as a value for JSON, with the share."""
        return {**asdict(self), "people": list(self.people), "clips": list(self.clips), "share": self.share}


@dataclass(frozen=True)
class Leaks:
    """All pairs that were compared, and how person and clip were understood."""

    pairs: tuple[Leak, ...]
    person: str
    clip: str
    remarks: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether any pair leaks."""
        return any(pair.leaks for pair in self.pairs)

    def as_dict(self) -> dict[str, Any]:
        """The same as a value for JSON."""
        return {
            "leaks": self.found,
            "person": self.person,
            "clip": self.clip,
            "pairs": [pair.as_dict() for pair in self.pairs],
            "remarks": list(self.remarks),
        }


def leaks(*lists: str | Path) -> Leaks:
    """Compare lists of training and test clips: training, test, training, test, and so on.

    A folder stands for its lists: each file whose name, or whose folder's, says train, with the one that says
    test in the same place. Two folders are a training side and a test side, paired by the names of their
    files. Raises OptionError where the lists are no pairs, and LogError or DatasetError on a list from which
    no person can be read.

    >>> found = fleeting.leaks("train.csv", "test.csv")
    >>> found.found, found.pairs[0].people, found.pairs[0].share
    (True, ('casme2/sub05',), 0.5)
    """
    paths = [path_of(path, "a list of clips") for path in lists]
    read = [(read_listing(train), read_listing(test)) for train, test in _pairs(paths)]
    every = [side for pair in read for side in pair]
    unsaid = any(clip.database == "" for side in every for clip in side.clips)
    known = sorted({clip.database for side in every for clip in side.clips} - {""})
    remarks = [remark for side in every for remark in side.remarks]
    if unsaid and known:
        what = f"some rows do not say of which database they are ({', '.join(known)} in others)"
        remarks.append(f"{what}: people of equal numbers are taken as one")
    if any(not clip.clip for side in every for clip in side.clips):
        remarks.append("a list names no clips: only people are compared")
    if any(len(set(side.clips)) < len(side.clips) for side in every if all(c.clip for c in side.clips)):
        remarks.append("several rows name one clip, such as its frames: it is counted once")
    pairs = tuple(_compared(train, test, by_database=not unsaid) for train, test in read)
    person, clip = (_once(getattr(side, what) for side in every) for what in ("person", "clip"))
    return Leaks(pairs, person, clip, tuple(dict.fromkeys(remarks)))


def _once(words: Iterator[str]) -> str:
    return "; ".join(dict.fromkeys(words))


def _compared(train: Listing, test: Listing, *, by_database: bool) -> Leak:
    def person(clip: Listed) -> tuple[str, str]:
        return (clip.database if by_database else "", clip.person)

    def named(listing: Listing) -> dict[tuple[str, str, str], tuple[str, str]]:
        """The person of each clip, or of each row without one, by a name in which 01 and 1 are the same."""
        return {
            (*person(clip), re.sub(r"(?<!\d)0+(?=\d)", "", clip.clip) or f"row {row}"): person(clip)
            for row, clip in enumerate(listing.clips)
        }

    trained, tested = named(train), named(test)
    known, asked = set(trained.values()), set(tested.values())
    twice = (
        [] if any(not clip.clip for clip in (*train.clips, *test.clips)) else sorted(tested.keys() & trained)
    )
    return Leak(
        str(train.path),
        str(test.path),
        len(trained),
        len(tested),
        len(known),
        len(asked),
        tuple(shown(*one) for one in sorted(known & asked)),
        tuple(f"{shown(database, who)}/{clip}" for database, who, clip in twice),
        sum(one in known for one in tested.values()),
    )


def _pairs(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The training and test lists that belong together."""
    if len(paths) == 1 and paths[0].is_dir():
        found = list(_in_folder(paths[0]))
        if not found:
            raise OptionError(
                f"{paths[0]} holds no two lists whose names differ in train and test alone; name the lists"
            )
        return found
    if len(paths) == 2 and all(path.is_dir() for path in paths):
        return _of_folders(*paths)
    if len(paths) < 2 or len(paths) % 2:
        raise OptionError(
            f"{len(paths)} lists, expected pairs: a training list and its test list, or folders of them"
        )
    return list(zip(paths[::2], paths[1::2], strict=True))


def _in_folder(folder: Path) -> Iterator[tuple[Path, Path]]:
    for path in _files(folder):
        inside = path.relative_to(folder).as_posix()
        for word in ("test", "Test", "TEST", "testing", "val", "valid", "validation"):
            other = folder / _TRAIN.sub(word, inside)
            if other != path and other.is_file():
                yield path, other
                break


def _of_folders(train: Path, test: Path) -> list[tuple[Path, Path]]:
    """The lists of equal names, but for train and test, in two folders."""

    def plain(path: Path, above: Path) -> str:
        return re.sub(
            r"train(ing)?|test(ing)?|val(id|idation)?", "", str(path.relative_to(above)), flags=re.IGNORECASE
        )

    tests = {plain(path, test): path for path in _files(test)}
    pairs = [(path, tests[plain(path, train)]) for path in _files(train) if plain(path, train) in tests]
    lone = [path.name for path in _files(train) if plain(path, train) not in tests]
    if lone or not pairs:
        raise OptionError(
            f"{train} and {test}: {lone[0] if lone else 'no file'} has no partner; name lists alike"
        )
    return pairs


def _files(folder: Path) -> list[Path]:
    """The files below a folder, hidden ones apart, in the order of the numbers in their names."""
    inside = (path for path in folder.rglob("*") if path.is_file())
    open_ = [path for path in inside if not any(p.startswith(".") for p in path.relative_to(folder).parts)]
    return sorted(open_, key=lambda path: [_number(part) for part in re.split(r"(\d+)", str(path))])


def _number(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdigit() else (0, part)


def sides(found: Leaks) -> Iterator[str]:
    """What was found, a sentence for each pair, and one for several together."""
    for pair in found.pairs:
        yield (
            f"{pair.train} -> {pair.test}: {pair.of_known_people} of {pair.test_clips} test clips"
            f" ({pair.share:.1%}) are of people in training; {len(pair.people)} of {pair.test_people} people"
            f" and {len(pair.clips)} clips stand on both sides"
        )
    if found.pairs[1:]:
        shares = sorted(pair.share for pair in found.pairs)
        low, high = shares[0], shares[-1]
        yield f"{len(shares)} pairs: {low:.1%} to {high:.1%} of test clips are of people in training"
    people = list(dict.fromkeys(chain.from_iterable(pair.people for pair in found.pairs)))
    clips = list(dict.fromkeys(chain.from_iterable(pair.clips for pair in found.pairs)))
    for what, names in (("people", people), ("clips", clips)):
        if names:
            more = f" and {len(names) - 10} more (--json lists all)" if names[10:] else ""
            yield f"{what} on both sides: {', '.join(names[:10])}{more}"
