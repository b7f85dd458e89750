"""A folder is written only if it is ours, by one process at a time, and nothing that was edited is lost."""

import errno
import json
import subprocess
import sys

import pytest

from fleeting.errors import OutputError
from fleeting.output.failures import writing
from fleeting.output.lock import LOCK, locked
from fleeting.output.owned import claim, disclaim, owned, record_of
from fleeting.output.records import RECORD

A, B = {"file": "a.mp4"}, {"file": "b.mp4"}


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def write(folder, text, made_from=A, purpose="test", name="list.csv", **how):
    with owned(folder, purpose, made_from, **how) as own:
        if own.foreign:
            own.give_way([name])
        own.write(name, text)
        own.save()


def finish(folder, files, made_from=A, **how):
    with owned(folder, "test", made_from, marker="summary.json", **how) as own, own.staging() as staged:
        for name, text in {**files, "summary.json": '{"said": 1}'}.items():
            (staged / name).write_text(text)
        return own.finish(staged, "summary.json")


def test_a_new_an_empty_and_our_own_folder_are_written(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "new" / "deeper", tmp_path / "empty"):
        write(folder, "one")
        write(folder, "two")
        assert names(folder) == ["list.csv"]
        assert (folder / "list.csv").read_text() == "two"


@pytest.mark.parametrize("how", [{"made_from": B}, {"purpose": "other"}])
def test_a_folder_of_another_input_or_purpose_is_refused_and_untouched(tmp_path, how):
    write(tmp_path, "one")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    changed = tmp_path.stat().st_mtime_ns
    with pytest.raises(OutputError, match=r"holds what `test` made of another input.*--replace"):
        write(tmp_path, "two", **how)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before
    assert tmp_path.stat().st_mtime_ns == changed


def test_a_folder_of_others_is_refused_by_a_name_in_it_unless_it_is_to_be_replaced(tmp_path, caplog):
    (tmp_path / "list.csv").write_text("mine")
    (tmp_path / "thesis.doc").write_text("years of work")
    (tmp_path / ".2019.notes").write_text("hidden")
    with pytest.raises(OutputError, match=r"holds 'list\.csv', which was not written for this.*--replace"):
        write(tmp_path, "one")
    assert names(tmp_path) == ["list.csv", "thesis.doc"]
    write(tmp_path, "one", replace=True)
    assert names(tmp_path) == ["list.csv", "list.edited-1.csv", "thesis.doc"]
    assert (tmp_path / "list.edited-1.csv").read_text() == "mine"
    assert "list.edited-1.csv" in caplog.text
    assert (tmp_path / ".2019.notes").exists()
    write(tmp_path, "two")
    assert names(tmp_path) == ["list.csv", "list.edited-1.csv", "thesis.doc"]


def test_an_edited_file_is_kept_aside_each_time_and_an_unedited_one_is_not(tmp_path, caplog):
    write(tmp_path, "one")
    for number in (1, 2):
        (tmp_path / "list.csv").write_text(f"by hand {number}")
        write(tmp_path, "one")
        assert (tmp_path / f"list.edited-{number}.csv").read_text() == f"by hand {number}"
    write(tmp_path, "two")
    assert names(tmp_path) == ["list.csv", "list.edited-1.csv", "list.edited-2.csv"]
    assert caplog.text.count("list.csv was edited") == 2


def test_complete_results_replace_earlier_ones_and_what_was_edited_of_these_stays(tmp_path):
    finish(tmp_path, {"a.csv": "1", "b.eaf": "1", "c.html": "1"})
    (tmp_path / "b.eaf").write_text("corrected")
    (tmp_path / "notes.txt").write_text("mine")
    found = finish(tmp_path, {"a.csv": "2"})
    assert names(tmp_path) == ["a.csv", "b.edited-1.eaf", "notes.txt", "summary.json"]
    assert found == json.loads((tmp_path / "summary.json").read_text())
    assert (found["said"], found["purpose"], found["input"]) == (1, "test", A)
    assert found["files"].keys() == {"a.csv", "summary.json"}
    assert not (tmp_path / RECORD).exists()


