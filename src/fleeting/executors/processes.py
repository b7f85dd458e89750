"""An executor that does several jobs at once, each in a process of its own on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from fleeting.errors import RunError
from fleeting.executors import Work, executors

_work: Work
_shared: Any


@executors.register("processes")
def processes(work: Work, shared: Any, jobs: Sequence[Any], workers: int) -> Iterator[Any]:
    """Do the jobs in ``workers`` processes of this machine.

    Raises RunError if a worker process dies (for example for lack of memory); results yielded before are
    valid.
    """
    spawn = multiprocessing.get_context("spawn")  # fork would leave out the threads of torch and BLAS
    others = set(multiprocessing.active_children())
    with _deaf():
        pool = ProcessPoolExecutor(min(workers, len(jobs)) or 1, spawn, _start, (work, shared))
    try:
        with _deaf():
            submitted = [pool.submit(_do, job) for job in jobs]
        for done in as_completed(submitted):
            yield done.result()
    except (KeyboardInterrupt, GeneratorExit):
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()  # an interrupt does not wait for running jobs
        raise
    except BrokenProcessPool as error:
        raise RunError(
            "a worker process died, perhaps for lack of memory, and what it and those beside it had begun is"
            " not done; use fewer --workers and give the same command again with --resume"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Block the signals of a terminal; processes started meanwhile never get them: their parent ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(work: Work, shared: Any) -> None:
    global _work, _shared  # a worker's state, set once before its first job
    _work, _shared = work, shared
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when its parent process ends: a killed parent cannot tell its workers to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(job: Any) -> Any:
    return _work(_shared, job)
