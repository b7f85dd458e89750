"""Analyses the jobs of the queue, one after another, in a process of its own.

``python -m fleeting.web.worker`` reads the settings of the server from standard input, which stays open as
long as the server lives: when it closes, the worker puts its job back into the queue and ends. What a job's
earlier worker kept is not done again (``fleeting.analyze(..., resume=True)``).
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from fleeting.errors import FleetingError
from fleeting.output.lock import locked
from fleeting.web.intake import NONE
from fleeting.web.logs import fault, log, log_to_stderr
from fleeting.web.places import forget_files, job_folder, results_of
from fleeting.web.settings import Limits, ServiceSettings
from fleeting.web.store import JobRecord, Store
from fleeting.web.store.queue import UnknownJobError
from fleeting.web.store.records import CANCELLED, DONE, FAILED

IDLE = 0.3
"""Seconds between two looks into an empty queue."""
LOST = 3.0
"""Seconds between two attempts to reach a store that cannot be used."""
STUCK = 120.0
"""Seconds for which another worker, which has lost the job, is waited for to stop writing."""
TELL = 0.5
"""Seconds between two notes of how far a job is."""
FORMATS = ("csv", "json", "elan", "html")
EXTRA = {"annotated": "video", "units": "units"}
"""Formats that are written where the settings of the job ask for them."""


class Stopped(Exception):  # noqa: N818 - it is no error: the job is to end here
    """The job was cancelled, or is another worker's now (``lost``); or the server has ended."""

    def __init__(self, *, lost: bool) -> None:
        super().__init__("stopped")
        self.lost = lost


class TooLong(Exception):  # noqa: N818 - a limit of the server
    """The video has more frames than its header says, and than the server takes."""


class Progress:
    """Writes down how far a job is, and raises Stopped where it is to end; a thread of it shows life.

    The seconds left are those since it began, times what is left of the frames over those done since.
    """

    def __init__(self, store: Store, job: JobRecord, worker: str, lease: float, limits: Limits) -> None:
        self._store, self._job, self._worker, self._lease = store, job, worker, lease
        self._allowed: bool | None = True
        self._ended = threading.Event()
        self._first: tuple[float, int] | None = None
        self._told = 0.0
        fps = (job.media or {}).get("fps") or 25.0
        self._most = limits.seconds * max(fps, 1.0) + 1
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def stop(self) -> None:
        """Have the job end at its next frame, and be put back into the queue."""
        self._allowed = None

    def _live(self) -> None:
        while not self._ended.wait(min(1.0, self._lease / 4)):
            try:
                allowed = self._store.alive(self._job.id, self._worker, self._lease)
            except SQLAlchemyError as error:  # the database may come back before the lease ends
                log("no sign of life could be given", job=self._job.id, **fault(error))
                continue
            if self._allowed:
                self._allowed = allowed

    def __call__(self, what: str, done: int, total: int) -> None:
        """Note progress, as `fleeting.types.Progress`."""
        if not self._allowed:
            raise Stopped(lost=self._allowed is None)
        if what == "inputs":
            return
        if done > self._most:
            raise TooLong
        now = time.monotonic()
        if self._first is None:
            self._first = now, done
        if now < self._told + TELL and done < total:
            return
        self._told = now
        since, before = self._first
        pace = (now - since) / (done - before) if done > before else None
        left = None if pace is None else pace * (total - done)
        facts = {"stage": "analysing" if done < total else "writing", "done": done, "total": total}
        self._store.tell(self._job.id, self._worker, **facts, time_left=left)


