"""The small inputs beside the checkout that failed once: each script gives what it calls right."""

import csv
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from fleeting.analysis.analyze import analyze
from fleeting.errors import VideoError
from fleeting.synthetic.draw import draw
from tests.conftest import NEEDS_SHARED
from tests.fixtures.films import film
from tests.fixtures.portraits import photograph, placed
from tests.fixtures.tables import rows

pytestmark = pytest.mark.slow  # whole commands

COMMAND = Path(sys.executable).with_name("fleeting")


@pytest.fixture(scope="module")
def cases(shared):
    """The folder of the scripts."""
    folder = shared.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"{NEEDS_SHARED}: cases are not there")
    return folder


@pytest.fixture
def work():
    """An empty folder that every user may enter and write."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture(scope="module")
def wall(tmp_path_factory):
    """A second of a video without a face."""
    return film(tmp_path_factory.mktemp("wall") / "wall.mp4", [np.full((64, 96, 3), 90, np.uint8)] * 30)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Ten seconds of each of two people who sway and do nothing else, 60 frames a second."""
    root, films = tmp_path_factory.mktemp("people"), []
    for seed, name in enumerate(("astronaut", "hopper")):
        rng = np.random.default_rng(seed)
        noise = [rng.normal(0, 2, (480, 640, 3)) for _ in range(5)]
        pictures = [
            np.clip(
                placed(photograph(name), across=6 * np.sin(k / 80), size=(640, 480)) + noise[k % 5], 0, 255
            ).astype(np.uint8)
            for k in range(606)
        ]
        films.append(film(root / f"{name}.mp4", pictures, [k / 60 for k in range(606)]))
    return films


@pytest.fixture(scope="module")
def casme2(tmp_path_factory):
    """A drawn folder in CASME II's layout."""
    root = tmp_path_factory.mktemp("casme2") / "dc2"
    draw(root, layout="casme2", subjects=3, clips=2, flows=0)
    return root


