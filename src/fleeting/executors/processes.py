"""Several jobs at once, one in each process of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from fleeting.errors import RunError
from fleeting.executors import Work, executors

_work: Work
_shared: Any


@executors.register("processes")
def processes(work: Work, shared: Any, jobs: Sequence[Any], workers: int) -> Iterator[Any]:
    """Do the jobs in ``workers`` processes of this machine.

    Raises RunError if a worker dies (out of memory, say); what was yielded before is safe.
    """
    spawn = multiprocessing.get_context("spawn")  # fork would copy the threads of torch and BLAS half alive
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(min(workers, len(jobs)) or 1, spawn, _start, (work, shared))
    try:
        for done in as_completed([pool.submit(_do, job) for job in jobs]):
            yield done.result()
    except (KeyboardInterrupt, GeneratorExit):
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()  # whoever interrupts does not wait for the jobs in flight
        raise
    except BrokenProcessPool as error:
        raise RunError(
            "a worker process died, perhaps for lack of memory; use fewer --workers and run the same command"
            " again: what is done stays done"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _start(work: Work, shared: Any) -> None:
    global _work, _shared  # a worker's state, set once before its first job
    _work, _shared = work, shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent cannot tell its workers to stop; waiting for its end, they notice."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(job: Any) -> Any:
    return _work(_shared, job)
