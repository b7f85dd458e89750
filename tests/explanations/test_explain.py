"""Explanations of an answer: maps point at a known place, contributions add up, the model stays as it was."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import fleeting
from fleeting.datasets import datasets
from fleeting.errors import OptionError, UnknownNameError, VideoError, WeightsError
from fleeting.experiments.recipe import read_recipe
from fleeting.explanations.attribution import grad_cam, looks_of, rollout
from fleeting.explanations.cases import of_analysis
from fleeting.explanations.clip_figures import Look, inputs_figure, overlaid, png
from fleeting.explanations.run_case import RunClips
from fleeting.modalities import modalities
from fleeting.models import Attention, build, models
from fleeting.recognition.weights import InputFacts, write_weights
from fleeting.training.fitted import Fitted
from tests.fixtures.command import typed
from tests.fixtures.moving_clips import moving_clip
from tests.fixtures.short_video import drawn_video
from tests.fixtures.small_models import small
from tests.fixtures.weights_facts import facts_of

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make

KFOLD = [
    "protocol.name=kfold",
    "protocol.folds=3",
    "training.keep_weights=true",
    "training.trace_oracle=false",
]


class Corner(nn.Module):
    """Class 1 is the brightness of the upper left quarter, class 0 that of the rest."""

    inputs, paper, looks_at = {"x": (1, 8, 8)}, "", "split"

    def __init__(self):
        super().__init__()
        mask = torch.zeros(1, 1, 8, 8)
        mask[..., :4, :4] = 1
        self.split = Split(mask)
        self.head = nn.Linear(2, 2, bias=False)
        self.head.weight.data = torch.tensor([[-1.0, 1.0], [1.0, -1.0]])

    def forward(self, x):
        return self.head(torch.relu_(self.split(x)).mean(dim=(2, 3)))


class Split(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.mask = nn.Parameter(mask)

    def forward(self, x):
        return torch.cat([x * self.mask, x * (1 - self.mask)], dim=1)


class Tokens(nn.Module):
    """A stack of self-attentions whose weights are given, one (heads, tokens, tokens) for each."""

    def __init__(self, *weights):
        super().__init__()
        self.weights = weights
        self.blocks = nn.ModuleList(Attention() for _ in weights)
        self.head = nn.Linear(1, 2)

    def forward(self, x):
        for block, weights in zip(self.blocks, self.weights, strict=True):
            block(weights.log()[None] if weights.ndim == 3 else weights.log())
        return self.head(x.flatten(1)[:, :1])


def fitted(model, scale=1.0, inputs=1):
    means, deviations = torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 1), scale)
    return Fitted(model, [means] * inputs, [deviations] * inputs, torch.device("cpu"))


def arrays_for(shapes):
    rng = np.random.default_rng(0)
    return [rng.uniform(0, 255, shape).astype(np.float32) for shape in shapes]


def looks_by_name(model, arrays, target=1):
    channels = [f"{i}.{channel}" for i, array in enumerate(arrays) for channel in range(len(array))]
    looks, notes = looks_of(fitted(model, 100.0, len(arrays)), arrays, target, channels)
    return {(look.name, look.where): look for look in looks}, notes


def test_grad_cam_points_where_the_answer_comes_from():
    bright = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)) + 0.5
    corner, rest = (grad_cam(Corner(), [bright], target, "split") for target in (1, 0))
    assert corner.max() == rest.max() == 1
    assert (corner[:4, :4] > 0).all()
    assert corner.sum() == corner[:4, :4].sum()
    assert (rest[:4, :4] == 0).all()
    expected = bright[0, 0, :4, :4] / bright[0, 0, :4, :4].max()
    np.testing.assert_allclose(corner[:4, :4], expected, rtol=1e-6)


def test_grad_cam_of_a_class_that_nothing_speaks_for_says_so():
    model = Corner()
    model.head.weight.data *= -1
    dark = np.zeros((1, 8, 8), np.float32)
    dark[:, :4, :4] = 50
    looks, notes = looks_by_name(model, [dark], target=1)
    assert not looks["Grad-CAM", "split"].values.any()
    assert notes == ("Grad-CAM at split is zero throughout: no feature there spoke for the class.",)


FIRST = [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5]]
SECOND = [[0.0, 0.0, 1.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]
BY_HAND = [[0.425, 0.2, 0.375], [0.2125, 0.6, 0.1875], [0.05, 0.575, 0.375]]


def test_rollout_of_three_tokens_as_by_hand():
    """Half of each layer is the path around it: ((SECOND + 1) / 2) ((FIRST + 1) / 2), heads averaged."""
    first = torch.tensor(FIRST)
    away = torch.tensor([[0.2, -0.2, 0.0], [0.0, 0.0, 0.0], [-0.1, 0.1, 0.0]])
    rolled = rollout([torch.stack([first + away, first - away]), torch.tensor([SECOND])])
    np.testing.assert_allclose(rolled, BY_HAND, atol=1e-7)


def weights(tokens, heads=2, batch=None):
    shape = (heads, tokens, tokens) if batch is None else (batch, heads, tokens, tokens)
    return torch.rand(shape, generator=torch.Generator().manual_seed(tokens)).softmax(dim=-1)


def test_rollout_without_a_path_around_is_the_product_of_the_layers():
    layers = [torch.tensor([FIRST]), torch.tensor([SECOND])]
    np.testing.assert_allclose(rollout(layers, [False, False]), np.matmul(SECOND, FIRST), atol=1e-7)
    half = (np.array(SECOND) + np.eye(3)) / 2
    np.testing.assert_allclose(rollout(layers, [False, True]), half @ FIRST, atol=1e-7)


@pytest.mark.parametrize(("name", "options"), [("broadbent", {}), ("meganet", {"reading": "printed"})])
def test_rollout_of_a_network_without_a_path_around_its_attention_is_the_attention(name, options):
    shapes, small_options = small(name)
    if name == "meganet":
        options = {**options, "blocks": 1}
    model = build(name, 3, shapes, {**small_options, **options}, seed=0)
    kept = []
    for module in model.modules():
        if isinstance(module, Attention):
            module.register_forward_hook(lambda _m, _g, out: kept.append(out))
    looks, _ = looks_by_name(model, arrays_for(shapes))
    (rolled,) = (look.values for (name, _), look in looks.items() if name == "rollout")
    np.testing.assert_allclose(rolled.ravel(), kept[0][0, 0].mean(dim=0).detach(), rtol=1e-4)


@pytest.mark.parametrize("token", [False, True])
def test_rollout_goes_back_to_the_picture(token):
    """From the class token where there is one, else from the mean of all."""
    layers = [weights(9 + token), weights(9 + token).flip(-1)]
    looks, notes = looks_by_name(Tokens(*layers), arrays_for([(1, 8, 8)]))
    rolled = rollout(layers).numpy()
    expected = rolled[0, 1:] if token else rolled.mean(axis=0)
    np.testing.assert_allclose(looks["rollout", "blocks.*"].values.ravel(), expected, rtol=1e-5)
    assert notes == ("No Grad-CAM: no layer of this model gives a picture of features.",)


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ([weights(9), weights(4)], "the number of tokens changes between layers (4, 9)"),
        ([weights(4, batch=3)], "it is within parts of the picture, or between two sets of tokens"),
        ([weights(9)[:, :4]], "it is within parts of the picture, or between two sets of tokens"),
        ([weights(1), weights(1)], "it sees a single token, so it has nothing to choose"),
        ([weights(7)], "7 tokens are no square of patches, with or without a class token"),
    ],
)
def test_what_cannot_be_rolled_out_is_said(layers, why):
    looks, notes = looks_by_name(Tokens(*layers), arrays_for([(1, 8, 8)]))
    assert not looks
    assert f"No rollout of {'blocks.*'}: {why}." in notes


def test_a_gate_is_shown_as_it_was():
    shapes, options = small("meganet")
    model = build("meganet", 3, shapes, options, seed=0)
    arrays = arrays_for(shapes)
    looks, _ = looks_by_name(model, arrays)
    with torch.inference_mode():
        x = torch.from_numpy(arrays[0])[None] / 100
        gradient = model.gradient_attention
        expected = gradient(x) / x  # what it lets through of each value
    found = looks["attention", "gradient_attention.gate"].values
    np.testing.assert_allclose(found, expected[0, 0], atol=1e-5)


def frozen(model):
    """Everything about a network that looking must not change."""
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), m.training) for m in model.modules()]
    return hooks, [p.grad for p in model.parameters()], [t.clone() for t in model.state_dict().values()]


@pytest.mark.parametrize("name", models)
def test_every_model_is_looked_into_and_left_as_it_was(name):
    shapes, options = small(name)
    model, arrays = build(name, 3, shapes, options, seed=0), arrays_for(shapes)
    network = isinstance(model, nn.Module)
    if network:
        model.train()
        next(model.modules()).training = False  # a mixture has to come back too
        before = frozen(model)
    looks, notes = looks_by_name(model, arrays, target=2)
    assert looks or notes
    for look in looks.values():
        assert look.values.dtype in (np.float32, np.float64)
        assert look.values.ndim == 2
        assert np.isfinite(look.values).all()
        assert look.signed or (look.values >= 0).all()
    if network:
        hooks, gradients, state = frozen(model)
        assert (hooks, gradients) == before[:2]
        assert all(torch.equal(now, then) for now, then in zip(state, before[2], strict=True))
        assert any(name == "Grad-CAM" for name, _ in looks)


@pytest.mark.parametrize(
    ("name", "channels"), [("linear-flow", ("uvs",)), ("linear-images", ("uvs", "rgb", "xy"))]
)
def test_contributions_add_up_to_the_score(name, channels):
    rng = np.random.default_rng(0)
    shapes = [(len(names), 28, 28) for names in channels]
    model = build(name, 3, shapes, {}, seed=0)
    arrays = [rng.uniform(0, 255, (12, *shape)).astype(np.float32) for shape in shapes]
    model.fit(arrays, np.arange(12) % 3, seed=0)
    scores = model.contributions(arrays).sum(axis=(2, 3, 4)) + model.bias
    chances = model.probabilities(arrays)
    np.testing.assert_allclose(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), chances)
    names = [*"".join(channels)]
    looks, notes = looks_of(fitted(model), [array[0] for array in arrays], 1, names)
    assert [look.where for look in looks] == ["all channels", *names]
    assert looks[0].values.sum() + model.bias[1] == pytest.approx(scores[0, 1])
    np.testing.assert_allclose(looks[0].values, sum(look.values for look in looks[1:]), atol=1e-12)
    assert all(look.signed for look in looks)
    assert notes == ()


def test_colours_have_zero_where_zero_is():
    gray = np.full((40, 30, 3), 200, np.uint8)
    signed = np.zeros((4, 3), np.float32)
    signed[0, 0], signed[3, 2] = 5, -1
    shown = overlaid(gray, Look("contribution", "", signed, "", signed=True)).astype(int)
    assert np.ptp(shown[20, 15]) <= 3  # no colour in the middle, where nothing speaks
    red, _, blue = shown[0, 0]
    assert red > blue + 30
    red, _, blue = shown[-1, -1]
    assert blue > red
    even = overlaid(gray, Look("rollout", "", np.full((4, 4), 0.2502, np.float32), ""))
    uneven = overlaid(gray, Look("rollout", "", np.full((4, 4), 0.25, np.float32) + np.eye(4) / 1e4, ""))
    assert abs(even.astype(int) - uneven).max() < 10  # next to no difference looks like none


def test_all_inputs_of_a_clip_in_one_figure():
    for clip in (moving_clip(size=(64, 52)), moving_clip(channels=1, size=(64, 52)), moving_clip(still=True)):
        figure = inputs_figure(clip)
        titles = " ".join(axes.get_title() for axes in figure.axes)
        assert [name for name in modalities if name not in titles] == []
    assert png(inputs_figure(clip, ["apex", "flow"])) == png(inputs_figure(clip, ["apex", "flow"]))
    with pytest.raises(UnknownNameError, match="did you mean 'apex'"):
        inputs_figure(clip, ["apx"])


# Runs


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run of a convolutional network that kept its weights."""
    changes = [*KFOLD, "training.epochs=2"]
    return fleeting.run(
        read_recipe("drawn/ststnet", changes=changes), {}, tmp_path_factory.mktemp("r") / "kept"
    )


