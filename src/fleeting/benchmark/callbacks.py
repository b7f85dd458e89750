"""Callbacks hear of a run's begin, its epochs and folds, and its end; nothing they do changes a result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from fleeting.experiments.fold import FoldResult
    from fleeting.experiments.recipe import Experiment
    from fleeting.experiments.run_folder import Run
    from fleeting.training.fitted import Epoch


class Callback:
    """Hears what a run does: inherit from it, and override what you want to hear.

    All calls are made in the process that called `fleeting.run`, one after another. Folds are trained
    anywhere, so a fold's epochs are told together when it is done, just before its end; folds that an earlier
    start has finished are not told again. An error in `run_begins` stops the run before it trains anything;
    later errors are logged, and the callback is told nothing more: no result is lost for want of a tracker.

    >>> class Said(fleeting.Callback):
    ...     def run_ended(self, run):
    ...         print(run.scores["clean"]["n"], "clips")
    >>> done = fleeting.run("drawn/linear-flow", out="run", callbacks=[Said()])
    120 clips
    """

    def run_begins(self, experiment: Experiment, folder: Path, folds: int) -> None:
        """A run begins or goes on in ``folder``, with ``folds`` folds left to train."""

    def epoch_ended(self, result: FoldResult, epoch: Epoch) -> None:
        """An epoch of a fold was trained; ``epoch`` has its number, its losses and its accuracy."""

    def fold_ended(self, result: FoldResult) -> None:
        """A fold was trained, tested and written to the run's folder."""

    def run_ended(self, run: Run) -> None:
        """All folds are done, and the scores and the report are written."""

    def run_failed(self, error: BaseException) -> None:
        """The run has ended without scores; it can be resumed."""


class Audience:
    """The callbacks of one run, of which each that fails is left out from then on."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._hearing = list(callbacks)

    def begin(self, experiment: Experiment, folder: Path, folds: int) -> None:
        """Tell that a run begins. Raises the first error; those who were told before it hear of that."""
        told: list[Callback] = []
        try:
            for callback in self._hearing:
                told.append(callback)
                callback.run_begins(experiment, folder, folds)
        except BaseException as error:
            self._hearing = told[:-1]
            self.fail(error)
            raise

    def fold(self, result: FoldResult) -> None:
        """Tell a fold's epochs, then its end."""
        for line in result.curve:
            self._tell(lambda callback, line=line: callback.epoch_ended(result, line))  # type: ignore[misc]
        self._tell(lambda callback: callback.fold_ended(result))

    def end(self, run: Run) -> None:
        """Tell that scores and report are written."""
        self._tell(lambda callback: callback.run_ended(run))

    def fail(self, error: BaseException) -> None:
        """Tell that a run has ended without scores."""
        self._tell(lambda callback: callback.run_failed(error))

    def _tell(self, what: Callable[[Callback], None]) -> None:
        for callback in list(self._hearing):
            try:
                what(callback)
            except Exception as error:  # whatever a tracker fails of, the run goes on
                self._hearing.remove(callback)
                said = " ".join(str(error).split()) or type(error).__name__
                logging.getLogger("fleeting").warning(
                    "%s fails and hears no more of this run: %s", type(callback).__name__, said
                )


@contextmanager
def told(
    callbacks: Sequence[Callback], experiment: Experiment, folder: Path, folds: int
) -> Iterator[Audience]:
    """Tell callbacks that a run begins, and that it failed where the block raises."""
    audience = Audience(callbacks)
    audience.begin(experiment, folder, folds)
    try:
        yield audience
    except BaseException as error:
        audience.fail(error)
        raise
