"""Has the segments of long videos found by several processes, before the results of each are put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event as Flag
from threading import Thread
from time import monotonic

from fleeting.analysis.one_input import AnalysisContext, Job, planned
from fleeting.analysis.segments import Plan, Segment, done_of, keep, part_done, seen
from fleeting.analysis.workers import each
from fleeting.types import Progress
from fleeting.video.frame_index import SeekError

FEW = 4
"""Inputs for each worker from which on every worker takes whole inputs."""
EVERY = 0.5
"""Seconds between two looks at how many frames are done."""


@dataclass(frozen=True, eq=False)
class _Part:
    """One segment of one input."""

    job: Job
    plan: Plan
    segment: Segment


def spread(
    context: AnalysisContext, jobs: Sequence[Job], workers: int | None, executor: str
) -> tuple[list[Job], list[tuple[Job, str]]]:
    """Find the segments of inputs with several workers, and keep them, where there are few inputs (FEW).

    Returns the inputs whose results can be put together, and those whose segments could not all be found,
    with the reason. What was not found because a file cannot be read from the middle is no such reason.
    """
    if workers is not None and (workers == 1 or len(jobs) >= FEW * workers):
        return [*jobs], []
    plans = {
        job.item.name: found
        for job, found in each(planned, context, jobs, workers, _unplanned, executor)
        if found is not None
    }
    ready = [replace(job, plan=plans.get(job.item.name)) for job in jobs]
    parts = [_Part(job, job.plan, segment) for job in ready if job.plan for segment in job.plan.missing()]
    for part in parts:
        part_done(part.plan, part.segment).unlink(missing_ok=True)  # a killed worker may have left it
    lost: dict[str, str] = {}
    with _counted(plans, context.progress):
        for part, why in each(_found, context, parts, workers, _reason, executor):
            if why:
                lost.setdefault(part.job.item.name, why)
    whole = [job for job in ready if job.item.name not in lost]
    return whole, [(job, lost[job.item.name]) for job in ready if job.item.name in lost]


def _unplanned(_job: Job, _reason: str) -> None:
    """An input that cannot be planned: `fleeting.analysis.one_input.analysed` says why."""


def _reason(_part: _Part, reason: str) -> str:
    return reason


def _found(_context: AnalysisContext, part: _Part) -> str:
    """Find one segment and keep it; "", as nothing is to be said."""
    told = part_done(part.plan, part.segment)
    done, last = 0, 0.0

    def tell() -> None:
        nonlocal done, last
        done += 1
        if (now := monotonic()) >= last + EVERY:
            last = now
            told.write_text(str(done))

    told.parent.mkdir(parents=True, exist_ok=True)
    try:
        keep(part.plan, part.segment, seen(part.plan, part.segment, tell))
    except SeekError:  # met again when the results are put together, and the input is then read in one go
        pass
    finally:
        told.unlink(missing_ok=True)
    return ""


@contextmanager
def _counted(plans: dict[str, Plan], progress: Progress) -> Iterator[None]:
    """Say now and then how many frames of each input are done, inside the block."""
    ended = Flag()

    def look() -> None:
        while True:
            for name, plan in plans.items():
                progress(name, done_of(plan), len(plan.promised.index))
            if ended.wait(EVERY):
                return

    looking = Thread(target=look, daemon=True)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join()
