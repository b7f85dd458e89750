"""An executor that does jobs on a Ray cluster: the one at RAY_ADDRESS, or one made of this machine."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from fleeting import optional
from fleeting.errors import OptionError, RunError
from fleeting.executors import Needs, Work, executors, needs_of
from fleeting.executors.processes import deaf
from fleeting.registry import given, take
from fleeting.version import __version__

LOSSES = 3
"""How often a job may lose its worker until it is given up: one that takes all memory never ends well."""

PATIENCE = 60.0
"""Seconds without a result after which it is looked whether a node is left that could give one."""


@executors.register("ray")
def ray(work: Work, shared: Any, jobs: Sequence[Any], workers: int | None) -> Iterator[Any]:
    """Do the jobs on a Ray cluster; a worker or node that is lost costs only the jobs that it had begun.

    These are done again elsewhere, up to LOSSES times. The cluster is the one that this process has joined,
    else the one that the environment variable RAY_ADDRESS names, else one that is started on this machine's
    loopback address with a core for each of ``workers`` and ends with the last job. Raises MissingExtraError
    without ray, RunError where no cluster answers and, after all other jobs are done, where a job was given
    up, and OptionError where no node has what a job needs.
    """
    if not jobs:
        return
    cluster, needs = optional.ray(), needs_of(work, shared)
    with _joined(cluster, needs, workers):
        yield from _streamed(cluster, needs, work, shared, jobs, workers)


@contextmanager
def _joined(cluster: Any, needs: Needs, workers: int | None) -> Iterator[None]:
    """Join a cluster, or start one, unless this process has done so."""
    if cluster.is_initialized():
        yield
        return
    logging.getLogger("ray").setLevel(logging.ERROR)  # it tells users of options that are not theirs
    address = os.environ.get("RAY_ADDRESS")
    before = signal.getsignal(signal.SIGTERM)  # Ray takes the signal for itself
    try:
        if address:
            _reach(address)
            cluster.init(address, log_to_driver=False, configure_logging=False)
        else:
            _begin(cluster, max(needs.cores, workers * needs.cores if workers else os.cpu_count() or 1))
    except (OSError, ValueError, RuntimeError) as error:
        where = f"no Ray cluster can be joined at {address}" if address else "Ray cannot be started here"
        raise RunError(f"{where} ({error}); see RAY_ADDRESS, or use --executor processes") from error
    finally:
        signal.signal(signal.SIGTERM, before)
    try:
        yield
    finally:
        cluster.shutdown()


def _reach(address: str) -> None:
    """Raise OSError where nobody listens: Ray would try for minutes, and tell of each time."""
    host, _, port = address.rpartition(":")
    if port.isdecimal() and "://" not in address:
        socket.create_connection((host, int(port)), timeout=5).close()


def _begin(cluster: Any, cores: int) -> None:
    """Start a cluster on this machine that ends with this process, and that no terminal interrupts."""
    with deaf(), _without_reporter(cluster):
        cluster.init(
            "local", num_cpus=cores, include_dashboard=False, log_to_driver=False, configure_logging=False
        )


@contextmanager
def _without_reporter(cluster: Any) -> Iterator[None]:
    """Start no process of the dashboard: left without one, it only asks clouds whose machine this is.

    Ray starts it even where usage reports are switched off, and has no option against that.
    """
    node = cluster._private.node.Node
    before = node.start_api_server
    node.start_api_server = lambda *_, **__: None
    try:
        yield
    finally:
        node.start_api_server = before


def _streamed(
    cluster: Any, needs: Needs, work: Work, shared: Any, jobs: Sequence[Any], workers: int | None
) -> Iterator[Any]:
    """Yield each result as it comes; a job whose worker is lost is put in the queue again."""
    gpus = _gpus(cluster, needs)
    remote = cluster.remote(num_cpus=needs.cores, num_gpus=gpus, max_retries=0)(_do)
    sender, sent = _Sender(__version__, os.getcwd(), tuple(sys.path)), [cluster.put((given(), work, shared))]
    waiting = deque(range(len(jobs)))
    running: dict[Future[Any], tuple[Any, int]] = {}
    losses: Counter[int] = Counter()
    try:
        while waiting or running:
            room = workers or 2 * max(1, int(cluster.cluster_resources().get("CPU", 1)) // needs.cores)
            while waiting and len(running) < room:
                number = waiting.popleft()
                reference = remote.remote(sender, sent, jobs[number])
                running[reference.future()] = reference, number
            done, _ = wait(running, PATIENCE, FIRST_COMPLETED)  # Ray's own wait is deaf to Ctrl-C
            if not done and not _possible(cluster, needs, gpus):
                _log("no node is left that could do the jobs; waiting for one")
            for future in done:
                _, number = running.pop(future)
                try:
                    result = future.result()
                except cluster.exceptions.RayTaskError as error:
                    raise error.cause from None
                except _losses(cluster) as error:
                    losses[number] += 1
                    if losses[number] < LOSSES:
                        waiting.append(number)
                    _log(_told(number, len(jobs), losses[number], error))
                else:
                    yield result
    finally:
        for reference, _ in running.values():
            cluster.cancel(reference, force=True)
    given_up = sum(count >= LOSSES for count in losses.values())
    if given_up:
        raise RunError(
            f"{given_up} of {len(jobs)} jobs lost their workers {LOSSES} times each, perhaps for lack of"
            " memory; all others are done; use fewer --workers and give the same command again with --resume"
        )


def _losses(cluster: Any) -> tuple[type[Exception], ...]:
    """The errors of Ray by which a job ends without a fault of its own."""
    known = cluster.exceptions
    return (known.WorkerCrashedError, known.NodeDiedError, known.ObjectLostError, known.OutOfMemoryError)


def _told(number: int, jobs: int, losses: int, error: Exception) -> str:
    """The line of the log for a loss."""
    why = " ".join(str(error).split())[:300]
    what = "it is done again" if losses < LOSSES else "it is given up"
    return f"job {number + 1} of {jobs} lost its worker, for the {losses}. time of {LOSSES}; {what}: {why}"


def _log(line: str) -> None:
    logging.getLogger("fleeting").warning("%s", line)


def _gpus(cluster: Any, needs: Needs) -> int:
    """How many GPUs a job takes of this cluster. Raises OptionError where no node has what it needs."""
    any_there = cluster.cluster_resources().get("GPU", 0) >= 1
    gpus = int(needs.device == "cuda" or (needs.device == "auto" and any_there))
    if not _possible(cluster, needs, gpus):
        raise OptionError(
            f"a job takes {needs.cores} cores and {gpus} GPUs, and no node of the Ray cluster has them; set"
            " training.threads and training.device lower, or add a node"
        )
    return gpus


def _possible(cluster: Any, needs: Needs, gpus: int) -> bool:
    """Whether a node that is alive could do a job."""
    alive = [node["Resources"] for node in cluster.nodes() if node["Alive"]]
    return any(each.get("CPU", 0) >= needs.cores and each.get("GPU", 0) >= gpus for each in alive)


class _Sender(NamedTuple):
    """The process that asks for the jobs: what version it is, where it works, where it finds modules."""

    version: str
    folder: str
    path: tuple[str, ...]


def _do(sender: _Sender, sent: list[Any], job: Any) -> Any:
    """Do one job; in a worker of the cluster."""
    work, shared = _received(sender, sent[0])
    return work(shared, job)


@lru_cache(maxsize=1)
def _received(sender: _Sender, sent: Any) -> tuple[Work, Any]:
    """What all jobs share, fetched once into each worker. Raises RunError where it is another version's."""
    if sender.version != __version__:
        raise RunError(
            f"a node of the cluster has fleeting {__version__}, the command was given to {sender.version};"
            " install the same version on all nodes"
        )
    if Path(sender.folder).is_dir():
        os.chdir(sender.folder)  # relative paths are the command's
    sys.path.extend(path for path in sender.path if path not in sys.path)
    things, work, shared = optional.ray().get(sent)
    take(things)
    return work, shared
