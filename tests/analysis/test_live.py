"""Analysis while a source plays: the events of a file, frames dropped and counted if late."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import fleeting
from fleeting.analysis.live import WAITING, Live
from fleeting.errors import OptionError, UnknownNameError, VideoError
from fleeting.session.session import Session
from fleeting.video.reader import open_video
from tests.fixtures.films import film
from tests.fixtures.short_video import SCRIPT, drawn_video, overlap

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return drawn_video(tmp_path_factory.mktemp("videos") / "drawn.mp4")


class Slow:
    """A session that takes its time."""

    latency = 0.0

    def __init__(self, takes):
        self.takes, self.numbers, self.finished = takes, [], False

    def push(self, frame):
        time.sleep(self.takes)
        self.numbers.append(frame.number)
        return []

    def read(self, frames):
        return ((frame, self.push(frame)) for frame in frames)

    def finish(self):
        self.finished = True
        return []


def grays(count):
    return np.full((count, 32, 48), 90, np.uint8)


class Noting(Session):
    """A session that notes the frames it was given."""

    def read(self, frames):
        self.numbers = []
        for frame, found in super().read(frames):
            self.numbers.append(frame.number)
            yield frame, found


def test_a_file_gives_the_events_of_the_frames_that_were_not_dropped(video):
    noting = Noting()
    watched = Live(open_video(video), noting, paced=True)
    events = list(watched)
    assert watched.frames + watched.dropped == SCRIPT.frames == watched.report.frames
    assert len(noting.numbers) == watched.frames > 0
    session = Session()
    with open_video(video) as frames:
        kept = [frame for frame in frames if frame.number in set(noting.numbers)]
    assert [e for frame in kept for e in session.push(frame)] + session.finish() == events
    if not watched.dropped:
        (event,) = events
        assert overlap(event) > 0.5


def test_a_file_plays_no_faster_than_it_would():
    session = Slow(0)
    started = time.monotonic()
    assert list(Live(open_video(grays(13), fps=30), session, paced=True)) == []
    assert time.monotonic() - started >= 12 / 30
    assert session.numbers == list(range(13))
    assert session.finished


def test_what_there_is_no_time_for_is_dropped_and_counted():
    session = Slow(0.01)
    watched = Live(open_video(grays(120), fps=1000), session, paced=True)
    assert list(watched) == []
    assert watched.dropped > 0
    assert watched.frames >= WAITING
    assert watched.frames + watched.dropped == 120
    assert len(session.numbers) == watched.frames
    assert session.numbers == sorted(session.numbers)


def test_it_ends_when_it_is_told_to():
    session = Slow(0)
    watched = Live(open_video(grays(600), fps=10), session, paced=True)

    def stop(frame):
        watched.stop()
        return []

    session.push = stop
    started = time.monotonic()
    assert list(watched) == []
    assert time.monotonic() - started < 5
    assert session.finished


def test_whoever_stops_listening_leaves_no_thread_behind():
    import threading

    class Talking(Slow):
        def push(self, frame):
            return [frame.number]

    before = threading.active_count()
    events = iter(Live(open_video(grays(600), fps=10), Talking(0), paced=True))
    assert next(events) == 0
    events.close()
    assert threading.active_count() == before

    class Seeing(Session):
        def _taken(self, frame, _faces):
            return [frame.number]

    events = iter(Live(open_video(grays(600), fps=10), Seeing(), paced=True))
    assert next(events) == 0
    events.close()
    assert threading.active_count() == before


def test_an_error_while_reading_is_the_callers():
    class Broken(Slow):
        def push(self, _frame):
            raise OptionError("no")

    with pytest.raises(OptionError, match="no"):
        list(Live(open_video(grays(9), fps=30), Broken(0), paced=False))
    with pytest.raises(VideoError, match="no frame from 5 s"):
        list(Live(open_video(grays(9), fps=30, start=5), Slow(0), paced=False))


def test_what_cannot_be_watched_is_refused_at_once(tmp_path):
    with pytest.raises(VideoError, match="check its name"):
        fleeting.live(tmp_path / "a.mp4", model=None)
    with pytest.raises(UnknownNameError):
        fleeting.live(tmp_path / "a.mp4", model="nobody")
    with pytest.raises(VideoError, match="camera 97 cannot be opened"):
        fleeting.live(97, model=None)


def command(*words):
    return [sys.executable, "-m", "fleeting", "live", *map(str, words)]


def test_the_command_prints_a_line_for_each_event(video):
    said = subprocess.run(command(video), capture_output=True, text=True, check=False)
    assert said.returncode == 0
    (line,) = said.stdout.splitlines()
    when, unit, kind, *_ = line.split()
    assert (unit, kind) == ("s", "micro")
    assert float(when) == pytest.approx(2.5, abs=0.2)
    assert f"{SCRIPT.frames} frames" in said.stderr or "dropped" in said.stderr
    told = subprocess.run(
        command(video, "--json", "--model", "none"), capture_output=True, text=True, check=False
    )
    (event,) = map(json.loads, told.stdout.splitlines())
    assert (event["event"], event["kind"], event["label"]) == (1, "micro", None)


def test_ctrl_c_ends_it_cleanly(tmp_path):
    long = film(tmp_path / "long.mp4", [np.full((64, 96, 3), 90, np.uint8)] * 900)
    running = subprocess.Popen(command(long), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode in (0, 130)
    assert err.count("\n") == 1