def test_kept_weights_say_what_the_run_said(kept):
    clips = RunClips(kept, None)
    for prediction in kept.by_seed[0][::17]:
        case = clips.case(prediction.id)
        np.testing.assert_allclose([*case.probabilities.values()], prediction.probabilities, atol=1e-6)
        assert not any("changed" in note for note in case.notes)


def test_the_report_shows_what_it_looked_at(kept, tmp_path):
    looks = json.loads((kept.path / "looks.json").read_text())
    page = (kept.path / "report.html").read_text()
    assert "What it looked at" in page
    assert page.count("data:image/jpeg") == len(looks["clips"]) <= 2 * len(kept.classes)
    assert sum(len(clip["picture"]) for clip in looks["clips"]) < 200_000
    by_id = {p.id: p for p in kept.by_seed[0]}
    for clip in looks["clips"]:
        same = [p for p in by_id.values() if p.predicted == by_id[clip["id"]].predicted]
        right = clip["truth"] == clip["predicted"]
        rivals = [p for p in same if (p.truth == p.predicted) is right]
        assert clip["probability"] == pytest.approx(max(max(p.probabilities) for p in rivals), abs=1e-6)
    plain = fleeting.run(read_recipe("drawn/linear-flow", changes=KFOLD[:2]), {}, tmp_path / "run")
    assert "What it looked at" not in (plain.path / "report.html").read_text()
    assert not (plain.path / "looks.json").exists()