class Worker:
    """Takes jobs from the queue until it is told to end."""

    def __init__(self, settings: ServiceSettings, name: str) -> None:
        self.name = name
        self._settings, self._store = settings, Store(settings.store_url)
        self._ended = threading.Event()
        self._progress: Progress | None = None

    def end(self) -> None:
        """End, after putting a job back into the queue."""
        self._ended.set()
        if (progress := self._progress) is not None:
            progress.stop()

    def run(self) -> None:
        """Do jobs until `end` is called."""
        while not self._ended.is_set():
            try:
                job = self._store.claim(self.name, self._settings.lease)
                if job is not None:
                    self._do(job)
            except SQLAlchemyError as error:  # it may come back
                log("store cannot be used", level=logging.ERROR, **fault(error))
                self._ended.wait(LOST)
                continue
            if job is None:
                self._ended.wait(IDLE)
        self._store.release(self.name, died=False)
        self._store.close()

    def _do(self, job: JobRecord) -> None:
        log("job begun", job=job.id, attempt=job.attempts)
        state, error, facts = self._outcome(job)
        if state is None:
            with suppress(UnknownJobError):
                self._store.job(job.id)
                return  # it is another worker's, or goes back into the queue when this one ends
            forget_files(self._settings.folder, job.id)
            return
        self._store.end(job.id, self.name, state, error, **facts)
        log("job ended", job=job.id, state=state)

    def _outcome(self, job: JobRecord) -> tuple[str | None, str | None, Mapping[str, Any]]:
        """How a job ended: its state (None if it is not to be ended here), the error, further facts."""
        settings = self._settings
        with Progress(self._store, job, self.name, settings.lease, settings.limits) as progress:
            self._progress = progress
            if self._ended.is_set():
                progress.stop()
            try:
                return DONE, None, analysed(settings.folder, job, progress)
            except Stopped as stopped:
                return (None if stopped.lost else CANCELLED), None, {}
            except TooLong:
                limit = f"{settings.limits.seconds:.0f} s"
                return FAILED, f"the video is longer than this server takes ({limit}); cut it into parts", {}
            except FleetingError as error:
                return FAILED, sentence(error, settings.folder, job), {}
            except (OSError, MemoryError) as error:
                why = getattr(error, "strerror", None) or type(error).__name__
                return FAILED, f"the analysis stopped ({why}); see the space left on the server's disk", {}
            except Exception as error:  # a fault of ours ends this job, not the worker
                found = fault(error)
                log("job hit a fault", job=job.id, level=logging.ERROR, **found)
                what = f"the analysis hit a fault of this program ({found['error']} at {found['where']})"
                return FAILED, f"{what}; please report it", {}
            finally:
                self._progress = None


def analysed(folder: Path, job: JobRecord, progress: Progress) -> dict[str, Any]:
    """Analyse a job's video as `fleeting analyze` does, and return what the store keeps of the results."""
    import fleeting
    from fleeting.web.curves import keep_curves
    from fleeting.web.frames import keep_table
    from fleeting.web.media.boxes import keep_boxes

    chosen = {name: value for name, value in job.settings.items() if value is not None}
    if chosen.get("model") == NONE:
        chosen["model"] = None
    extra = [name for option, name in EXTRA.items() if chosen.pop(option, False)]
    out = job_folder(folder, job.id) / "results"
    for begun in out.glob("*/"):
        with locked(begun, STUCK):
            pass  # an earlier worker that was only slow has stopped now
    found = fleeting.analyze(
        job.path(folder), out, workers=1, resume=True, progress=progress, formats=[*FORMATS, *extra], **chosen
    )
    summary = found.done[0].summary
    results = results_of(folder, job.id)
    if results is not None:
        for keep in (keep_table, keep_boxes, keep_curves):
            keep(folder, job.id, results)
    media = {**(job.media or {}), "variable_frame_rate": summary["variable_frame_rate"]}
    media |= {"fps": summary["fps"], "frames": summary["frames_decoded"], "duration_s": summary["duration_s"]}
    counts = {"done": summary["frames_decoded"], "total": summary["frames_decoded"]}
    return {**counts, "events": len(found.done[0].events), "warnings": summary["warnings"], "media": media}


def sentence(error: Exception, folder: Path, job: JobRecord) -> str:
    """What an error says, with the names that users know instead of paths of the server."""
    text = " ".join(str(error).split()).replace(str(job.path(folder)), job.name)
    return text.replace(str(job_folder(folder, job.id)), "the job's folder")


def _until_closed(worker: Worker) -> None:
    """End the worker when standard input closes: the server has ended, however it did."""
    with suppress(OSError, ValueError):
        while sys.stdin.buffer.read(1):
            pass
    worker.end()


def main() -> None:
    """Work for the server whose settings stand in the first line of standard input, under the name given."""
    log_to_stderr()
    worker = Worker(ServiceSettings.from_json(sys.stdin.buffer.readline().decode()), sys.argv[1])
    threading.Thread(target=_until_closed, args=(worker,), daemon=True).start()
    with suppress(KeyboardInterrupt):
        worker.run()


if __name__ == "__main__":
    main()
