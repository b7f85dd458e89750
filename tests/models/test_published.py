"""Published weights: found by their names in one folder, checked by the digits in them, never fetched."""

import hashlib

import pytest
import torch

import fleeting
from fleeting.errors import OptionError, WeightsError
from fleeting.experiments.recipe import read_recipe
from fleeting.models import Published, build, models, published, weights_file, weights_folder
from tests.fixtures.command import typed

SHAPES = [(3, 32, 32)]
NARROW = {"width": 0.0625}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FLEETING_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def fabricated(folder, monkeypatch, classes=1000):
    """A file of the shapes of a narrow resnet18, named after its hash and listed as if it were published."""
    state = build("resnet18", classes, SHAPES, NARROW, 7).state_dict()
    torch.save(state, folder / "made.pth")
    digits = hashlib.sha256((folder / "made.pth").read_bytes()).hexdigest()[:8]
    path = (folder / "made.pth").rename(folder / f"resnet18-{digits}.pth")
    made = Published(path.name, f"https://example.org/{path.name}", "torchvision")
    monkeypatch.setitem(published, "resnet18", (made,))
    return path, state


def test_every_network_that_is_listed_exists_and_every_file_names_its_digits():
    for model, files in published.items():
        assert model in models
        assert all(len(one.digits) == 8 and one.address.endswith(f"/{one.file}") for one in files)
    names = [one.file for files in published.values() for one in files]
    assert len(names) == len(set(names)) >= 7
    with pytest.raises(OptionError, match="digits"):
        _ = Published("resnet18.pth", "https://example.org/resnet18.pth", "somebody").digits


def test_imagenet_starts_from_the_file_that_is_here(folder, monkeypatch):
    _, state = fabricated(folder, monkeypatch)
    model = build("resnet18", 3, SHAPES, NARROW, 0, "imagenet")
    own = model.state_dict()
    assert all(torch.equal(own[name], state[name]) for name in own if not name.startswith("fc."))
    assert own["fc.weight"].shape == (3, state["fc.weight"].shape[1])


def test_what_is_missing_is_told_with_file_address_folder_and_command(folder):
    with pytest.raises(WeightsError) as refused:
        build("resnet18", 3, SHAPES, NARROW, 0, "imagenet")
    for words in (
        "resnet18-f37072fd.pth",
        "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        str(folder),
        "fleeting weights",
    ):
        assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_with_another_hash_than_its_name_says_is_refused(folder, monkeypatch, capsys):
    path, _ = fabricated(folder, monkeypatch)
    rows = {row["file"]: row["state"] for row in fleeting.weights()}
    assert rows[path.name] == "whole"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(WeightsError, match="another SHA-256"):
        weights_file("resnet18", "imagenet")
    status, printed, _ = typed(capsys, "weights")
    assert status == 1
    (line,) = [line for line in printed.splitlines() if path.name in line]
    assert "damaged" in line


def test_a_network_without_published_weights_and_an_estimator_are_refused(folder):
    with pytest.raises(OptionError, match="no weights are published for ststnet"):
        build("ststnet", 3, [(3, 28, 28)], {}, 0, "imagenet")
    with pytest.raises(OptionError, match=r"leave model\.pretrained out"):
        build("linear-flow", 3, [(3, 28, 28)], {}, 0, "imagenet")


def test_where_files_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("FLEETING_WEIGHTS", str(tmp_path / "mine"))
    assert weights_folder() == tmp_path / "mine"
    monkeypatch.delenv("FLEETING_WEIGHTS")
    monkeypatch.setenv("FLEETING_CACHE", str(tmp_path / "cache"))
    assert weights_folder() == tmp_path / "cache" / "weights"
    monkeypatch.setenv("FLEETING_CACHE", "off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "usual"))
    assert weights_folder() == tmp_path / "usual" / "fleeting" / "weights"


def test_the_command_lists_files_addresses_and_the_folder(folder, capsys):
    status, printed, said = typed(capsys, "weights")
    assert (status, said) == (0, "")
    assert str(folder) in printed
    for row in fleeting.weights():
        assert row["state"] == "missing"
        assert row["file"] in printed
        assert row["address"] in printed


@pytest.mark.slow
def test_a_run_says_from_which_file_its_network_began(folder, monkeypatch, tmp_path):
    path, _ = fabricated(folder, monkeypatch)
    changes = ["model.name=resnet18", "model.size=32", "model.width=0.0625", "model.pretrained=imagenet"]
    experiment = read_recipe("drawn/ststnet", changes=[*changes, "training.epochs=1", "protocol.name=kfold"])
    done = fleeting.run(experiment, out=tmp_path / "run")
    assert done.scores["pretrained"] == {"file": path.name, "fresh_head": True}
    assert path.name in (done.path / "report.html").read_text()
    path.unlink()
    with pytest.raises(WeightsError, match="fleeting weights"):
        fleeting.run(experiment, out=tmp_path / "run")
