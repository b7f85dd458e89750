"""Single pictures: classified by a model of one frame, refused by others; what cannot be read is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import fleeting
from fleeting.errors import OptionError, WeightsError
from fleeting.experiments.recipe import read_recipe
from fleeting.faces.clips import clip_of
from fleeting.inputs.view import Input, View, arrays_of
from fleeting.recognition.picture import NOTE, frames_needed
from fleeting.recognition.recogniser import Recogniser
from fleeting.video.pictures import is_picture
from tests.fixtures.command import typed
from tests.fixtures.frame_weights import frame_weights
from tests.fixtures.portraits import photograph


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory):
    return frame_weights(tmp_path_factory.mktemp("weights") / "frames.safetensors")


@pytest.fixture(name="face", scope="module")
def _face(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "astronaut.png"
    Image.fromarray(photograph("astronaut")).save(path)
    return path


@pytest.fixture(name="empty", scope="module")
def _empty(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "wall.png"
    Image.fromarray(np.full((300, 400, 3), 90, np.uint8)).save(path)
    return path


def test_the_face_is_cut_as_the_training_clips_were(model, face):
    (one,) = fleeting.picture(face, model).done
    recogniser = Recogniser.load(model)
    clip, _ = clip_of([photograph("astronaut")], [0.0], 0, 0, 0, crop="face", height=170)
    said = recogniser.probabilities([array[None] for array in arrays_of(clip, recogniser.view)])[0]
    assert list(one.probabilities.values()) == pytest.approx(list(said))
    assert one.confidence == one.probabilities[one.label] == max(one.probabilities.values())
    assert one.crop == "aligned"
    assert one.unsure == (one.confidence <= recogniser.facts.calibration.threshold) == bool(one.doubt)


def test_files_that_cannot_be_used_are_named_and_the_others_classified(model, face, empty, tmp_path):
    text = tmp_path / "notes.png"
    text.write_text("no picture")
    pages = tmp_path / "pages.tif"
    both = [Image.fromarray(np.full((40, 40), value, np.uint8)) for value in (10, 200)]
    both[0].save(pages, save_all=True, append_images=both[1:])
    found = fleeting.picture([tmp_path / "gone.png", face, text, empty, pages], model)
    assert [one.file for one in found.done] == [str(face)]
    assert [line.partition(": ")[0] for line in found.failed] == [
        str(tmp_path / "gone.png"),
        str(text),
        str(empty),
        str(pages),
    ]
    words = ["no such file", "cannot be read as a picture", "no face was found", "has 2 pages"]
    for line, said in zip(found.failed, words, strict=True):
        assert said in line


def test_a_picture_without_a_face_that_is_taken_whole_is_unsure(tmp_path):
    path = tmp_path / "portrait.png"
    Image.fromarray(np.full((200, 150, 3), 90, np.uint8)).save(path)
    (one,) = fleeting.picture(path, frame_weights(tmp_path / "auto.safetensors", crop="auto")).done
    assert (one.crop, one.unsure) == ("as-is", True)
    assert "no face was found" in one.doubt


def test_a_model_of_movements_is_refused(face):
    with pytest.raises(OptionError, match="flow-map, for which it needs onset and apex: a movement"):
        fleeting.picture(face, "megc2019-symmetric-flow")
    with pytest.raises(OptionError, match="no picture was named"):
        fleeting.picture([], "megc2019-symmetric-flow")
    with pytest.raises(WeightsError):
        fleeting.picture(face, face)


@pytest.mark.parametrize(
    ("modality", "needed"),
    [
        ("apex", {"apex"}),
        ("onset", {"onset"}),
        ("onset-apex", {"onset", "apex"}),
        ("difference", {"onset", "apex"}),
        ("dynamic-image", {"onset", "apex", "offset"}),
        ("sequence", {"onset", "apex", "offset"}),
    ],
)
def test_which_frames_an_input_needs(modality, needed):
    assert set(frames_needed(View((Input(modality, (16, 16)),)))) == needed


def test_the_command(model, face, empty, capsys):
    status, out, err = typed(capsys, "picture", face, empty, "--model", model)
    assert status == 1
    assert out.startswith(f"{face}: ")
    assert NOTE in out
    assert f"fleeting: {empty}: no face was found" in err
    status, out, err = typed(capsys, "picture", face, "--model", model, "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["note"] == NOTE
    assert [one["file"] for one in found["pictures"]] == [str(face)]
    assert typed(capsys, "picture", empty, "--model", model)[0] == 2


@pytest.mark.slow
def test_weights_trained_on_drawn_frames_classify_drawn_frames(tmp_path, monkeypatch):
    root = tmp_path / "smic"
    fleeting.draw(root, layout="smic", subjects=2, clips=3, flows=0, workers=1)
    changes = [
        "data.dataset=smic",
        "data.labels=megc3",
        "data.unit=clip",
        "data.apex=middle",
        "protocol.name=kfold",
        "protocol.folds=2",
        "model.size=32",
        "training.epochs=1",
    ]
    recipe = read_recipe("broadbent/by-subject", changes=changes)
    done = fleeting.train(recipe, {"smic": root}, tmp_path / "weights")
    frames = sorted(path for path in root.rglob("*") if is_picture(path))[:2]
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    found = fleeting.picture(frames, tmp_path / "weights")
    assert [one.file for one in found.done] == [str(path) for path in frames]
    assert {one.label for one in found.done} <= set(done.weights.facts.classes)
    assert not list((tmp_path / "here").iterdir())
