"""Every block of every tutorial and of notebooks.md runs, in order, and gives what the page shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import fleeting
from fleeting.cli import main
from fleeting.models import models
from tests.fixtures.films import film
from tests.fixtures.pages import Reader, blocks, commands

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[1] / "docs"
TUTORIALS = DOCS / "tutorials"
DRAW = "fleeting draw drawn"
PEOPLE = {"P1": 0, "P2": 20, "P3": 40}
"""Who the recordings of `own-videos.md` are of, and how much brighter than the drawing they are, of 255."""
TAKES = {"one.mp4": (60, 105), "two.mp4": (0, 45)}
"""The recordings of each, and their frames in the drawn video: around its movement, and before it."""


def drawing() -> str:
    """The one command by which all pages draw their video."""
    (command,) = {
        command
        for page in TUTORIALS.glob("*.md")
        for block in blocks(page)
        if block.language == "console"
        for command, _ in commands(block.text)
        if command.startswith(DRAW)
    }
    return command


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the drawn video, drawn once: where a page's command finds it, nothing is left to draw."""
    folder = tmp_path_factory.mktemp("tutorials") / "drawn"
    with pytest.raises(SystemExit) as end:
        main(["draw", str(folder), *drawing().removeprefix(DRAW).split()])
    assert end.value.code == 0
    return folder


@pytest.fixture
def reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], drawn: Path
) -> Reader:
    """Somebody in an empty folder, but for the drawn video."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(drawn, "drawn")
    return Reader(capsys)


def recordings(root: Path, video: Path) -> None:
    """Six recordings of three people, cut out of a drawn video."""
    with fleeting.open_video(video) as frames:
        pictures = np.stack([frame.image for frame in frames]).astype(np.int16)
    for person, brighter in PEOPLE.items():
        (root / person).mkdir(parents=True)
        for name, (first, end) in TAKES.items():
            shown = [
                np.clip(one.astype(int) + brighter, 0, 255).astype(np.uint8) for one in pictures[first:end]
            ]
            film(root / person / name, shown)


def test_own_videos(reader: Reader, drawn: Path) -> None:
    recordings(Path("recordings"), drawn / "drawn_001.mp4")
    reader.follow(TUTORIALS / "own-videos.md")
    assert "\\toprule" in Path("table.tex").read_text(encoding="utf-8")
    assert "@software{fleeting," in Path("used.bib").read_text(encoding="utf-8")


def test_compare(reader: Reader) -> None:
    reader.follow(TUTORIALS / "compare.md")
    assert Path("comparison.html").exists()


def test_interview(reader: Reader) -> None:
    reader.follow(TUTORIALS / "interview.md")
    assert Path("results/interview/events.eaf").exists()


def test_camera(reader: Reader) -> None:
    reader.follow(TUTORIALS / "camera.md")


def test_spotter(reader: Reader) -> None:
    reader.follow(TUTORIALS / "spotter.md")


def test_notebooks(reader: Reader, drawn: Path) -> None:
    Path("recordings").mkdir()
    for place in ("interview.mp4", "recordings/one.mp4"):
        shutil.copy(drawn / "drawn_001.mp4", place)
    table = "file,subject,onset,offset,label\none.mp4,P1,60,80,surprise\n"
    Path("recordings/clips.csv").write_text(table, encoding="utf-8")
    labels = np.arange(24) % 2
    maps = np.random.default_rng(0).normal(size=(24, 3, 28, 28)).astype(np.float32)
    maps[labels == 1, 0, :14] += 1
    known = {"maps": maps, "labels": labels, "people": np.arange(24) // 4}
    reader.known.update(known, __name__="__main__")  # the name of a notebook's module
    try:
        reader.follow(DOCS / "notebooks.md")
    finally:
        for kept in ("_registered", "_homes"):  # what the page has registered is not there for other tests
            vars(models)[kept].pop("of-mine", None)
    assert reader.known["search"].best_score_ > 0.9
    assert Path("mine/predictions.csv").exists()
    assert Path("mlflow.db").exists()
    assert list(Path("curves").rglob("*tfevents*"))


def test_every_tutorial_is_followed() -> None:
    for page in TUTORIALS.glob("*.md"):
        assert f"test_{page.stem.replace('-', '_')}" in globals(), page
