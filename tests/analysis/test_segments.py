"""A long file is analysed segment by segment: the same bytes, whoever finds them, and after any kill."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from fleeting.analysis import one_input, segments, spread
from fleeting.analysis.analyze import analyze
from fleeting.analysis.columns import columns_of, values_of
from fleeting.analysis.result_folder import FORMATS
from fleeting.analysis.segments import FOLDER
from fleeting.analysis.video_files import VideoFile
from fleeting.analysis.workers import each
from fleeting.errors import VideoError
from fleeting.faces.quality import Quality
from fleeting.session.following import LASTS, segment_of
from fleeting.types import silent
from fleeting.video.frame_index import SeekError, promised
from tests.fixtures.films import film
from tests.fixtures.short_video import drawn_video, late_video
from tests.fixtures.tables import rows

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make

USUAL = ("csv", "json", "elan", "html")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return late_video(folder / "late.mp4", drawn_video(folder / "drawn.mp4"))


@pytest.fixture(scope="module")
def whole(video, tmp_path_factory):
    """The files of an analysis that read the video in one go, with every format."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_input, "promised", lambda *_: None)
        (one,) = analyze(video, tmp_path_factory.mktemp("whole"), formats=tuple(FORMATS)).done
    assert len(one.events) == 2
    return one


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def same(folder, whole):
    """The names of files that differ from the whole analysis', beside those that name its formats."""
    found, expected = contents(folder), contents(whole.folder)
    named = ("summary.json", "report.html")
    return [name for name in found if name not in named and found[name] != expected[name]]


def found_numbers(monkeypatch):
    """The numbers of the segments that are found from now on in this process."""
    numbers, seen = [], segments.seen
    monkeypatch.setattr(segments, "seen", lambda p, s, *t: numbers.append(s.number) or seen(p, s, *t))
    return numbers


def test_segments_give_the_same_bytes_as_one_go(video, whole, tmp_path, monkeypatch):
    numbers = found_numbers(monkeypatch)
    (one,) = analyze(video, tmp_path, formats=tuple(FORMATS)).done
    assert numbers == [0, 1, 2]
    assert contents(one.folder) == contents(whole.folder)


def test_workers_share_one_video(video, whole, tmp_path, monkeypatch):
    told, numbers = [], found_numbers(monkeypatch)
    asked = {"workers": 2, "formats": tuple(FORMATS), "progress": lambda *what: told.append(what)}
    (one,) = analyze(video, tmp_path, **asked).done
    assert numbers == []  # others found them
    assert contents(one.folder) == contents(whole.folder)
    assert told[0] == ("late", 0, 210)
    assert [(what, done) for what, done, _ in told if what == "late: putting together"][-1][1] == 210


def test_start_and_end_leave_the_cuts_where_they_are(video, tmp_path, monkeypatch):
    numbers = found_numbers(monkeypatch)
    part = {"start": 29.0, "end": 59.0, "formats": ("csv",), "model": None}
    (one,) = analyze(video, tmp_path / "cut", **part).done
    assert numbers == [0, 1]
    monkeypatch.setattr(one_input, "promised", lambda *_: None)
    (other,) = analyze(video, tmp_path / "whole", **part).done
    assert contents(one.folder) == contents(other.folder)
    times = [float(row["time_s"]) for row in rows(one.folder / "frames.csv")]
    assert (times[0], times[-1]) == (pytest.approx(29.0), pytest.approx(59.0, abs=0.05))


def stopped(at):
    def progress(what, done, _of):
        if what == "late" and done == at:
            raise KeyboardInterrupt

    return progress


