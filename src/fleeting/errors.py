"""The errors this package raises, as a tree; each says what was found, what was expected, what to do.

    FleetingError
    ├── UnknownNameError      no model, dataset, recipe key ... of that name; carries the nearest known one
    ├── OptionError           a value or an option that the named thing does not take
    │   └── OutputError       a folder or a file that may not, or cannot, be written
    ├── LeakError             a fold with a subject or a sample on both sides
    ├── FoldError             a fold with an empty side, samples that cannot be split as asked
    ├── DatasetError          a root that cannot be read as that dataset
    ├── VideoError            a video, folder of pictures or camera in which nothing decodes
    ├── FaceError             pictures in which no face was found
    ├── DamagedDataError      clips that cannot be used; carries every Problem
    ├── ScoreError            a number that would not mean what its name says
    ├── LogError              a log or a table of labels that cannot be read
    ├── WeightsError          a file that holds no weights, is damaged, or does not fit its model
    ├── RunError              a run folder of another experiment, or one that is not a run
    ├── PluginError           a file in a kind's folder, or a plug-in, that cannot be imported
    ├── CacheError            a cache that cannot be written
    └── MissingExtraError     an optional dependency that this call needs

A `Problem` describes one faulty clip as a value: `fleeting.check` lists problems, a run refuses or skips the
clips that have them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


class FleetingError(Exception):
    """Anything this package refuses to do, in one line that can be shown to a user.

    Instances can be pickled, whatever arguments their constructor takes: worker processes raise them too.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[FleetingError], args: tuple[Any, ...], facts: dict[str, Any]) -> FleetingError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(facts)
    return error


def some(names: Iterable[str], most: int = 5) -> str:
    """The first ``most`` of several names, sorted, and how many more there are, to fit into one line."""
    ordered = sorted(names)
    return ", ".join(ordered[:most]) + (f" and {len(ordered) - most} more" if len(ordered) > most else "")


class UnknownNameError(FleetingError, LookupError):
    """Nothing of that kind has that name."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {some(names, most=100) or 'none'}"
        super().__init__(f"no {kind} is called {name!r}; {hint}")


class OptionError(FleetingError, ValueError):
    """A value or an option that the named thing does not take."""


class OutputError(OptionError):
    """A folder or a file may not be written, because it is not ours, or cannot be written."""


class LeakError(FleetingError, ValueError):
    """A sample or a subject of the test side is on the training side too."""


class FoldError(FleetingError, ValueError):
    """Samples cannot be split into folds as asked, or a side of a fold is empty."""


class DatasetError(FleetingError, ValueError):
    """A root folder cannot be read as the dataset it was said to be."""


class VideoError(FleetingError, ValueError):
    """Nothing can be decoded from a video, a folder of pictures or a camera."""


class FaceError(FleetingError, ValueError):
    """No face was found where one is needed."""


class ScoreError(FleetingError, ValueError):
    """A score would not mean what its name says, so it is refused."""


class LogError(FleetingError, ValueError):
    """Somebody's log or table of labels cannot be read."""


class WeightsError(FleetingError, ValueError):
    """A file is not a weights file of this package, is damaged, or does not fit its model."""


class RunError(FleetingError):
    """A folder is not a run, or it is the run of another experiment."""


class PluginError(FleetingError):
    """A dropped-in file or a plug-in cannot be imported."""


class CacheError(FleetingError):
    """An array cannot be written to the cache."""


class MissingExtraError(FleetingError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; this needs it: pip install 'fleeting[{extra}]'")


@dataclass(frozen=True, order=True)
class Problem:
    """One fault of one clip (``clip`` is "" for a fault of the annotation sheet), and what to do about it.

    ``blocks`` says that the clip cannot be used as it is. A problem that does not block is information only:
    a correction that was applied, a label that differs between releases.
    """

    clip: str
    what: str
    do: str
    blocks: bool = True

    def __str__(self) -> str:
        return ": ".join(part for part in (self.clip, f"{self.what}; {self.do}") if part)


class DamagedDataError(FleetingError):
    """Clips of an experiment cannot be used; nothing was computed."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        more = f" (and {len(problems) - 1} more; `fleeting check` lists them)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}; or leave damaged clips out with --skip-damaged")