def test_the_command_on_a_clip_of_a_run(kept, tmp_path, capsys):
    clip = kept.by_seed[0][0]
    status, out, _ = typed(capsys, "explain", kept.path, "--clip", clip.id, "--out", tmp_path, "--json")
    assert status == 0
    told = json.loads(out)
    assert told["truth"] == kept.classes[clip.truth]
    assert told["label"] == kept.classes[clip.predicted]
    assert told["probabilities"][told["label"]] == pytest.approx(clip.probabilities[clip.predicted], abs=1e-6)
    (picture,) = told["pictures"]  # drawn maps have no frames, so there are no other inputs
    with Image.open(picture) as opened:
        assert opened.size[0] > 500
    (cam,) = told["maps"]
    assert (cam["name"], np.shape(cam["values"])) == ("Grad-CAM", (5, 5))
    assert "no proof of a cause" in cam["what"]
    assert told["over"] == "input flow-map"


def test_another_class_is_explained_when_asked(kept):
    clip = kept.by_seed[0][0]
    found = [fleeting.explain(kept.path, clip=clip.id, label=label) for label in kept.classes]
    assert [one.label for one in found] == [*kept.classes]
    maps = [one.looks[0].values for one in found]
    assert not np.array_equal(maps[0], maps[1])


def test_what_cannot_be_explained_is_refused(kept, tmp_path):
    clip = kept.by_seed[0][0]
    with pytest.raises(OptionError, match="is a run; name one of its clips with --clip"):
        fleeting.explain(kept.path, event=1)
    with pytest.raises(UnknownNameError, match="no clip of this run"):
        fleeting.explain(kept.path, clip="nobody/0")
    with pytest.raises(UnknownNameError, match="no class of this model"):
        fleeting.explain(kept.path, clip=clip.id, label="joy")
    with pytest.raises(OptionError, match="with --event"):
        fleeting.explain(tmp_path)
    with pytest.raises(OptionError, match="is a file, expected a folder"):
        fleeting.explain(kept.path, kept.path / "scores.json", clip=clip.id)
    copy = shutil.copytree(kept.path, tmp_path / "copy")
    for folder in (copy / "folds").iterdir():
        path = folder / "weights.safetensors"
        path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(WeightsError, match="does not fit ststnet"):
        fleeting.explain(copy, clip=clip.id)
    for path in copy.glob("folds/*/weights.safetensors"):
        path.unlink()
    with pytest.raises(
        WeightsError, match=r"kept no weights; run anew with --set training\.keep_weights=true"
    ):
        fleeting.explain(copy, clip=clip.id)


