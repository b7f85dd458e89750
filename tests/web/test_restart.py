"""Killed workers and servers: no job is lost, what was kept stays, results are those of analyze."""

import hashlib
import io
import json
import os
import shutil
import signal
import socket
import struct
import time
from pathlib import Path

import pytest
from PIL import Image
from websockets.sync.client import connect

import fleeting
from fleeting.web.client import Client, ServiceError
from tests.fixtures.films import film
from tests.fixtures.service import killed, serving, started, wait_for, workers
from tests.fixtures.short_video import drawn_video

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two_segments(tmp_path_factory):
    """A video of two stretches on both sides of 30 s, so that it is cut into two segments."""
    folder = tmp_path_factory.mktemp("two")
    with fleeting.open_video(drawn_video(folder / "short.mp4")) as video:
        images = [frame.image[::2, ::2].copy() for frame in video if 60 <= frame.number < 90]
    times = [start + number / 30 for start in (0, 31) for number in range(len(images))]
    return film(folder / "two.mp4", images * 2, times)


def hashes(folder):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if not path.name.startswith(".")
    }


def gone(process):
    return (
        not Path(f"/proc/{process}/status").exists()
        or "zombie" in Path(f"/proc/{process}/status").read_text()
    )


def begun_twice(served, video):
    """A job on its second worker, as the first was killed; the segment kept before, and when it was kept."""
    job = served.client.upload(video, people=1)
    kept = wait_for(lambda: [*Path(served.folder).glob("jobs/*/results/*/.segments/0.npz")])[0]
    written = kept.stat().st_mtime_ns
    (worker,) = workers(served)
    os.kill(int(worker), signal.SIGKILL)
    wait_for(lambda: [one for one in workers(served) if one != worker])
    wait_for(lambda: served.client.job(job.id).state == "running")
    return job, kept, written


def test_a_killed_worker_and_a_killed_server_lose_nothing(two_segments, tmp_path):
    folder = tmp_path / "service"
    first = started(folder)
    try:
        job, kept, written = begun_twice(first, two_segments)
        (other,) = workers(first)
        before = first.client.job(job.id).progress
    finally:
        killed(first)
    wait_for(lambda: gone(other))  # a worker does not outlive its server
    assert kept.stat().st_mtime_ns == written  # the first segment was not done again
    seen = []
    with serving(folder) as second:
        done = second.client.wait(job.id, lambda now: seen.append(now.progress), every=0.1, timeout=200)
    assert (done.state, done.name) == ("done", "two.mp4")
    assert min(seen) >= before  # and what was said to be done stayed so
    (tmp_path / "alone" / "source").mkdir(parents=True)
    source = Path(shutil.copy(two_segments, tmp_path / "alone" / "source"))
    (alone,) = fleeting.analyze(source, tmp_path / "alone" / "results", people=1).done
    assert hashes(folder / "jobs" / job.id / "results" / "two") == hashes(alone.folder)


def test_a_server_is_used_through_its_client(tmp_path, two_segments):
    folder = tmp_path / "service"
    (tmp_path / "broken.mp4").write_bytes(b"broken")
    with serving(folder, "--workers", "1") as served:
        client = served.client
        with pytest.raises(ServiceError, match=r"broken\.mp4 is no video") as refused:
            client.upload(tmp_path / "broken.mp4")
        assert refused.value.status == 422
        running = client.upload(two_segments)
        waiting = client.upload(two_segments, end=0.2, model="none")
        wait_for(lambda: client.job(running.id).progress > 0)
        assert client.job(waiting.id).position == 1
        client.cancel(running.id)
        wait_for(lambda: client.job(running.id).state == "cancelled")
        with pytest.raises(ServiceError, match="was cancelled"):
            client.wait(running.id)
        done = client.wait(waiting.id, timeout=150)
        assert done.media["frames"] == 6
        assert client.events(done.id, blind=True) == []
        assert client.export(done.id, tmp_path / "a.csv").read_text().startswith("event,face,kind,")
        assert [one.id for one in client.jobs()] == [waiting.id, running.id]
        cut_off(served, folder)
        spoken_with(served)
        client.forget(running.id)
        client.forget(done.id)
        assert list((folder / "jobs").iterdir()) == []
    with pytest.raises(ServiceError, match="does not answer"):
        Client(served.url).jobs()


def spoken_with(served):
    """The live socket of a real server takes a picture, and ends in order."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, "jpeg")
    with connect(f"{served.url.replace('http', 'ws')}/api/live?model=none") as live:
        assert json.loads(live.recv())["kind"] == "ready"
        live.send(struct.pack(">d", 0.5) + file.getvalue())
        seen = json.loads(live.recv())
        assert (seen["kind"], seen["time_s"], seen["faces"]) == ("frame", 0.5, [])
        live.send("end")
        assert json.loads(live.recv()) == {"kind": "end", "frames": 1, "dropped": 0}


def cut_off(served, folder):
    """An upload whose sender hangs up in the middle leaves nothing behind."""
    port = int(served.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as sender:
        head = "POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n"
        sender.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode())
        part = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
        sender.sendall(part.encode() + bytes(200_000))
        wait_for(lambda: [*(folder / "uploads").iterdir()])
    limit = time.monotonic() + 10
    while [*(folder / "uploads").iterdir()]:
        assert time.monotonic() < limit, "the half of an upload was left"
        time.sleep(0.05)


def test_a_client_says_what_is_no_address():
    with pytest.raises(fleeting.errors.OptionError, match="no address of a server"):
        Client("127.0.0.1:8000")
