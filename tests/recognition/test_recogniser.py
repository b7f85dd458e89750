"""Recognisers: trained weights give the class of a clip; the one shipped with the package is tested most."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

import fleeting
from fleeting.drawing import identity
from fleeting.drawing.rendering import frame
from fleeting.drawing.script import script_of_clip
from fleeting.errors import UnknownNameError, WeightsError
from fleeting.faces.clips import clip_of
from fleeting.inputs.view import arrays_of
from fleeting.modalities import modalities
from fleeting.models import build, models
from fleeting.recognition.recogniser import FILE, SHIPPED, Recogniser, recognisers
from fleeting.recognition.typicality import without_typicality
from fleeting.recognition.weights import read_weights, write_weights
from fleeting.training.fitting import fit
from fleeting.training.options import Training
from fleeting.training.training_set import TrainingSet
from fleeting.types import ArrayKind
from tests.fixtures.moving_clips import moving_clip
from tests.fixtures.small_models import small
from tests.fixtures.weights_facts import facts_of

SHIPPED_FILE = files("fleeting").joinpath("assets", "recogniser", SHIPPED, FILE)


@pytest.fixture(scope="module")
def shipped():
    return Recogniser.load()


def test_every_shipped_recogniser_says_something_of_a_clip():
    assert SHIPPED in recognisers()
    for name in recognisers():
        recogniser = Recogniser.load(name)
        said = recogniser.recognise(moving_clip(size=(170, 139)))
        assert recogniser.name == name
        assert tuple(said.probabilities) == recogniser.classes
        assert sum(said.probabilities.values()) == pytest.approx(1)
        assert said.confidence == said.probabilities[said.label] == max(said.probabilities.values())
        too_low = said.confidence <= recogniser.facts.calibration.threshold
        assert said.unsure == (too_low or not said.known) == bool(said.doubt)


def test_it_runs_without_torch_and_scikit_learn():
    words = (
        "import sys, fleeting; from tests.fixtures.moving_clips import moving_clip;"
        "fleeting.Recogniser.load().recognise(moving_clip(size=(170, 139)));"
        "sys.exit(' '.join({'torch', 'sklearn', 'matplotlib'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_clip_is_looked_at_as_in_training(shipped):
    clip = moving_clip(size=(170, 139))
    (array,) = arrays_of(clip, shipped.view)
    np.testing.assert_array_equal(array, modalities["flow-map"](clip))
    said = shipped.recognise(clip)
    (expected,) = shipped.probabilities([array[None]])
    assert tuple(said.probabilities.values()) == tuple(expected)
    gray = replace(shipped.view, color="gray", equalise=True)
    assert arrays_of(moving_clip(channels=3), gray)[0].shape == (3, 28, 28)


def test_softened_scores_leave_the_class_and_lower_the_confidence(shipped):
    calibration = replace(shipped.facts.calibration, temperature=1.5)
    warm = replace(shipped, facts=shipped.facts.model_copy(update={"calibration": calibration}))
    arrays = [np.random.default_rng(0).uniform(0, 255, (20, 3, 28, 28)).astype(np.float32)]
    raw, calibrated = warm.predict(arrays), warm.probabilities(arrays)
    np.testing.assert_array_equal(raw.argmax(axis=1), calibrated.argmax(axis=1))
    assert (calibrated.max(axis=1) < raw.max(axis=1)).all()


def test_the_shipped_probabilities_are_the_models_own(shipped):
    """A temperature made them less likely for people it was not learnt from, so there is none."""
    calibration = shipped.facts.calibration
    assert calibration.after.nll >= calibration.before.nll
    assert calibration.temperature == 1


def test_a_face_that_holds_still_or_moves_as_a_whole_is_none_of_the_classes(shipped):
    still = shipped.recognise(moving_clip(still=True, size=(170, 139)))
    assert (still.known, still.unsure) == (False, True)
    assert still.doubt.startswith("nothing moves")
    assert still.extent == pytest.approx(0, abs=0.05)
    clip = moving_clip(size=(170, 139))
    shifted = np.stack([np.roll(frame, 4 * n, axis=1) for n, frame in enumerate(clip.frames)])
    far = shipped.recognise(replace(clip, frames=shifted, apex=2))
    assert (far.known, far.unsure) == (False, True)
    assert "seldom more than 2 %" in far.doubt
    assert far.extent > 4


def test_a_map_unlike_those_of_training_is_none_of_the_classes(shipped):
    """No plane of few directions holds noise."""
    noise = np.random.default_rng(0).uniform(0, 255, (50, 3, 28, 28)).astype(np.float32)
    assert (shipped.typicality.of([noise]) < 0.05).all()
    clip, one = little_movement(), shipped.typicality
    strange = replace(shipped, typicality=replace(one, distances=np.zeros((5, 2))))
    said = strange.recognise(clip)
    assert (said.typical, said.known, said.unsure) == (0, False, True)
    assert said.doubt.startswith("unlike what it learnt from: only 0%")
    usual = replace(shipped, typicality=replace(one, distances=np.full((5, 2), 1e9)))
    found = usual.recognise(clip)
    assert (found.typical, found.known, found.label) == (1, True, said.label)
    assert found.unsure == (found.confidence <= shipped.facts.calibration.threshold)


def little_movement():
    """A clip in which a small part of a textured picture moves by two pixels."""
    return moving_clip(size=(170, 139))


def test_weights_without_the_check_still_answer(tmp_path, shipped):
    path = tmp_path / "weights.safetensors"
    kept = read_weights(SHIPPED_FILE)
    own = without_typicality(kept.arrays)
    assert len(own) < len(kept.arrays)
    write_weights(path, kept.facts.model_copy(update={"check": None}), own)
    older = Recogniser.load(path)
    said, today = (one.recognise(little_movement()) for one in (older, shipped))
    assert older.typicality is None
    assert said.typical is None
    assert said.probabilities == today.probabilities
    broken = {name: array for name, array in kept.arrays.items() if name != "typical.plane"}
    write_weights(path, kept.facts, broken)
    with pytest.raises(WeightsError, match=r"typical\.plane.*train again"):
        Recogniser.load(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", models)
def test_every_model_predicts_the_same_when_loaded(name, tmp_path):
    rng = np.random.default_rng(0)
    shapes, options = small(name)
    arrays = tuple(rng.uniform(0, 255, (6, *shape)).astype(np.float32) for shape in shapes)
    kinds = tuple(ArrayKind(("picture",) * shape[0]) for shape in shapes)
    people = tuple(f"d/{n}" for n in range(6))
    data = TrainingSet(arrays, kinds, np.arange(6) % 3, people, 3)
    fitted = fit(build(name, 3, shapes, options, seed=1), data, Training(epochs=1, device="cpu"), seed=1)
    extra = {"options": {"strength": 0.01, "sigma": 1.0} if name.startswith("linear-") else options}
    path = tmp_path / "weights.safetensors"
    write_weights(path, facts_of(name, shapes, **extra), fitted.state())
    np.testing.assert_array_equal(Recogniser.load(path).predict(arrays), fitted.probabilities(arrays))


def test_weights_that_do_not_fit_their_model_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    write_weights(path, facts_of("ststnet"), {"head.weight": np.zeros((2, 2))})
    with pytest.raises(WeightsError, match=r"weights\.safetensors: the weights do not fit ststnet"):
        Recogniser.load(path)
    write_weights(path, facts_of(options={"sigma": 1.0}), {"weight": np.zeros((3, 5)), "bias": np.zeros(3)})
    with pytest.raises(WeightsError, match="do not fit linear-flow"):
        Recogniser.load(path)
    write_weights(path, facts_of("nobody"), {"weight": np.zeros(3)})
    with pytest.raises(UnknownNameError, match="nobody"):
        Recogniser.load(path)


def test_names_and_paths(tmp_path):
    with pytest.raises(UnknownNameError, match=f"did you mean '{SHIPPED}'"):
        Recogniser.load(SHIPPED.replace("-", "_"))
    with pytest.raises(WeightsError, match="cannot be read"):
        Recogniser.load(tmp_path / "missing.safetensors")
    with pytest.raises(WeightsError, match="cannot be read"):
        Recogniser.load(tmp_path)


def test_a_clip_of_another_kind_is_refused(tmp_path, shipped):
    path = tmp_path / "weights.safetensors"
    facts = facts_of("ststnet", ((3, 28, 28),))
    inputs = (facts.inputs[0].model_copy(update={"modality": "apex"}),)
    arrays = fit_nothing()
    write_weights(path, facts.model_copy(update={"inputs": inputs}), arrays)
    recogniser = Recogniser.load(path)
    assert recogniser.recognise(moving_clip(channels=3)).label in recogniser.classes
    with pytest.raises(WeightsError, match=r"trained on apex \(3, 28, 28\), found \(1, 28, 28\)"):
        recogniser.recognise(moving_clip(channels=1))


def fit_nothing():
    """Weights of a fresh STSTNet, with a scaling of its inputs that does nothing."""
    state = {name: t.numpy() for name, t in build("ststnet", 3, ((3, 28, 28),), {}, 0).state_dict().items()}
    ones = np.ones((1, 3, 1, 1), np.float32)
    return {**state, "input.0.mean": 0 * ones, "input.0.deviation": ones}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("video", "start", "end"), [("pyfeat_single_face.mp4", 0.45, 0.65), ("fexmetrica_test.mov", 2.15, 2.4)]
)
def test_the_first_moments_of_a_real_smile_are_positive_and_larger_than_a_micro_expression(
    shipped, shared, video, start, end
):
    clip = fleeting.cut(shared / "videos" / video, start, end)
    for apex in range(len(clip.frames) - 3, len(clip.frames)):
        said = shipped.recognise(replace(clip, apex=apex))
        assert said.label == "positive"
        assert said.confidence > shipped.facts.calibration.threshold
        assert said.typical > 0.05
        assert said.doubt.startswith("too large for a micro-expression")


@pytest.mark.slow
@pytest.mark.parametrize(("units", "label"), [("6+12", "positive"), ("1+2", "surprise"), ("4", "negative")])
def test_drawn_smiles_and_raised_brows_are_what_they_are(shipped, units, label):
    """The whole way from frames to a class, on pictures nothing was trained on: signs, crop, scale."""
    for number in (1, 2):
        script = script_of_clip(identity(number), label, number, action_units=units, amplitude=1.5)
        (event,) = script.events
        images = [frame(script, n) for n in range(event.onset_frame, event.offset_frame + 1)]
        times, apex = np.arange(len(images)) / script.fps, event.apex_frame - event.onset_frame
        clip, _ = clip_of(images, times, 0, apex, len(images) - 1, crop="face")
        mirrored = replace(clip, frames=np.ascontiguousarray(clip.frames[:, :, ::-1]))
        assert shipped.recognise(clip).label == shipped.recognise(mirrored).label == label


def mirror_image(maps):
    """Left and right exchanged; what went right goes left."""
    image = maps[..., ::-1].copy()
    image[:, 0] = 255 - image[:, 0]
    return image


def test_a_face_and_its_mirror_image_get_the_same_answer_from_the_shipped_recogniser():
    maps = np.random.default_rng(0).uniform(0, 255, (20, 3, 28, 28)).astype(np.float32)
    shipped = Recogniser.load()
    one, other = (shipped.probabilities([given]) for given in (maps, mirror_image(maps)))
    np.testing.assert_allclose(one, other, atol=1e-6)
    usual = [shipped.typicality.of([given]) for given in (maps, mirror_image(maps))]
    np.testing.assert_allclose(*usual, atol=0.01)
    assert np.ptp(one, axis=0).min() > 0.01  # it does tell maps apart