def test_weights_of_everybody_are_named_as_such(kept):
    clip = kept.by_seed[0][0]
    found = fleeting.explain(kept.path, clip=clip.id, weights="megc2019-symmetric-flow")
    assert found.model == "megc2019-symmetric-flow"
    assert {look.name for look in found.looks} == {"contribution"}
    assert "perhaps on this clip too" in found.notes[0]


def test_a_clip_with_frames_is_drawn_over_its_apex(tmp_path, capsys):
    datasets["casme2"].fabricate(tmp_path / "casme2")
    quick = ["training.epochs=1", "model.size=48", "training.keep_weights=true", "protocol.name=kfold"]
    recipe = read_recipe("meganet/three-classes", quick=True, changes=[*quick, "protocol.folds=2"])
    run = fleeting.run(recipe, {"casme2": tmp_path / "casme2"}, tmp_path / "run")
    clip = run.by_seed[0][0].id
    shutil.move(tmp_path / "casme2", tmp_path / "moved")
    words = ("explain", run.path, "--clip", clip, "--out", tmp_path / "out", "--json")
    status, _, err = typed(capsys, *words)
    assert status == 2
    assert "is no folder; --data casme2=PATH names" in err
    status, out, _ = typed(capsys, *words, "--data", f"casme2={tmp_path / 'moved'}")
    assert status == 0
    told = json.loads(out)
    assert told["over"] == "apex"
    assert {one["name"] for one in told["maps"]} == {"attention", "Grad-CAM", "rollout"}
    assert [path.endswith("-inputs.png") for path in told["pictures"]] == [False, True]