def test_what_was_interrupted_goes_on_at_the_first_missing_segment(video, whole, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        analyze(video, tmp_path, formats=USUAL, progress=stopped(140))
    kept = tmp_path / "late" / FOLDER
    assert sorted(path.name for path in kept.iterdir()) == ["0.npz"]
    numbers = found_numbers(monkeypatch)
    (one,) = analyze(video, tmp_path, formats=USUAL, resume=True).done
    assert numbers == [1, 2]
    assert same(one.folder, whole) == []
    assert not kept.exists()


@pytest.mark.parametrize("damage", ["other settings", "cut off", "not asked for"])
def test_what_does_not_fit_is_found_again(video, tmp_path, monkeypatch, damage):
    with pytest.raises(KeyboardInterrupt):
        analyze(video, tmp_path, formats=("csv",), model=None, progress=stopped(65))
    kept = tmp_path / "late" / FOLDER / "0.npz"
    if damage == "cut off":
        kept.write_bytes(kept.read_bytes()[:-3000])
    numbers = found_numbers(monkeypatch)
    changed = {"people": 2} if damage == "other settings" else {}
    changed |= {"resume": damage != "not asked for", "progress": stopped(10)}
    with pytest.raises(KeyboardInterrupt):
        analyze(video, tmp_path, formats=("csv",), model=None, **changed)
    assert numbers == [0]


def test_a_file_that_cannot_be_read_from_the_middle_is_read_in_one_go(
    video, whole, tmp_path, monkeypatch, caplog
):
    def broken(path, part):
        if part.first:
            raise SeekError(f"{path} does not decode")
        yield from frames(path, part)

    frames = segments.part_frames
    monkeypatch.setattr(segments, "part_frames", broken)
    (one,) = analyze(video, tmp_path, formats=USUAL).done
    assert same(one.folder, whole) == []
    assert "read in one go, by one process" in caplog.text
    assert not (one.folder / FOLDER).exists()


def test_pictures_that_decode_otherwise_from_the_middle_are_noticed(video, tmp_path, monkeypatch, caplog):
    def otherwise(path, part):
        for frame in frames(path, part):
            if part.first and frame.number == part.first:
                frame.image[0, 0] ^= 1
            yield frame

    frames = segments.part_frames
    monkeypatch.setattr(segments, "part_frames", otherwise)
    (one,) = analyze(video, tmp_path, formats=("csv",), model=None).done
    assert "decodes otherwise from the key frame before segment 2" in caplog.text
    assert len(rows(one.folder / "frames.csv")) == 210


def command(video, out, *words):
    words = (str(video), "--out", str(out), "--formats", ",".join(USUAL), *words)
    return [sys.executable, "-m", "fleeting", "analyze", *words]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_kill_costs_a_segment_for_each_worker(video, whole, tmp_path, workers):
    words = command(video, tmp_path, "--workers", workers, "--resume")
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list(tmp_path.glob(f"late/{FOLDER}/*.npz")):
        assert running.poll() is None
        time.sleep(0.02)
    running.kill()
    running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "micro-movements 2" in ended.stdout
    assert same(tmp_path / "late", whole) == []


def test_a_short_video_is_one_segment(tmp_path, monkeypatch):
    numbers = found_numbers(monkeypatch)
    short = film(tmp_path / "wall.mp4", [np.full((64, 96, 3), 90, np.uint8)] * 9)
    (one,) = analyze(short, tmp_path / "out", workers=2).done
    assert numbers == []
    assert len(rows(one.folder / "frames.csv")) == 9


def test_of_many_inputs_every_worker_takes_whole_ones(tmp_path):
    jobs = [one_input.Job(VideoFile(tmp_path / f"{name}.mp4", name)) for name in "abcdefgh"]
    context = one_input.AnalysisContext(None, silent, tmp_path, {}, False, False)
    assert spread.spread(context, jobs, 2, "processes") == (jobs, [])


def test_an_input_whose_worker_died_is_named(video, tmp_path, monkeypatch):
    def dying(work, context, jobs, workers, failed, executor):
        if isinstance(jobs[0], one_input.Job):
            yield from each(work, context, jobs, workers, failed, executor)
        else:
            yield from ((job, failed(job, "a worker process died")) for job in jobs)

    monkeypatch.setattr(spread, "each", dying)
    with pytest.raises(VideoError, match=r"late\.mp4: a worker process died"):
        analyze(video, tmp_path, workers=2)
    assert not list(tmp_path.glob("late/*.csv"))


def test_every_frame_is_in_one_segment(video):
    index = promised(video).index
    settings = {"formats": (), "people": 4, "fps": None, "start": None, "end": None}
    plan = segments.plan(video, video.parent, promised(video), settings, "")
    assert [segment.number for segment in plan.segments] == [0, 1, 2]
    assert sum(segment.frames for segment in plan.segments) == len(index)
    for segment in plan.segments:
        times = segment.part.times
        assert sum(segment_of(time) == segment.number for time in times) == segment.frames
        assert LASTS * segment.number - times[0] <= segments.following.LEAD


def test_values_come_back_from_columns_as_they_were():
    one = Quality(30.0, 0.5, 1.0, 2.0, 3.0, 90.0, 40.0, 0.1, 0.0)
    other = Quality(31.5, 1 / 3, -1.0, 2.5, 3.0, 91.0, 41.0, 0.1, 0.2, "left")
    columns = columns_of("q", Quality, [one, other])
    assert values_of("q", Quality, columns) == [one, other]
    assert values_of("q", Quality, columns_of("q", Quality, [])) == []
    with pytest.raises(KeyError):
        values_of("p", Quality, columns)
