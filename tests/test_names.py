"""Names of files that are no text go through every writer and reader, and odd picture sizes too."""

import csv
import json
import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import fleeting
from fleeting.analysis.elan_file import events_eaf, recording_of
from fleeting.errors import OptionError
from fleeting.experiments.recipe import read_recipe
from fleeting.synthetic.draw import draw
from fleeting.types import Frame
from fleeting.video.reader import open_video
from fleeting.video.writer import LARGEST, VideoWriter
from tests.fixtures.short_video import drawn_video

ODD = os.fsdecode(b"caf\xe9")


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_an_analysis_of_a_name_that_is_no_text(tmp_path):
    video = drawn_video(tmp_path / f"{ODD}.mp4")
    formats = ["csv", "json", "elan", "html", "video"]
    (done,) = fleeting.analyze(video, tmp_path / f"out{ODD}", formats=formats).done
    assert done.events
    for path in files(done.folder):
        assert path.suffix == ".mp4" or path.read_text(encoding="utf-8")
    assert Path(done.folder, json.loads((done.folder / "summary.json").read_text())["input"]["path"]).exists()
    assert recording_of(done.folder / "events.eaf").resolve() == video.resolve()
    assert (
        fleeting.analyze(video, tmp_path / f"out{ODD}", formats=formats, resume=True).done[0].summary
        == done.summary
    )
    found = fleeting.explain(done.folder, tmp_path / f"looks{ODD}", event=1)
    assert all(path.exists() for path in found.pictures)


@pytest.mark.parametrize("name", [ODD, "a\x01b", "50 %25", "微"])
def test_elan_finds_a_recording_of_any_name(tmp_path, name):
    video = tmp_path / f"{name}.mp4"
    video.touch()
    written = tmp_path / "a.eaf"
    written.write_bytes(events_eaf([], video, tmp_path))
    assert ElementTree.parse(written)
    assert recording_of(written).resolve() == video


@pytest.mark.slow
def test_a_run_on_clips_whose_names_are_no_text(tmp_path):
    root = tmp_path / f"smic{ODD}"
    draw(root, layout="smic", subjects=3, clips=3, flows=0)
    clip = next(path for path in root.rglob("s1_po_01") if path.is_dir())
    clip.rename(clip.with_name(f"s1_po_01{ODD}"))
    changes = ["data.dataset=smic", "protocol.name=kfold", "protocol.folds=3"]
    for _ in range(2):  # the second call reads what the first has written
        run = fleeting.run(read_recipe("drawn/linear-flow", changes=changes), {"smic": root}, tmp_path / ODD)
    table = (run.path / "predictions.csv").read_text(encoding="utf-8")
    ids = [row["id"] for row in csv.DictReader(table.splitlines())]
    assert [name for name in ids if "caf" in name] == ["smic/s01/s01_po_01caf\\udce9"]
    assert "caf\\udce9" in (run.path / "log.txt").read_text(encoding="utf-8")
    for page in (fleeting.report([run.path]), fleeting.report([run.path], tmp_path / f"{ODD}.md")):
        assert page.read_text(encoding="utf-8")


def test_a_recipe_says_what_it_cannot_hold(tmp_path):
    with pytest.raises(OptionError, match=r"caf.udce9.*is not UTF-8"):
        fleeting.run(read_recipe("drawn/linear-flow", changes=[f"name={ODD}"]), {}, tmp_path / "run")


@pytest.mark.parametrize(("height", "width"), [(3, 2000), (1, 1), (2000, 3), (241, 321), (16, LARGEST + 600)])
def test_pictures_of_any_size_become_a_video(tmp_path, height, width):
    with VideoWriter(tmp_path / "a.mp4") as video:
        for number in range(3):
            video.add(np.full((height, width, 3), 40 * number, np.uint8), number / 30)
    with open_video(tmp_path / "a.mp4") as written:
        shapes = {frame.image.shape[:2] for frame in written if isinstance(frame, Frame)}
    ((high, wide),) = shapes
    assert (high % 2, wide % 2) == (0, 0)
    assert max(high, wide) <= LARGEST
