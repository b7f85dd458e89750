"""Weights trained on all clips, whose score and calibration come from the recipe's cross-validation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fleeting
from fleeting.cli import main
from fleeting.datasets import datasets
from fleeting.errors import LeakError, OptionError, OutputError, RunError
from fleeting.experiments.recipe import read_recipe
from fleeting.recognition.calibration import calibrate
from fleeting.recognition.card import card
from fleeting.recognition.recogniser import SHIPPED, Recogniser
from fleeting.recognition.weights import read_weights

KFOLD = ("protocol.name=kfold", "protocol.folds=3")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    experiment = read_recipe("drawn/linear-flow", changes=KFOLD)
    return fleeting.train(experiment, {}, tmp_path_factory.mktemp("deployed"))


def test_the_folder_holds_weights_card_and_run(trained):
    folder = trained.path.parent
    seen = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert seen == {"weights.safetensors", "README.md", "run"}
    assert read_weights(trained.path).facts == trained.weights.facts
    assert (folder / "README.md").read_text() == card(trained.weights.facts, trained.weights.sha256)


def test_score_and_calibration_are_those_of_the_clean_run(trained):
    facts, run = trained.weights.facts, trained.run
    assert facts.clean.uf1 == run.scores["clean"]["uf1"]
    assert facts.clean.n == facts.calibration.sure.n == facts.data.samples == 120
    assert facts.calibration == calibrate(run.by_seed[0])
    assert facts.protocol == "kfold"


def test_the_model_learnt_from_everybody(trained):
    recogniser = Recogniser.load(trained.path.parent)
    dataset = datasets["drawn"]
    samples = dataset.samples(Path())
    maps = np.stack([dataset.ready_array(Path(), s, "flow-map") for s in samples])
    labels = np.array([recogniser.classes.index(s.label) for s in samples])
    from fleeting.models.linear_flow import LinearFlow

    own = LinearFlow(3)
    own.fit([maps], labels, 0)
    np.testing.assert_allclose(recogniser.predict([maps]), own.probabilities([maps]), rtol=1e-9)


def test_a_check_of_how_usual_a_map_is_comes_with_weights_on_motion_maps(trained):
    recogniser, check = Recogniser.load(trained.path.parent), trained.weights.facts.check
    assert check.passed["all"] == pytest.approx(1 - check.least, abs=0.02)
    noise = np.random.default_rng(0).uniform(0, 255, (20, 3, 28, 28)).astype(np.float32)
    assert (recogniser.typicality.of([noise]) < check.least).all()
    text = card(trained.weights.facts, "0" * 64)
    assert "none of these" in text
    older = card(trained.weights.facts.model_copy(update={"check": None}), "0" * 64)
    assert "know nothing of what such a movement looks like" in older


def test_the_card_says_whether_a_temperature_is_applied(trained):
    facts = trained.weights.facts
    for temperature, words in ((1.0, "softened (not done)"), (1.5, "softened by temperature 1.500")):
        calibration = replace(facts.calibration, temperature=temperature)
        assert words in card(facts.model_copy(update={"calibration": calibration}), "0" * 64)


def test_trained_again_it_is_the_same_to_the_byte_and_finds_its_run(trained, tmp_path):
    again = fleeting.train(read_recipe("drawn/linear-flow", changes=KFOLD), {}, tmp_path)
    assert again.path.read_bytes() == trained.path.read_bytes()
    kept = trained.run.path / "folds" / "fold-1" / "fold.json"
    before = kept.stat().st_mtime_ns
    fleeting.train(read_recipe("drawn/linear-flow", changes=KFOLD), {}, trained.path.parent)
    assert kept.stat().st_mtime_ns == before


def test_the_recipe_inside_trains_them_again(trained, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(trained.weights.facts.recipe)
    again = fleeting.train(read_recipe(recipe), {}, tmp_path / "again")
    assert again.path.read_bytes() == trained.path.read_bytes()


@pytest.mark.slow
def test_a_network_predicts_the_same_from_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changes = [*KFOLD, "training.epochs=2", "training.seeds=2", "training.device=cpu"]
    out = tmp_path / "net.safetensors"
    done = fleeting.train(read_recipe("drawn/ststnet", changes=changes), {}, out)
    assert done.path == out
    assert not list(tmp_path.glob("*.md"))
    assert done.run.path.parent == Path("runs")
    assert len(done.run.by_seed) == 1
    assert done.run.scores["oracle"] is None
    recogniser = Recogniser.load(out)
    array = datasets["drawn"].ready_array(Path(), datasets["drawn"].samples(Path())[0], "flow-map")
    chances = recogniser.probabilities([array[None]])
    assert chances.shape == (1, 3)
    assert np.isfinite(chances).all()


def test_refusals_leave_nothing(tmp_path):
    def refused(error, match, *changes, **how):
        out = tmp_path / "out"
        with pytest.raises(error, match=match):
            fleeting.train(read_recipe("drawn/linear-flow", changes=changes), {}, out, **how)
        assert not out.exists()

    refused(LeakError, "shares subjects", "protocol.name=holdout-clips")
    refused(OptionError, "shuffle_labels", "data.shuffle_labels=true")
    refused(OptionError, "between 0 and 1", sure=1.5)


def test_a_readme_of_others_is_left_alone(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(OutputError, match=r"README\.md', which was not written for this"):
        fleeting.train(read_recipe("drawn/linear-flow"), {}, tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_another_experiments_folder_is_refused(trained):
    with pytest.raises(RunError, match="another experiment"):
        fleeting.train(read_recipe("drawn/linear-flow"), {}, trained.path.parent)


def test_the_card_says_what_it_must(trained):
    text = card(trained.weights.facts, "0" * 64)
    for words in (
        "no score of their own",
        "Not for lie detection",
        "not on your video",
        "cross-fitted",
        "drawn",
    ):
        assert words in text
    assert "\n\n\n" not in text
    tables = [part.splitlines() for part in text.split("\n\n") if part.startswith("|")]
    assert len(tables) == 4
    assert all(len({row.count("|") for row in rows}) == 1 for rows in tables)


def test_the_command(tmp_path, capsys):
    words = ["train", "drawn/linear-flow", "--out", str(tmp_path), "--sure", "0.9"]
    words += [part for change in KFOLD for part in ("--set", change)]
    with pytest.raises(SystemExit) as end:
        main(words)
    printed = capsys.readouterr()
    assert end.value.code == 0
    assert "no score of its own" in printed.out
    assert printed.err == ""
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert facts["path"] == str(tmp_path / "weights.safetensors")
    assert facts["calibration"]["target"] == 0.9
    assert facts["sha256"] == read_weights(tmp_path / "weights.safetensors").sha256


@pytest.mark.slow
def test_the_shipped_weights_are_those_of_their_recipe(maps, tmp_path):
    """Coefficients to 6 digits: another processor adds in another order."""
    done = fleeting.train(read_recipe("megc2019/symmetric-flow"), {"megc2019-flow": maps}, tmp_path)
    shipped = Recogniser.load(SHIPPED)
    ours, theirs = done.weights.facts, shipped.facts
    assert ours.data == theirs.data
    recipes = [tmp_path / name for name in ("ours.toml", "theirs.toml")]
    for path, facts in zip(recipes, (ours, theirs), strict=True):
        path.write_text(facts.recipe, encoding="utf-8")
    assert read_recipe(recipes[0]) == read_recipe(recipes[1])  # an older text lacks keys that are at rest
    assert (ours.clean.uf1, ours.clean.uar) == pytest.approx((theirs.clean.uf1, theirs.clean.uar))
    assert ours.calibration.threshold == pytest.approx(theirs.calibration.threshold, rel=1e-5)
    assert theirs.clean.uf1 == pytest.approx(0.7573, abs=5e-5)
    dataset = datasets["megc2019-flow"]
    samples = dataset.samples(maps)[::20]
    arrays = [np.stack([dataset.ready_array(maps, sample, "flow-map") for sample in samples])]
    np.testing.assert_allclose(Recogniser.load(done.path).predict(arrays), shipped.predict(arrays), rtol=1e-6)