# Events


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    video = drawn_video(folder / "drawn.mp4")
    (done,) = fleeting.analyze(video, folder / "out", formats=("elan",)).done
    return done


def test_the_command_on_an_event_of_an_analysis(analysed, tmp_path, capsys):
    (event,) = analysed.events
    words = ("explain", analysed.folder, "--event", 1, "--out", tmp_path)
    status, out, _ = typed(capsys, *words, "--json")
    assert status == 0
    told = json.loads(out)
    assert told["label"] == event.label
    assert told["probabilities"] == pytest.approx(dict(event.probabilities), abs=0.03)
    assert told["over"] == "apex"
    total, *parts = (np.array(one["values"]) for one in told["maps"])
    np.testing.assert_allclose(total, sum(parts), atol=1e-4)
    assert math.isclose(total[:8].sum() > total[8:].sum(), event.label == "surprise")  # brows, not mouth
    for path in told["pictures"]:
        with Image.open(path) as picture:
            assert np.asarray(picture).std() > 10


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("summary.json", "{}"),
        ("summary.json", '{"settings": 3, "events": 1, "model": "x"}'),
        ("events.json", "half"),
        ("events.json", '[{"event": 1}]'),
        ("faces.csv", "frame,time_s\n0,0\n"),
        ("faces.csv", "frame,face,x,y,width,height\n0,0,left,0,1,1\n"),
    ],
)
def test_a_damaged_analysis_is_refused_in_a_line(analysed, tmp_path, capsys, file, content):
    folder = shutil.copytree(analysed.folder, tmp_path / "damaged")
    (folder / file).write_text(content)
    words = ("explain", folder, "--event", 1, "--video", analysed.source, "--out", tmp_path / "out")
    status, out, err = typed(capsys, *words)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "is damaged" in err
    assert "run `fleeting analyze` again" in err


