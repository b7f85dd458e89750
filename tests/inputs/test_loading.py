"""From samples to arrays: crops, apexes, tones, options, and the cache between."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fleeting
from fleeting.apex import apex_finders
from fleeting.datasets import datasets
from fleeting.errors import CacheError, FaceError, OptionError, UnknownNameError, VideoError
from fleeting.experiments.recipe import read_recipe
from fleeting.inputs.cutting import cut
from fleeting.inputs.loading import load, open_clip
from fleeting.inputs.view import Input, View
from fleeting.modalities import modalities
from fleeting.synthetic.draw import draw

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn CAS(ME)^3: whole pictures, 30 frames a second."""
    folder = tmp_path_factory.mktemp("drawn") / "casme3"
    draw(folder, layout="casme3", subjects=1, clips=3, amplitude=1.5, flows=0)
    return folder


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEETING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def view(*names: str, **how: object) -> View:
    return View(tuple(Input(name, (28, 28)) for name in names), **how)


def test_a_whole_picture_is_aligned_and_its_apex_is_the_sheets(root: Path) -> None:
    dataset = datasets["casme3"]
    for sample in dataset.samples(root):
        opened = open_clip(dataset, root, sample, view("flow-map"))
        assert (opened.apex, opened.crop) == ("annotated", "aligned")
        assert opened.clip.frames.shape[1:] == (170, 139, 3)
        assert opened.clip.apex == sample.apex - sample.onset
        assert opened.clip.times[-1] == pytest.approx((sample.offset - sample.onset) / 30)


def test_a_finder_is_asked_only_where_the_sheet_has_no_apex(root: Path) -> None:
    dataset = datasets["casme3"]
    first, second, third = dataset.samples(root)
    samples = [first, replace(second, apex=None), third]
    found = load(dataset, root, samples, view("apex", apex="annotated-or-dc-rois"))
    assert found.apexes == {"annotated": 2, "dc-rois": 1}
    opened = open_clip(dataset, root, samples[1], view("apex", apex="annotated-or-dc-rois"))
    assert opened.clip.apex == apex_finders["dc-rois"](opened.clip)
    assert load(dataset, root, samples, view("apex")).apexes == {"annotated": 2, "middle": 1}


def test_kinds_say_how_far_a_resize_stretched_the_face(root: Path) -> None:
    dataset = datasets["casme3"]
    found = load(dataset, root, dataset.samples(root), view("apex", "signed-difference", "region-map"))
    assert [kind.pixel for kind in found.kinds] == pytest.approx([170 / 139, 170 / 139, 1])
    assert [kind.tiles for kind in found.kinds] == [1, 1, 2]


def unevenness(picture: np.ndarray) -> float:
    """How far the fullest or emptiest eighth of the gray levels is from an eighth of the pixels."""
    counts = np.histogram(picture, bins=8, range=(0, 256))[0] / picture.size
    return float(np.abs(counts - 1 / 8).max())


def test_tones(root: Path) -> None:
    dataset = datasets["casme3"]
    sample = dataset.samples(root)[0]
    gray = open_clip(dataset, root, sample, view("apex", color="gray")).clip.frames
    assert gray.shape[3] == 1
    flat = open_clip(dataset, root, sample, view("apex", color="gray", equalise=True)).clip.frames
    assert unevenness(flat[0]) < 0.5 * unevenness(gray[0])
    rgb = open_clip(dataset, root, sample, view("apex", equalise=True)).clip.frames
    assert rgb.shape[3] == 3


def test_every_modality_comes_in_the_size_that_is_asked_for(root: Path) -> None:
    dataset = datasets["casme3"]
    samples = dataset.samples(root)[:1]
    names = modalities.names()
    found = load(dataset, root, samples, view(*names))
    assert found.problems == ()
    for name, array in zip(names, found.arrays, strict=True):
        assert array.shape[0] == 1, name
        assert array.shape[2:] == (28, 28), name