def told(cases, script, *words, cwd=None):
    """What a script prints, and what the command said on the way."""
    shell = sys.executable if script.endswith(".py") else "sh"
    done = subprocess.run(
        [shell, cases / script, *map(str, words)],
        env={**os.environ, "F": str(COMMAND)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    return said


def needs_another_user():
    """Skip where no other user can be played, or where another one could not run the command."""
    closed = [p for p in (*COMMAND.resolve().parents, COMMAND) if not p.stat().st_mode & stat.S_IXOTH]
    if os.geteuid() != 0 or closed:
        pytest.skip(f"{NEEDS_SHARED}, root, and a checkout that every user may enter")


def test_intervals_in_seconds(cases, work):
    said = told(cases, "intervals_in_seconds.py", work)
    assert "line 2: found '3.60' in the column onset, expected a frame number" in said


def test_dataset_sheets(cases, work, casme2):
    said = told(cases, "dataset_sheets.py", casme2, work / "w")
    parts = dict(re.findall(r"## (\w+) (.*?)(?=\n##|\Z)", said, re.DOTALL))
    assert parts["semicolon"].startswith("rc 0")
    assert "no problems" in parts["semicolon"]
    assert parts["beside"].startswith("rc 1")
    assert "csv is not: they differ in" in parts["beside"]
    assert parts["fractions"].startswith("rc 1")
    assert "it has a fraction" in parts["fractions"]
    assert "F2 holds a formula without a value" in parts["formulas"]


def test_dataset_twin_frames(cases, work, casme2):
    said = told(cases, "dataset_twin_frames.py", casme2, work / "w")
    assert re.findall(r"^(\w+) rc (\d)", said, re.MULTILINE) == [
        ("series", "1"),
        ("bmp", "1"),
        ("copy", "1"),
    ]


def test_latin1_output(cases, work):
    assert "accuracy" in told(cases, "latin1_output.sh", work)


def test_dots_name(cases, work, wall):
    told(cases, "dots_name.sh", wall, work / "w")
    assert sorted(path.name for path in (work / "w").iterdir()) == ["...mp4", "out"]
    assert len(list((work / "w" / "out").iterdir())) == 1


def test_left_out_without_a_word(cases, work, wall):
    said = told(cases, "left_out_without_a_word.sh", wall, work / "w")
    names = [f"P_{end}.{end}" for end in ("mp4", "h264", "mjpg", "m2v", "3g2", "f4v", "mod", "qt")]
    assert all(name in said for name in names)
    assert f"rc={int(len(list((work / 'w' / 'r').iterdir())) < len(names))}" in said


def test_one_closed_folder(cases, work, wall):
    needs_another_user()
    film_ = work / "wall.mp4"
    film_.write_bytes(wall.read_bytes())
    film_.chmod(0o644)
    said = told(cases, "one_closed_folder.sh", film_, work / "w")
    assert "lost+found cannot be listed" in said
    assert "rc=1 results: a" in said


def test_no_home(cases, work, casme2):
    needs_another_user()
    shutil.copytree(casme2, work / "dc2")
    said = told(cases, "no_home.sh", work / "dc2", work)
    assert "rc=0" in said
    assert (work / "r1" / "scores.json").exists()


def test_own_files_overwritten(cases, work, wall):
    """The script ends at its first half, because that is refused; its second half is done by hand."""
    said = told(cases, "own_files_overwritten.sh", wall, work / "w")
    assert "nothing was changed" in said
    assert (work / "w/a/P01/events.csv").read_text() == "onset,apex,offset\n12,15,20\n"
    assert (work / "w/a/P01/annotated.mp4").read_bytes() == wall.read_bytes()
    place = work / "annotated" / "annotated.mp4"
    place.parent.mkdir()
    place.write_bytes(wall.read_bytes())
    with pytest.raises(VideoError, match=r"lies in .* name another folder"):
        analyze(place, work, model=None)
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    assert place.read_bytes() == wall.read_bytes()


def test_same_name_two_calls(cases, work, wall, people):
    said = told(cases, "same_name_two_calls.sh", wall, people[0], work / "w")
    assert {"cam", "cam-2"} <= set(said.split())
    counts = [json.loads((work / "w/results" / n / "summary.json").read_text()) for n in ("cam", "cam-2")]
    assert [one["frames_decoded"] for one in counts] == [30, 606]


def test_two_processes_one_out(cases, work, people):
    said = told(cases, "two_processes_one_out.sh", people[0], work / "w", 1)
    statuses = re.search(r"first: (\d)\nsecond: (\d)", said)
    assert statuses
    assert statuses[1] == "0"
    assert statuses[2] in "02"
    assert (statuses[2] == "2") == ("is being written by another process" in said)
    (folder,) = (work / "w" / "r").iterdir()
    counted = json.loads((folder / "summary.json").read_text())["frames_decoded"]
    assert len(rows(folder / "frames.csv")) == counted
    assert not list(folder.glob(".*"))


def test_edited_annotations(cases, work, shared):
    """On footage in which something is found, so that there is a sentence to correct."""
    told(cases, "edited_annotations.sh", shared / "faces-real" / EVENTFUL, work / "w")
    (folder,) = (work / "w" / "r").iterdir()
    assert "checked by hand" in (folder / "events.edited-1.eaf").read_text()


EVENTFUL = "KwaiVGI_d0.mp4"


def test_sixty_is_sixty(cases, work, people):
    told(cases, "sixty_is_sixty.py", people[0], work / "o.mp4")
    (one,) = analyze(work / "o.mp4", work / "out", model=None).done
    assert one.summary["fps"] == pytest.approx(60, abs=0.01)
    assert not [text for text in one.summary["warnings"] if "frames per second" in text]


def test_raw_streams(cases, work, people):
    told(cases, "raw_stream_25fps.py", people[0], work)
    for name in ("rec.mjpeg", "rec.h264"):
        (one,) = analyze(work / name, work / "out", model=None).done
        assert any("assumed" in text for text in one.summary["warnings"]), name


def test_audio_begins_first(cases, work, people):
    told(cases, "audio_begins_first.py", people[0], work)
    for name in ("late_picture.mp4", "late_picture.mkv"):
        (one,) = analyze(work / name, work / "out", model=None).done
        assert float(rows(one.folder / "frames.csv")[0]["time_s"]) == pytest.approx(1.2, abs=0.01), name


def test_upside_down(cases, work, people):
    told(cases, "upside_down.py", people[0], work / "o.mp4", 60)
    (one,) = analyze(work / "o.mp4", work / "out", model=None).done
    said = {row["reason"] for row in rows(one.folder / "frames.csv")}
    assert all("upside down" in reason or "tilted" in reason for reason in said)


def test_jump_cuts(cases, work, people):
    told(cases, "jump_cuts.py", *people, work)
    cuts = {"interview.mp4": range(70, 425, 70), "two_people.mp4": (150, 300, 450)}
    for name, frames in cuts.items():
        (one,) = analyze(work / name, work / "out", model=None).done
        with (one.folder / "events.csv").open() as file:
            spans = [(int(e["onset_frame"]), int(e["offset_frame"])) for e in csv.DictReader(file)]
        assert not [s for s in spans for cut in frames if s[0] < cut <= s[1]], name
    assert one.summary["cuts"] == 3
    numbers = {row["face"] for row in rows(one.folder / "frames.csv") if row["face"]}
    assert len(numbers) == 4  # nobody is known again by looks


CHANGES = {
    "flash": (100, 160, 330, 390, 12),
    "auto_exposure": (90, 180, 330, 390, 30),
    "focus_hunt": (90, 180, 330, 390, 24),
    "caption": (90, 180, 330, 390, 20),
}
"""The frames at which the light, the focus or a caption changes, and for how many frames each time."""


@pytest.mark.parametrize("name", CHANGES)
def test_light_focus_caption(cases, work, people, name):
    told(cases, "light_focus_caption.py", people[0], work)
    (one,) = analyze(work / f"{name}.mp4", work / "out", model=None).done
    *starts, lasts = CHANGES[name]
    spans = [(event.onset_frame, event.offset_frame) for event in one.events]
    assert not [s for s in spans for start in starts if s[0] <= start + lasts + 6 and start - 1 <= s[1]]
    assert len(spans) <= 1  # eight seconds in which nothing moves but for what compression leaves


@pytest.fixture(scope="module")
def folders(cases, tmp_path_factory, people):
    """The picture folders."""
    root = tmp_path_factory.mktemp("pictures")
    told(cases, "picture_folders.py", people[0], root)
    return root


@pytest.mark.parametrize("name", ["ms_names", "tum_names", "gray12", "stereo", "cover", "seconds"])
def test_picture_folders(folders, tmp_path, name):
    (one,) = analyze(folders / name, tmp_path / "out", model=None, **RATES.get(name, {})).done
    said, table = " ".join(one.summary["warnings"]), rows(one.folder / "frames.csv")
    times = [float(row["time_s"]) for row in table]
    assert times == sorted(times)
    assert one.summary["frames_decoded"] == {"cover": 80}.get(name, len(table))
    if name in ("ms_names", "tum_names"):
        assert times[-1] - times[0] == pytest.approx(329 / 60, abs=0.05)
    if name == "gray12":
        assert one.summary["frames_with_face"] == 120
    if name == "stereo":
        assert "right_" in said
        assert len(table) == 120
    if name == "cover":
        assert "cover.jpg" in said
        assert times[40] - times[39] > 20 * (times[1] - times[0])
    if name == "seconds":
        assert times[1] - times[0] == pytest.approx(0.025, abs=0.002)


RATES = {"gray12": {"fps": 60.0}, "stereo": {"fps": 60.0}, "cover": {"fps": 60.0}}


def test_stacks_of_pages_are_recordings(folders, tmp_path):
    done = analyze(folders / "stack", tmp_path / "out", model=None, fps=60.0).done
    assert sorted(one.summary["frames_decoded"] for one in done) == [60, 60]
