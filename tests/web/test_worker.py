"""A worker: what becomes of jobs that cannot be done, said without a path of the server."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from fleeting.output.lock import locked
from fleeting.web.settings import Limits
from fleeting.web.store import Store
from fleeting.web.worker import Worker
from tests.fixtures.films import film
from tests.fixtures.service import wait_for

pytestmark = pytest.mark.slow
IDS = {name: letter * 32 for name, letter in zip(("good", "gone", "long", "stopped"), "abcd", strict=True)}


@pytest.fixture
def queue(settings):
    """A store with four jobs: of a good video, a missing one, one longer than its header said, a good one."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(30)]
    settings.folder.mkdir()
    store = Store(settings.store_url)
    for name, id_ in IDS.items():
        source = settings.folder / "jobs" / id_ / "source"
        source.mkdir(parents=True)
        film(
            source / f"{name}.mp4",
            images,
            [number * (20.0 if name == "long" else 1 / 30) for number in range(30)],
        )
        media = {"fps": 0.05} if name == "long" else {"fps": 30}
        facts = {"settings": {"model": "none"}, "media": media}
        store.add(9, id=id_, name=f"{name}.mp4", source=f"source/{name}.mp4", **facts)
    (settings.folder / "jobs" / IDS["gone"] / "source" / "gone.mp4").unlink()
    yield store
    store.close()


def test_every_job_ends_and_says_why(queue, settings):
    worker = Worker(replace(settings, limits=Limits(seconds=20)), "w")
    queue.cancel(IDS["stopped"])
    held = settings.folder / "jobs" / IDS["good"] / "results" / "good"
    held.mkdir(parents=True)
    thread = threading.Thread(target=worker.run)
    with locked(held):  # as by a worker that lost the job and has not noticed yet
        thread.start()
        wait_for(lambda: queue.job(IDS["good"]).state == "running")
    states = {name: id_ for name, id_ in IDS.items() if name != "stopped"}
    wait_for(lambda: all(queue.job(id_).state in ("done", "failed") for id_ in states.values()))
    worker.end()
    thread.join()
    good, gone, long, stopped = (queue.job(id_) for id_ in IDS.values())
    assert (good.state, good.done, good.events) == ("done", 30, 0)
    assert "no face was found" in " ".join(good.warnings)
    assert (gone.state, long.state, stopped.state) == ("failed", "failed", "cancelled")
    assert "gone.mp4 cannot be opened" in gone.error
    assert str(settings.folder) not in gone.error
    assert "longer than this server takes (20 s)" in long.error


def test_a_worker_that_is_told_to_end_gives_its_job_back(queue, settings):
    worker = Worker(settings, "w")
    claim = queue.claim("w", 60)
    worker.end()
    worker.run()
    again = queue.job(claim.id)
    assert (again.state, again.attempts) == ("queued", 0)
