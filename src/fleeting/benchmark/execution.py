"""Options of running recipes that are not part of a recipe: executor, workers, damaged clips, progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fleeting.benchmark.callbacks import Callback
from fleeting.errors import OptionError
from fleeting.types import Progress, silent


@dataclass(frozen=True)
class Execution:
    """How recipes are run. Only ``skip_damaged`` can change a score by more than rounding.

    ``executor`` is the name of one of `fleeting.executors`. ``workers`` is the number of jobs that it does at
    once (None: as many as the machine, or the cluster, has cores for). With ``skip_damaged``, clips that
    cannot be used are left out and listed; without it, they stop a run before it begins. ``callbacks`` hear
    of each run's epochs and folds. Raises OptionError on fewer than one worker, and on what is no callback.
    """

    executor: str = "serial"
    workers: int | None = None
    skip_damaged: bool = False
    progress: Progress = silent
    callbacks: Sequence[Callback] = ()

    def __post_init__(self) -> None:
        if self.workers is not None and not (isinstance(self.workers, int) and self.workers > 0):
            raise OptionError(f"{self.workers!r} workers cannot do anything; use 1 or more")
        given = self.callbacks if isinstance(self.callbacks, Sequence) else [None]
        if not all(isinstance(one, Callback) for one in given):
            raise OptionError(f"callbacks are {self.callbacks!r}, expected a list of fleeting.Callback")