def test_what_was_made_once_is_not_made_again(
    root: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = datasets["casme3"]
    samples = dataset.samples(root)
    first = load(dataset, root, samples, view("flow-map", "mesti"))
    assert len(list(kept.glob("*.npz"))) == 6
    monkeypatch.setattr("fleeting.inputs.loading.clip_of", None)  # opening a clip would fail now
    again = load(dataset, root, samples, view("flow-map", "mesti"))
    for one, other in zip(first.arrays, again.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (again.apexes, again.crops) == (first.apexes, first.crops)
    with pytest.raises(TypeError):
        load(dataset, root, samples, view("flow-map", crop="face"))


@pytest.mark.parametrize("how", [{}, {"color": "gray", "equalise": True}, {"apex": "flow"}])
def test_a_face_is_found_once_for_all_that_is_made_of_it(
    root: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, object]
) -> None:
    dataset = datasets["casme3"]
    samples = dataset.samples(root)[:2]
    monkeypatch.setenv("FLEETING_CACHE", "off")
    fresh = load(dataset, root, samples, view("strain", "mesti", **how))
    monkeypatch.setenv("FLEETING_CACHE", str(kept))
    load(dataset, root, samples, view("onset"))
    assert len(list((kept / "faces").glob("*.npz"))) == 2
    monkeypatch.setattr("fleeting.inputs.loading.clip_of", None)  # looking for a face would fail now
    again = load(dataset, root, samples, view("strain", "mesti", **how))
    for one, other in zip(fresh.arrays, again.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (again.apexes, again.crops) == (fresh.apexes, fresh.crops)
    with pytest.raises(TypeError):
        load(dataset, root, samples, view("strain", height=100, **how))


def test_pictures_taken_whole_are_not_kept(root: Path, kept: Path) -> None:
    load(datasets["casme3"], root, datasets["casme3"].samples(root)[:1], view("onset", crop="as-is"))
    assert len(list(kept.rglob("*.npz"))) == 1


def test_a_changed_frame_is_seen(root: Path, kept: Path) -> None:
    dataset = datasets["casme3"]
    samples = dataset.samples(root)[:1]
    before = load(dataset, root, samples, view("apex")).arrays[0]
    paths = dataset.frames(root, samples[0])
    path = paths[samples[0].apex - samples[0].onset]
    original = path.read_bytes()
    try:
        path.write_bytes(paths[0].read_bytes())
        after = load(dataset, root, samples, view("apex")).arrays[0]
    finally:
        path.write_bytes(original)
    assert np.abs(after - before).max() > 0


def test_a_recipe_gives_its_inputs_options(root: Path, tmp_path: Path) -> None:
    recipe = read_recipe("drawn/linear-flow", changes=["model.inputs=['dynamic-image']"])
    done = recipe.completed()
    assert done.modality == {"dynamic-image": {"weights": "linear"}}
    changed = ["model.inputs=['dynamic-image']", "modality.dynamic-image.weights=harmonic"]
    assert read_recipe("drawn/linear-flow", changes=changed).completed().modality["dynamic-image"] == {
        "weights": "harmonic"
    }
    with pytest.raises(UnknownNameError, match="input of this recipe"):
        read_recipe("drawn/linear-flow", changes=["modality.mesti.side=3"]).completed()
    with pytest.raises(UnknownNameError, match="did you mean 'weights'"):
        read_recipe("drawn/linear-flow", changes=[changed[0], "modality.dynamic-image.weight=1"]).completed()
    with pytest.raises(UnknownNameError, match="did you mean 'dc-rois'"):
        read_recipe("drawn/linear-flow", changes=["data.apex=dc-roi"]).completed()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """Four seconds of drawn video with one clear event."""
    folder = tmp_path_factory.mktemp("drawn") / "video"
    how = {"seconds": 4, "fps": 50, "events_per_minute": 15, "amplitude": 1.5, "style": "flat"}
    truth = draw(folder, videos=1, **how, flows=0, workers=1)
    return folder / truth["videos"][0]["file"], truth["videos"][0]["events"][0]


def test_a_stretch_of_a_video_is_a_clip(video: tuple[Path, dict]) -> None:
    path, event = video
    start, end = event["onset_frame"] / 50, event["offset_frame"] / 50
    clip = cut(path, start, end)
    assert len(clip.frames) == event["offset_frame"] - event["onset_frame"] + 1
    assert clip.times[0] == pytest.approx(start, abs=1e-3)
    assert abs(clip.apex - (event["apex_frame"] - event["onset_frame"])) <= 2
    assert modalities["flow-map"](clip).shape == (3, 28, 28)
    assert fleeting.cut is cut


def test_a_video_without_a_face_has_no_clip() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 320, 180, 3), dtype=np.uint8)
    for array in (noise, noise.swapaxes(1, 2)):
        with pytest.raises(FaceError, match="no face was found"):
            cut(array, 0, 0.5, fps=30)


def test_a_wrong_option_is_no_clips_fault(root: Path) -> None:
    dataset = datasets["casme3"]
    wrong = View((Input("flow-map", (28, 28), {"side": 0}),))
    with pytest.raises(OptionError, match="the side of a map is 0"):
        load(dataset, root, dataset.samples(root), wrong)


def test_a_cache_that_cannot_be_written_is_no_clips_fault(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("FLEETING_CACHE", str(tmp_path / "file"))
    dataset = datasets["casme3"]
    with pytest.raises(CacheError, match="set FLEETING_CACHE to a folder that can be, or to off"):
        load(dataset, root, dataset.samples(root), view("apex"))


def test_a_stretch_outside_a_video_is_refused(video: tuple[Path, dict]) -> None:
    path, _ = video
    with pytest.raises(VideoError, match="no frame from 50 s"):
        cut(path, 50, 51)
    with pytest.raises(OptionError, match="no annotated apex"):
        cut(path, 0, 1, apex="annotated")
