"""Pretrained weights of other projects: taken by their published names, refused where they do not fit."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save, save_file

from fleeting.benchmark.run import run
from fleeting.errors import OptionError, RunError, WeightsError
from fleeting.experiments.recipe import read_recipe
from fleeting.models import build, sha256_of

SHAPES = [(3, 32, 32)]
NARROW = {"resnet18": {"width": 0.0625}, "vit": {"dim": 16, "depth": 1, "heads": 2, "mlp": 16}}


def network(name="resnet18", classes=3, seed=0, pretrained="", shapes=SHAPES):
    return build(name, classes, shapes, NARROW[name], seed, str(pretrained))


def state_of(name="resnet18", classes=3, seed=7):
    return {key: tensor.clone() for key, tensor in network(name, classes, seed).state_dict().items()}


def written(folder, state, name="weights.pth"):
    path = folder / name
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def same(model, state, but=()):
    return all(torch.equal(t, state[key]) for key, t in model.state_dict().items() if key not in but)


def refusal(path, **changes):
    with pytest.raises(WeightsError) as refused:
        network(pretrained=path, **changes)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", ["resnet18", "vit"])
@pytest.mark.parametrize("file", ["w.safetensors", "w.pth", "w.pt"])
def test_a_network_starts_from_weights_of_its_names(name, file, tmp_path):
    state = state_of(name)
    assert same(network(name, pretrained=written(tmp_path, state, file)), state)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: {"state_dict": state, "epoch": 90, "best": 0.7},
        lambda state: {"model": state},
        lambda state: {f"module.{key}": tensor for key, tensor in state.items()},
        lambda state: {"state_dict": {f"module.{key}": tensor for key, tensor in state.items()}},
        lambda state: {key: t.half() if t.is_floating_point() else t for key, t in state.items()},
        lambda state: {key: t for key, t in state.items() if "num_batches_tracked" not in key},
    ],
    ids=["state_dict", "model", "parallel", "both", "half", "before num_batches_tracked"],
)
def test_what_people_wrap_around_weights_is_understood(wrapped, tmp_path):
    state = state_of()
    model = network(pretrained=written(tmp_path, wrapped(state)))
    for key, tensor in model.state_dict().items():
        if "num_batches_tracked" not in key:
            torch.testing.assert_close(tensor, state[key], rtol=1e-3, atol=1e-4)


def test_the_names_of_published_vit_weights_are_the_older_ones(tmp_path):
    state = state_of("vit")
    older = {
        k.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): t
        for k, t in state.items()
    }
    assert set(older) != set(state)
    assert same(network("vit", pretrained=written(tmp_path, older)), state)


@pytest.mark.parametrize(("name", "head"), [("resnet18", "fc."), ("vit", "heads.head.")])
def test_a_head_for_other_classes_starts_fresh_and_nothing_else_does(name, head, tmp_path):
    state = state_of(name, classes=1000)
    model = network(name, pretrained=written(tmp_path, state))
    names = {key for key in state if key.startswith(head)}
    assert len(names) == 2
    assert same(model, state, but=names)
    assert all(torch.equal(model.state_dict()[key], network(name).state_dict()[key]) for key in names)


def test_weights_we_kept_ourselves_are_taken_without_their_scaling(tmp_path):
    state = state_of()
    kept = {**state, "input.0.mean": torch.zeros(1, 3, 1, 1), "input.0.deviation": torch.ones(1, 3, 1, 1)}
    assert same(network(pretrained=written(tmp_path, kept, "weights.safetensors")), state)


def test_other_channels_are_refused(tmp_path):
    words = refusal(written(tmp_path, state_of()), shapes=[(2, 32, 32)])
    assert "conv1.weight is (4, 3, 7, 7) there and (4, 2, 7, 7) here" in words


def test_weights_of_another_model_are_refused_by_the_first_few_names(tmp_path):
    words = refusal(written(tmp_path, state_of("vit")))
    assert "missing: conv1.weight" in words
    assert "unknown: class_token" in words
    assert "more" in words
    assert len(words) < 500


def test_another_side_of_a_model_with_learnt_positions_is_refused(tmp_path):
    path = written(tmp_path, state_of("vit"))
    with pytest.raises(
        WeightsError, match=r"encoder.pos_embedding is \(1, 5, 16\) there and \(1, 10, 16\) here"
    ):
        network("vit", pretrained=path, shapes=[(3, 48, 48)])


@given(st.sets(st.integers(0, 121), min_size=1, max_size=6), st.booleans())
@settings(max_examples=20, deadline=None)
def test_any_lost_or_renamed_weight_is_told(tmp_path_factory, rows, renamed):
    state = state_of()
    chosen = [key for row, key in enumerate(state) if row in rows and "num_batches" not in key]
    for key in chosen:
        tensor = state.pop(key)
        if renamed:
            state[f"other.{key}"] = tensor
    path = written(tmp_path_factory.mktemp("lost"), state, "w.safetensors")
    if not chosen:
        assert network(pretrained=path)
        return
    words = refusal(path)
    assert f"missing: {chosen[0]}" in words
    assert ("unknown: other." in words) == renamed


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize(
    "wrapped", [Bomb(), {"conv1.weight": Bomb()}, {"state_dict": {"conv1.weight": Bomb()}}]
)
@pytest.mark.parametrize("plain", [False, True])
def test_a_pickle_that_would_run_code_is_refused_unrun(wrapped, plain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    if plain:
        path.write_bytes(pickle.dumps(wrapped))
    else:
        torch.save(wrapped, path)
    assert "holds more than weights" in refusal(path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@given(share=st.floats(0, 1, exclude_max=True))
@settings(max_examples=15, deadline=None)
def test_a_file_that_was_cut_is_refused(suffix, share, tmp_path_factory):
    path = written(tmp_path_factory.mktemp("cut"), state_of("vit"), f"weights{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "damaged" in refusal(path)


@given(content=st.binary(max_size=300), suffix=st.sampled_from([".pth", ".pt", ".safetensors"]))
@settings(max_examples=40, deadline=None)
def test_any_bytes_are_refused_in_a_line(content, suffix, tmp_path_factory):
    path = tmp_path_factory.mktemp("bytes") / f"weights{suffix}"
    path.write_bytes(content)
    refusal(path)


def odd(folder):
    """Files that hold something, but no weights that could be taken."""
    state, key = state_of(), "conv1.weight"
    sparse = torch.eye(3).to_sparse()
    yield written(folder, {**state, "epoch": 3}, "a.pth"), "'epoch', which is no array"
    yield written(folder, {**state, 5: state[key]}, "b.pth"), "5, which is no array"
    yield written(folder, {**state, key: sparse}, "c.pth"), "which is no array"
    yield written(folder, {**state, key: state[key].to(torch.complex64)}, "d.pth"), "which is no array"
    yield written(folder, {**state, key: torch.empty(4, 3, 7, 7, device="meta")}, "e.pth"), "no array"
    yield written(folder, {**state, key: state[key] / 0}, "f.pth"), "conv1.weight holds NaN or infinity"
    yield written(folder, [state[key]], "g.pth"), "holds no weights by name"
    yield written(folder, {}, "h.pth"), "holds no weights by name"
    yield written(folder, {"state_dict": {}}, "i.pth"), "holds no weights by name"
    yield written(folder, torch.zeros(3), "j.pth"), "holds no weights by name"
    yield written(folder, state, "k.ckpt"), "expected .safetensors, .pth or .pt"
    yield folder / "missing.pth", "cannot be read"
    yield folder / "missing.safetensors", "cannot be read"
    (folder / "folder.pth").mkdir()
    yield folder / "folder.pth", "cannot be read"
    (folder / "folder.safetensors").mkdir()
    yield folder / "folder.safetensors", "cannot be read"
    with zipfile.ZipFile(folder / "zip.pth", "w") as archive:
        archive.writestr("some/data.pkl", b"text")
    yield folder / "zip.pth", "damaged"
    buffer = io.BytesIO()
    torch.save(state, buffer)
    (folder / "wrong.safetensors").write_bytes(buffer.getvalue())
    yield folder / "wrong.safetensors", "damaged"
    (folder / "wrong.pth").write_bytes(save(state))
    yield folder / "wrong.pth", "damaged"


def test_odd_files_are_refused_with_what_is_odd(tmp_path):
    for path, words in odd(tmp_path):
        assert words in refusal(path)


def test_a_model_that_learns_in_one_go_takes_none(tmp_path):
    path = written(tmp_path, state_of())
    with pytest.raises(OptionError, match="learns in one go"):
        build("linear-flow", 3, [(3, 28, 28)], {}, 0, str(path))


@pytest.mark.slow
def test_a_recipe_names_the_file_and_a_run_tells_of_it(tmp_path):
    changes = ["protocol.name=kfold", "protocol.folds=2", "training.epochs=1", "training.keep_weights=true"]
    first = run(read_recipe("drawn/ststnet", changes=changes), {}, tmp_path / "first")
    kept = next((first.path / "folds").glob("*/weights.safetensors"))
    again = [*changes[:3], f"model.pretrained={kept}"]
    second = run(read_recipe("drawn/ststnet", changes=again), {}, tmp_path / "second")
    assert second.experiment.model.pretrained == str(kept)
    assert second.scores["pretrained"] == {"file": str(kept), "fresh_head": False}
    environment = (second.path / "environment.json").read_text()
    assert sha256_of(kept) in environment
    page = (second.path / "report.html").read_text()
    assert kept.name in page
    assert "its head with them" in page
    assert (first.path / "predictions.csv").read_text() != (second.path / "predictions.csv").read_text()


def test_another_file_is_another_run(tmp_path):
    changes = ["protocol.name=kfold", "protocol.folds=2", "training.epochs=1"]
    path, out = tmp_path / "w.safetensors", tmp_path / "out"
    experiment = read_recipe("drawn/ststnet", changes=[*changes, f"model.pretrained={path}"])
    with pytest.raises(WeightsError, match="cannot be read"):
        run(experiment, {}, out)
    assert not out.exists()
    save_file(build("ststnet", 5, [(3, 28, 28)], {}, 1).state_dict(), path)
    done = run(experiment, {}, out)
    assert done.scores["pretrained"]["fresh_head"]
    assert "a head at random" in (out / "report.html").read_text()
    save_file(build("ststnet", 5, [(3, 28, 28)], {}, 2).state_dict(), path)
    with pytest.raises(RunError, match="begun with other pretrained"):
        run(experiment, {}, out)


@pytest.mark.parametrize("name", ["~nobody123/weights.pth", "a\0.pth"])
def test_a_path_that_cannot_be_is_refused(name):
    with pytest.raises(WeightsError, match="cannot be read"):
        sha256_of(Path(name))


def test_home_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    state = state_of()
    written(tmp_path, state)
    assert same(network(pretrained=Path("~/weights.pth")), state)
    assert sha256_of(Path("~/weights.pth")) == sha256_of(tmp_path / "weights.pth")