def test_an_edited_marker_is_kept_aside(tmp_path):
    finish(tmp_path, {"a.csv": "1"})
    text = (tmp_path / "summary.json").read_text()
    (tmp_path / "summary.json").write_text(text.replace('"said": 1', '"said": 2'))
    finish(tmp_path, {"a.csv": "1"})
    assert names(tmp_path) == ["a.csv", "summary.edited-1.json", "summary.json"]


def test_what_an_earlier_version_left_counts_as_edited_where_it_differs(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "b.csv").write_text("1")
    finish(tmp_path, {"a.csv": "1", "b.csv": "2"}, earlier=lambda _: {"a.csv": "", "b.csv": ""})
    assert names(tmp_path) == ["a.csv", "b.csv", "b.edited-1.csv", "summary.json"]


def test_an_input_in_the_folder_is_refused_even_if_it_is_to_be_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    video = tmp_path / "out" / "a.mp4"
    video.write_text("a video")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for folder in (tmp_path / "out", tmp_path / "link", tmp_path):
        for path in (video, tmp_path / "link" / "a.mp4"):
            with pytest.raises(OutputError, match="lies in"):
                write(folder, "one", inputs=[path], replace=True)
    with pytest.raises(OutputError, match="is the folder"):
        write(tmp_path / "out", "one", inputs=[tmp_path / "out"], replace=True)
    assert names(tmp_path / "out") == ["a.mp4"]


def test_a_failure_leaves_what_was_there(tmp_path):
    def fail(folder):
        opened = owned(folder, "test", A, marker="summary.json")
        with pytest.raises(ZeroDivisionError), opened as own, own.staging():
            raise ZeroDivisionError

    fail(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    finish(tmp_path / "old", {"a.csv": "1"})
    before = {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()}
    fail(tmp_path / "old")
    assert {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()} == before


def test_a_mark_keeps_an_empty_folder_for_its_input_until_it_is_taken_away(tmp_path):
    claim(tmp_path / "a", "test", A)
    assert record_of(tmp_path / "a")["input"] == A
    with pytest.raises(OutputError, match="being written"), locked(tmp_path / "a"):
        write(tmp_path / "a", "one")
    disclaim(tmp_path / "a")
    assert not (tmp_path / "a").exists()


HOLD = """
import sys
from pathlib import Path
from fleeting.output.owned import owned
with owned(Path(sys.argv[1]), "test", {"file": "a.mp4"}) as own:
    print("has it", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_a_second_process_is_kept_out_until_the_first_has_ended(tmp_path, killed):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "has it\n"
        with pytest.raises(OutputError, match=r"out is being written by another process"):
            write(tmp_path / "out", "one")
        if killed:
            first.kill()
        first.stdin.close()
        first.wait(timeout=30)
    write(tmp_path / "out", "one")
    assert names(tmp_path / "out") == ["list.csv"]
    assert not (tmp_path / "out" / LOCK).exists()


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "free some space"), (errno.EROFS, "it can only be read")]
)
def test_a_write_that_fails_is_one_sentence(tmp_path, number, said):
    with pytest.raises(OutputError, match=f"{tmp_path} cannot be written .*{said}"), writing(tmp_path):
        raise OSError(number, "no luck")


def test_failures_elsewhere_pass(tmp_path):
    for error in (OSError(errno.EACCES, "no luck", "/elsewhere/a"), FileNotFoundError(errno.ENOENT, "gone")):
        with pytest.raises(OSError, match=r"no luck|gone") as found, writing(tmp_path):
            raise error
        assert found.value is error


def test_a_file_where_a_folder_is_to_be_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file, expected a folder"):
        write(tmp_path / "file", "one")
    with pytest.raises(OutputError, match="a part of its path is a file"):
        write(tmp_path / "file" / "below", "one")
