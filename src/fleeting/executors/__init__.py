"""An executor carries out jobs somewhere and gives each result back as soon as it is done.

``executor(work, shared, jobs, workers)`` yields ``work(shared, job)`` for every job, in any order, at most
``workers`` at once (None: as many as there are processor cores for). ``shared`` is sent to each worker once.
A result depends on its job alone, never on the worker or the time, so every executor gives the same
predictions; an executor that computes many jobs at once gives the same up to rounding.

Work may say more. ``work.needs(shared)`` is what one job takes of a machine, as `Needs`. Work that can be
computed for many jobs at once has ``work.together(shared, jobs)``, which yields the result of every job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fleeting.registry import Registry

Work = Callable[[Any, Any], Any]
Executor = Callable[[Work, Any, Sequence[Any], int | None], Iterator[Any]]


@dataclass(frozen=True)
class Needs:
    """What one job takes of the machine that does it: its processor cores, and the device it computes on.

    With the device ``auto`` it uses a GPU where there is one, with ``cuda`` it cannot do without.
    """

    cores: int = 1
    device: Literal["cpu", "auto", "cuda"] = "cpu"


def needs_of(work: Work, shared: Any) -> Needs:
    """What one job of this work takes: what the work says, else one core."""
    said = getattr(work, "needs", None)
    found: Needs = said(shared) if said else Needs()
    return found


executors: Registry[Executor] = Registry("executor", "fleeting.executors")
