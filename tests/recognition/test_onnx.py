"""Export to ONNX: the file alone gives the recogniser's probabilities, and its metadata say what it is."""

from __future__ import annotations

import json
import pickle
import shutil

import numpy as np
import onnxruntime
import pytest

import fleeting
from fleeting.benchmark.training_inputs import training_inputs
from fleeting.cli import main
from fleeting.datasets import datasets
from fleeting.errors import OptionError, OutputError, UnknownNameError, WeightsError
from fleeting.experiments.recipe import read_recipe
from fleeting.recognition import onnx
from fleeting.recognition.recogniser import SHIPPED, Recogniser
from tests.fixtures.command import typed

FEW_FOLDS = ("protocol.name=kfold", "protocol.folds=2", "training.epochs=2", "training.device=cpu")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A folder with the weights of a network."""
    folder = tmp_path_factory.mktemp("network")
    fleeting.train(read_recipe("drawn/ststnet", changes=FEW_FOLDS), {}, folder)
    return folder


@pytest.fixture(scope="module")
def maps():
    """Drawn motion maps, and one of a still clip: (7, 3, 28, 28)."""
    dataset = datasets["drawn"]
    moving = [dataset.ready_array(None, sample, "flow-map") for sample in dataset.samples(None)[::20]]
    still = np.stack([np.full((28, 28), rest, np.float32) for rest in (127.5, 127.5, 0)])
    return np.stack([*moving, still])


def opened(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.slow
def test_a_networks_file_says_what_the_recogniser_says(network, maps):
    done = fleeting.export_onnx(network)
    assert done.path == network / "weights.onnx"
    assert done.difference < 1e-4
    found = opened(done.path).run(None, {"maps": maps})[0]
    np.testing.assert_allclose(found, Recogniser.load(network).probabilities([maps]), atol=1e-5)


@pytest.mark.slow
def test_beside_its_weights_it_runs_in_their_stead(network, maps, tmp_path):
    copied = shutil.copytree(network, tmp_path / "copied", ignore=shutil.ignore_patterns("*.onnx"))
    before = Recogniser.load(copied)
    assert before.runtime == "own"
    fleeting.export_onnx(copied)
    now = Recogniser.load(copied)
    assert now.runtime == "onnx"
    np.testing.assert_allclose(now.predict([maps]), before.predict([maps]), atol=1e-5)
    again = pickle.loads(pickle.dumps(now))
    np.testing.assert_array_equal(again.predict([maps]), now.predict([maps]))
    assert fleeting.export_onnx(copied, replace=True).difference > 0, "compared with itself, not with torch"


@pytest.mark.slow
def test_a_file_of_other_weights_or_a_broken_one_is_passed_over(network, tmp_path):
    copied = shutil.copytree(network, tmp_path / "copied", ignore=shutil.ignore_patterns("*.onnx"))
    fleeting.export_onnx(SHIPPED, copied / "weights.onnx")
    assert Recogniser.load(copied).runtime == "own"
    (copied / "weights.onnx").write_bytes(b"no such file")
    assert Recogniser.load(copied).runtime == "own"


@pytest.mark.slow
def test_in_8_bit_integers_it_is_smaller_and_says_nearly_the_same(tmp_path, capsys):
    few = ("protocol.name=kfold", "protocol.folds=2", "training.device=cpu")
    recipe = read_recipe("drawn/ststnet", changes=few)
    fleeting.train(recipe, {}, tmp_path / "mine")
    whole = fleeting.export_onnx(tmp_path / "mine", tmp_path / "whole.onnx").path
    shown = training_inputs(tmp_path / "mine", {}, lambda *_: None)
    done = fleeting.export_onnx(tmp_path / "mine", shown=shown)
    assert done.alike >= 0.95
    assert 1e-6 < done.difference < 0.5
    assert done.path.read_bytes() != whole.read_bytes()
    now = Recogniser.load(tmp_path / "mine")
    assert now.runtime == "onnx"
    found = now.probabilities([array[:50] for array in shown])
    expected = opened(whole).run(None, {"maps": shown[0][:50]})[0]
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.9
    words = ("export", tmp_path / "mine", "--out", tmp_path / "again.onnx", "--int8", "drawn=.", "--json")
    status, said, _ = typed(capsys, *words)
    assert status == 0
    assert json.loads(said)["alike"] == done.alike
    assert (tmp_path / "again.onnx").read_bytes() == done.path.read_bytes()
    with pytest.raises(OptionError, match="at least 20"):
        fleeting.export_onnx(tmp_path / "mine", shown=[array[:5] for array in shown], replace=True)


@pytest.mark.slow
def test_so_does_the_shipped_recognisers_file(maps, tmp_path):
    done = fleeting.export_onnx(SHIPPED, tmp_path / "new" / "file.onnx")
    found = opened(done.path).run(None, {"maps": maps})[0]
    np.testing.assert_allclose(found, Recogniser.load(SHIPPED).probabilities([maps]), atol=1e-5)


@pytest.mark.slow
def test_the_file_says_what_it_is(network):
    path = fleeting.export_onnx(network).path
    recogniser = Recogniser.load(network)
    said = opened(path).get_modelmeta().custom_metadata_map
    assert json.loads(said["classes"]) == list(recogniser.classes)
    assert json.loads(said["inputs"])[0]["modality"] == "flow-map"
    assert json.loads(said["view"])["height"] == recogniser.view.height
    assert float(said["unsure_up_to"]) == recogniser.facts.calibration.threshold
    assert said["weights_sha256"] == recogniser.sha256
    assert said["project"].startswith("fleeting ")
    assert "research" in said["use"]


@pytest.mark.slow
def test_the_same_weights_give_the_same_file(network, tmp_path):
    first, second = (fleeting.export_onnx(network, tmp_path / name).path for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
def test_a_file_with_other_answers_is_not_written(network, tmp_path, monkeypatch):
    right = onnx.run
    monkeypatch.setattr(onnx, "run", lambda *given: right(*given)[:, ::-1])
    with pytest.raises(WeightsError, match="nothing was written"):
        fleeting.export_onnx(network, tmp_path / "wrong.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_cannot_be_written_is_refused(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        fleeting.export_onnx(SHIPPED, blocked / "model.onnx")
    with pytest.raises(UnknownNameError, match="recogniser"):
        fleeting.export_onnx("nobody")


def test_the_command(network, tmp_path, capsys):
    out = tmp_path / "model.onnx"
    with pytest.raises(SystemExit) as end:
        main(["export", str(network), "--to", "onnx", "--out", str(out), "--json"])
    printed = capsys.readouterr()
    assert end.value.code == 0
    assert printed.err == ""
    assert json.loads(printed.out)["path"] == str(out)
    assert out.exists()