def test_a_video_gives_the_same_as_its_analysis(analysed):
    video = fleeting.explain(analysed.source, event=1)
    again = fleeting.explain(analysed.folder, event=1)
    assert again.probabilities == pytest.approx(video.probabilities, abs=0.03)
    assert np.abs(again.clip.frames.astype(int) - video.clip.frames).mean() < 0.5
    with pytest.raises(OptionError, match="has no event 2"):
        fleeting.explain(analysed.source, event=2)


def untrained(name, path, *modalities):
    """Weights of a fresh network, as a file that `fleeting train` might have written."""
    shapes, options = small(name)
    state = fitted(build(name, 3, shapes, options, seed=0), 100.0, len(shapes)).state()
    pairs = zip(modalities, shapes, strict=True)
    inputs = tuple(InputFacts(modality=modality, shape=shape) for modality, shape in pairs)
    write_weights(path, facts_of(name, shapes, inputs=inputs, options=options), state)
    return path


def test_a_covered_face_stays_covered(analysed, tmp_path):
    folder = shutil.copytree(analysed.folder, tmp_path / "covered")
    summary = json.loads((folder / "summary.json").read_text())
    summary["settings"]["blur"] = True
    (folder / "summary.json").write_text(json.dumps(summary))
    found = fleeting.explain(folder, tmp_path / "out", event=1, video=analysed.source)
    assert found.clip is None
    assert np.ptp(found.under) == 0
    assert len(found.pictures) == 1
    network = untrained("meganet", tmp_path / "weights.safetensors", "apex")
    fine = fleeting.explain(analysed.folder, event=1, weights=network)
    coarse = fleeting.explain(folder, event=1, weights=network, video=analysed.source)
    assert [look.values.shape for look in fine.looks if look.name == "attention"] == [(64, 64)]
    assert max(max(look.values.shape) for look in coarse.looks) < 28
    assert any("face could be made out" in note for note in coarse.notes)
    both = untrained("inception-cbam-vit", tmp_path / "both.safetensors", "apex", "region-map")
    tiled = fleeting.explain(folder, event=1, weights=both, video=analysed.source)
    assert tiled.over == "input region-map", "the other input is a picture of the face"


def test_recordings_and_models_that_are_not_there(analysed, tmp_path):
    folder = shutil.copytree(analysed.folder, tmp_path / "alone")
    with pytest.raises(VideoError, match="is not found; name it with --video"):
        fleeting.explain(folder, event=1)
    (tmp_path / "other.mp4").write_bytes(analysed.source.read_bytes() + b"0")
    with pytest.raises(VideoError, match=r"is not the drawn\.mp4 that was analysed"):
        fleeting.explain(folder, event=1, video=tmp_path / "other.mp4")
    with pytest.raises(OptionError, match="has no event 2; it has 1 to 1"):
        fleeting.explain(folder, event=2)
    events = json.loads((folder / "events.json").read_text())
    (folder / "events.json").write_text(json.dumps([{**events[0], "kind": "macro"}]))
    with pytest.raises(OptionError, match="gets no class"):
        fleeting.explain(folder, event=1, video=analysed.source)
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps({**summary, "model": "mine"}))
    with pytest.raises(OptionError, match="was made with the model mine; name its file with --weights"):
        of_analysis(folder, 1, None, None)
