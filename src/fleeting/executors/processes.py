"""An executor that does several jobs at once, each in a process of its own on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import cloudpickle  # type: ignore[import-untyped]

from fleeting.errors import RunError
from fleeting.executors import Work, executors, needs_of
from fleeting.registry import given, take

_work: Work
_shared: Any


@executors.register("processes")
def processes(work: Work, shared: Any, jobs: Sequence[Any], workers: int | None) -> Iterator[Any]:
    """Do the jobs in ``workers`` processes of this machine.

    They are sent what a script or a notebook has registered, a model for example, and do not run it again, so
    a script needs no ``if __name__ == "__main__"``. Raises RunError if a worker process dies (for example for
    lack of memory); results yielded before are valid.
    """
    spawn = multiprocessing.get_context("spawn")  # fork would leave out the threads of torch and BLAS
    others = set(multiprocessing.active_children())
    workers = workers or max(1, (os.cpu_count() or 1) // needs_of(work, shared).cores)
    sent = cloudpickle.dumps((given(), work, shared))
    with deaf():
        pool = ProcessPoolExecutor(min(workers, len(jobs)) or 1, spawn, _start, (sent,))
    try:
        with deaf(), _no_script():
            submitted = [pool.submit(_do, cloudpickle.dumps(job)) for job in jobs]
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
def deaf() -> Iterator[None]:
    """Block the signals of a terminal; processes started meanwhile never get them: their parent ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _no_script() -> Iterator[None]:
    """Start processes that do not run this one's script: what they need of it is sent to them."""
    script = sys.modules["__main__"].__dict__
    kept: dict[str, Any] = {name: script.pop(name) for name in ("__file__", "__spec__") if name in script}
    script["__spec__"] = None
    try:
        yield
    finally:
        del script["__spec__"]
        script.update(kept)


def _start(sent: bytes) -> None:
    global _work, _shared  # a worker's state, set once before its first job
    things, _work, _shared = cloudpickle.loads(sent)
    take(things)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when its parent process ends: a killed parent cannot tell its workers to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(job: bytes) -> Any:
    return _work(_shared, cloudpickle.loads(job))
