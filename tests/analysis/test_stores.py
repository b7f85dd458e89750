"""Videos and results in a store: an S3 of this machine, and the same results as from files."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import fsspec
import pytest

import fleeting
from fleeting.errors import MissingExtraError, OptionError, VideoError
from tests.fixtures.command import typed

SEEN = {"alarms_per_minute": 20.0, "model": None}
SAME = ("events.csv", "events.json", "candidates.json", "frames.csv", "faces.csv")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A folder with two drawn videos of two seconds."""
    folder = tmp_path_factory.mktemp("films")
    fleeting.draw(folder / "drawn", layout="video", videos=2, seconds=2, fps=50, events_per_minute=30)
    for number in (1, 2):
        shutil.copy(folder / "drawn" / f"drawn_00{number}.mp4", folder / f"film{number}.mp4")
    shutil.rmtree(folder / "drawn")
    return folder


@pytest.fixture(scope="module")
def s3(films):
    """The file system of an S3 on this machine; bucket/videos holds both videos, a broken one and a note."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        }.items():
            patch.setenv(name, value)
        words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(f"http://127.0.0.1:{port}/moto-api/")
            store = fsspec.filesystem("s3", use_listings_cache=False)
            store.mkdir("bucket")
            store.put_file(str(films / "film1.mp4"), "bucket/videos/anna/film1.mp4")
            store.put_file(str(films / "film2.mp4"), "bucket/videos/film2.mp4")
            store.pipe_file("bucket/videos/broken.mp4", b"no video at all")
            store.pipe_file("bucket/videos/notes.txt", b"a note")
            yield store
        finally:
            server.terminate()
            server.wait()


def _wait(address):
    limit = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            assert time.monotonic() < limit, "moto did not start"
            time.sleep(0.2)
        else:
            return


@pytest.fixture(scope="module")
def plain(films, tmp_path_factory):
    """The results of the same videos as files."""
    out = tmp_path_factory.mktemp("plain")
    fleeting.analyze(films, out, **SEEN)
    return out


@pytest.mark.slow
def test_results_in_a_store_are_those_of_files(s3, plain):
    found = fleeting.analyze("s3://bucket/videos", "s3://bucket/results", workers=2, **SEEN)
    assert [one.folder for one in found.done] == [
        "s3://bucket/results/anna/film1",
        "s3://bucket/results/film2",
    ]
    (line,) = found.failed
    assert "s3://bucket/videos/broken.mp4" in line
    for place in ("anna/film1", "film2"):
        local = plain / place.rpartition("/")[2]
        for name in SAME:
            assert s3.cat_file(f"bucket/results/{place}/{name}") == (local / name).read_bytes()
        summary = json.loads(s3.cat_file(f"bucket/results/{place}/summary.json"))
        assert summary["input"]["path"] == f"s3://bucket/videos/{place}.mp4"
        assert "nothing" not in json.dumps(summary), "a password was written"
    assert (
        found.done[0].events
        == fleeting.analyze("s3://bucket/videos/anna/film1.mp4", "s3://bucket/alone", **SEEN).done[0].events
    )


@pytest.mark.slow
def test_what_is_whole_is_kept_and_what_is_half_is_done_again(s3, tmp_path):
    where = "s3://bucket/videos/film2.mp4", "s3://bucket/again"
    fleeting.analyze(*where, **SEEN)
    written = s3.info("bucket/again/film2/frames.csv")["LastModified"]
    time.sleep(1.1)  # the store's clock has whole seconds
    fleeting.analyze(*where, resume=True, **SEEN)
    assert s3.info("bucket/again/film2/frames.csv")["LastModified"] == written
    s3.rm_file("bucket/again/film2/summary.json")
    fleeting.analyze(*where, resume=True, **SEEN)
    assert s3.info("bucket/again/film2/frames.csv")["LastModified"] > written
    assert s3.exists("bucket/again/film2/summary.json")
    fleeting.analyze(*where, resume=True, **(SEEN | {"alarms_per_minute": 1.0}))
    summary = json.loads(s3.cat_file("bucket/again/film2/summary.json"))
    assert summary["settings"]["alarms_per_minute"] == 1.0


@pytest.mark.slow
def test_a_store_may_give_or_take_alone(s3, films, plain, tmp_path):
    fetched = fleeting.analyze("s3://bucket/videos/film2.mp4", tmp_path / "here", **SEEN)
    assert (tmp_path / "here" / "film2" / "frames.csv").read_bytes() == (
        plain / "film2" / "frames.csv"
    ).read_bytes()
    fleeting.analyze(films / "film2.mp4", "s3://bucket/taken", **SEEN)
    assert s3.cat_file("bucket/taken/film2/frames.csv") == (plain / "film2" / "frames.csv").read_bytes()
    assert fetched.done[0].folder == str(tmp_path / "here" / "film2")


@pytest.mark.slow
def test_what_is_not_ours_is_not_written_over(s3):
    s3.pipe_file("bucket/diary/film2/diary.txt", b"dear diary")
    with pytest.raises(VideoError, match=r"diary\.txt.*--replace"):
        fleeting.analyze("s3://bucket/videos/film2.mp4", "s3://bucket/diary", **SEEN)
    fleeting.analyze("s3://bucket/videos/film2.mp4", "s3://bucket/diary", replace=True, **SEEN)
    assert s3.cat_file("bucket/diary/film2/diary.txt") == b"dear diary"
    fleeting.analyze("s3://bucket/videos/film2.mp4", "s3://bucket/theirs", **SEEN)
    s3.copy("bucket/videos/anna/film1.mp4", "bucket/other/film2.mp4")
    with pytest.raises(VideoError, match=r"no result of s3://bucket/other/film2\.mp4"):
        fleeting.analyze("s3://bucket/other/film2.mp4", "s3://bucket/theirs", **SEEN)


@pytest.mark.slow
def test_videos_of_one_name_keep_apart(s3, films):
    for name in ("a/film.mp4", "b/film.mp4", "b/film.mov"):
        s3.put_file(str(films / "film2.mp4"), f"bucket/alike/{name}")
    found = fleeting.analyze("s3://bucket/alike", "s3://bucket/apart", **SEEN)
    assert [one.folder.partition("apart/")[2] for one in found.done] == ["a/film", "b/film.mov", "b/film.mp4"]
    both = ["s3://bucket/alike/a/film.mp4", "s3://bucket/alike/b/film.mp4"]
    with pytest.raises(VideoError, match=r"2 videos would have their results at film\.mp4"):
        fleeting.analyze(both, "s3://bucket/apart", **SEEN)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://bucket/nothing", "is empty"),
        ("s3://bucket/videos/notes.txt", "no video that can be read"),
        ("s3://nobody-has-this/videos", "bucket does not exist"),
        ("unheardof://bucket/videos", "unheardof"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(s3, tmp_path, capsys, address, said):
    status, _, complained = typed(capsys, "analyze", address, "--out", tmp_path / "out")
    assert status == 2
    assert said in complained
    assert len(complained.splitlines()) == 1


def test_other_commands_say_that_they_know_no_stores(tmp_path):
    with pytest.raises(OptionError, match="only analyze knows stores"):
        fleeting.run("drawn/linear-flow", {}, "s3://bucket/run")


def test_without_the_extra_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingExtraError, match=r"fleeting\[storage\]"):
        fleeting.analyze("s3://bucket/videos", tmp_path / "out")
