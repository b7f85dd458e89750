"""Whole runs: every executor gives the same numbers, a killed run goes on, no test clip is trained on."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from PIL import Image, ImageOps

import fleeting
from fleeting.datasets import datasets
from fleeting.errors import (
    DamagedDataError,
    DatasetError,
    FleetingError,
    FoldError,
    OptionError,
    OutputError,
    RunError,
    ScoreError,
    UnknownNameError,
)
from fleeting.experiments.recipe import read_recipe
from fleeting.protocols import protocols
from fleeting.registry import Registry
from fleeting.scoring import megc_log
from fleeting.types import Fold
from tests.fixtures.processes import alive_in_group, children, wait_until

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make

SMALL = ("training.epochs=2", "protocol.name=kfold", "protocol.folds=3")


def small(recipe="drawn/ststnet", *changes):
    return read_recipe(recipe, changes=[*SMALL, *changes])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small run, finished."""
    return fleeting.run(small(), {}, tmp_path_factory.mktemp("runs") / "finished")


def predictions(run):
    return (run.path / "predictions.csv").read_bytes()


def test_a_run_leaves_all_it_promises(finished):
    names = {path.name for path in finished.path.iterdir()}
    promised = {"experiment.toml", "environment.json", "predictions.csv", "scores.json", "log.txt"}
    assert promised | {"report.html", "folds"} <= names
    assert finished.scores["folds"] == 3
    assert finished.scores["clean"]["n"] == 120
    assert finished.scores["shared"] is None
    assert finished.scores["oracle"]["accuracy"] >= finished.scores["clean"]["accuracy"]
    assert finished.scores["seconds"] > 0
    assert finished.scores["peak_memory_mb"] > 50
    assert finished.scores["cpu_percent"] > 0
    environment = json.loads((finished.path / "environment.json").read_text())
    assert environment["seed"] == 0
    assert environment["threads"] == 1
    assert environment["identity"]["torch"]


def test_scores_are_those_of_the_predictions_and_the_log(finished):
    from_csv, _ = megc_log.score_log(finished.path / "predictions.csv")
    from_log, _ = megc_log.score_log(finished.path / "log.txt")
    assert from_csv.uf1 == from_log.uf1 == finished.scores["clean"]["uf1"]
    rows = (finished.path / "predictions.csv").read_text().splitlines()
    assert rows[0] == "id,dataset,subject,fold,truth,predicted,p_0,p_1,p_2"
    assert rows[1:] == sorted(rows[1:])


def test_serial_and_processes_predict_the_same(finished, tmp_path):
    other = fleeting.run(small(), {}, tmp_path / "run", executor="processes", workers=2)
    assert predictions(other) == predictions(finished)
    assert other.scores["oracle"] == finished.scores["oracle"]


def test_the_oracle_is_only_watched(finished, tmp_path):
    blind = fleeting.run(small("drawn/ststnet", "training.trace_oracle=false"), {}, tmp_path / "run")
    assert predictions(blind) == predictions(finished)
    assert blind.scores["oracle"] is None


def test_a_run_replays_from_its_own_experiment(finished, tmp_path):
    again = fleeting.run(read_recipe(finished.path / "experiment.toml"), {}, tmp_path / "run")
    assert predictions(again) == predictions(finished)


def test_started_again_it_does_only_what_is_missing(finished, tmp_path):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    kept = folder / "folds" / "fold-1" / "fold.json"
    before = kept.stat().st_mtime_ns
    shutil.rmtree(folder / "folds" / "fold-2")
    (folder / "scores.json").unlink()
    done = []
    again = fleeting.run(small(), {}, folder, progress=lambda what, n, of: done.append((what, n, of)))
    assert [step for step in done if step[0] == "training"] == [("training", 2, 3), ("training", 3, 3)]
    assert kept.stat().st_mtime_ns == before
    assert predictions(again) == predictions(finished)


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_killed_in_the_middle_and_started_again_it_predicts_the_same(executor, tmp_path):
    changes = ["training.epochs=12"]
    whole = fleeting.run(read_recipe("drawn/ststnet", changes=changes), {}, tmp_path / "whole")
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "fleeting", "run", "drawn/ststnet", "--set", changes[0]]
    command += ["--out", str(folder), "--executor", executor, "--workers", "2"]
    victim = subprocess.Popen(command, start_new_session=True)
    wait_until(lambda: 2 <= len(finished_folds(folder)) < 10, victim)
    os.kill(victim.pid, signal.SIGKILL)  # the workers are left to notice by themselves
    victim.wait()
    wait_until(lambda: not alive_in_group(victim.pid))
    assert 2 <= len(finished_folds(folder)) < 10
    assert not (folder / "scores.json").exists()
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert (folder / "predictions.csv").read_bytes() == predictions(whole)
    assert len(list((folder / "folds").iterdir())) == 10, "nothing half-written is left"


def finished_folds(folder: Path):
    return [p for p in (folder / "folds").glob("*") if not p.name.startswith(".")] if folder.exists() else []


def test_interrupted_it_says_so_and_goes_on(tmp_path):
    command = [sys.executable, "-m", "fleeting", "run", "drawn/ststnet", "--out", str(tmp_path / "run")]
    command += ["--set", "training.epochs=12"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(finished_folds(tmp_path / "run")) >= 1, running)
    running.send_signal(signal.SIGINT)
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 130
    assert complaint.strip() == "fleeting: interrupted; give the same command again"
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_interrupted_it_does_not_wait_for_the_folds_in_flight(tmp_path):
    command = [sys.executable, "-m", "fleeting", "run", "drawn/ststnet", "--out", str(tmp_path / "run")]
    command += ["--set", "training.epochs=9000", "--executor", "processes", "--workers", "2"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_until(lambda: len(children(running.pid)) >= 2, running)
    running.send_signal(signal.SIGINT)
    _, complaint = running.communicate(timeout=60)  # a fold takes minutes
    assert running.returncode == 130
    assert "fleeting: interrupted; give the same command again\n" in complaint
    wait_until(lambda: not alive_in_group(running.pid))


def test_a_folder_of_another_experiment_is_refused(finished):
    with pytest.raises(RunError, match=r"training.lr is 0.001 there and 0.5 here; choose another --out"):
        fleeting.run(small("drawn/ststnet", "training.lr=0.5"), {}, finished.path)


def test_a_folder_that_is_no_run_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.doc.*--replace"):
        fleeting.run(small(), {}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_half_written_folder_is_continued(finished, tmp_path):
    (tmp_path / "run" / "folds" / ".fold-1.999999999").mkdir(parents=True)
    (tmp_path / "run" / ".environment.json.123").write_text("{")
    assert predictions(fleeting.run(small(), {}, tmp_path / "run")) == predictions(finished)


def damage(finished, tmp_path, which, change):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    path = folder / which
    change(path)
    return folder


@pytest.mark.parametrize("which", ["predictions.csv", "oracle.csv"])
@pytest.mark.parametrize(
    "change",
    [
        Path.unlink,
        lambda path: path.write_text("\n".join(path.read_text().splitlines()[:20])),
        lambda path: path.write_text(path.read_text().replace("drawn/p", "drawn/q")),
        lambda path: path.write_text(path.read_text().replace(",fold-1,0,", ",fold-1,1,")),
        lambda path: path.write_text("nonsense"),
    ],
    ids=["gone", "cut", "others", "other truths", "nonsense"],
)
def test_a_damaged_fold_is_never_scored_without_what_it_lost(finished, tmp_path, which, change):
    folder = damage(finished, tmp_path, f"folds/fold-1/{which}", change)
    before = (folder / "scores.json").read_bytes()
    with pytest.raises(RunError, match=r"fold-1.*delete .*fold-1 and run again|fold-1.*delete it"):
        fleeting.run(small(), {}, folder)
    assert (folder / "scores.json").read_bytes() == before


@pytest.mark.parametrize("which", ["environment.json", "cost.json"])
def test_a_damaged_file_of_a_run_is_named(finished, tmp_path, which):
    folder = damage(finished, tmp_path, which, lambda path: path.write_text("{"))
    with pytest.raises(RunError, match=which):
        fleeting.run(small(), {}, folder)


def test_folds_of_other_code_or_libraries_are_refused(finished, tmp_path):
    def older(path):
        facts = json.loads(path.read_text())
        facts["identity"]["code_sha256"] = "0" * 64
        path.write_text(json.dumps(facts))

    folder = damage(finished, tmp_path, "environment.json", older)
    with pytest.raises(RunError, match="begun with other code"):
        fleeting.run(small(), {}, folder)


def test_a_deleted_fold_is_made_again_even_if_it_was_the_only_one(tmp_path):
    recipe = read_recipe("drawn/linear-flow", changes=["protocol.name=holdout", "protocol.test_share=0.4"])
    before = predictions(fleeting.run(recipe, {}, tmp_path / "run"))
    shutil.rmtree(tmp_path / "run" / "folds" / "fold-1")
    assert predictions(fleeting.run(recipe, {}, tmp_path / "run")) == before


def test_the_order_of_changes_makes_no_other_experiment(finished, tmp_path):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    turned = read_recipe("drawn/ststnet", changes=[*reversed(SMALL), "training.seeds=1"])
    assert predictions(fleeting.run(turned, {}, folder)) == predictions(finished)


@pytest.mark.parametrize("text", ["{}", "[]", "null", '"a"', "{"])
@pytest.mark.parametrize("which", ["scores.json", "experiment.toml"])
def test_a_run_that_is_not_whole_is_no_run(finished, tmp_path, which, text):
    folder = damage(finished, tmp_path, which, lambda path: path.write_text(text))
    with pytest.raises(FleetingError, match=str(folder)):
        fleeting.report([folder])


@pytest.mark.parametrize("text", ['{"identity": []}', '{"identity": null}', "[]", "{"])
def test_an_environment_that_is_not_whole_is_refused(finished, tmp_path, text):
    folder = damage(finished, tmp_path, "environment.json", lambda path: path.write_text(text))
    with pytest.raises(RunError, match=r"environment\.json"):
        fleeting.run(small(), {}, folder)


def test_what_training_would_refuse_leaves_no_folder(tmp_path):
    for recipe, change in [
        ("drawn/linear-flow", "training.trace_oracle=true"),
        ("drawn/ststnet", "training.augment=['mirrr']"),
        ("drawn/ststnet", "training.augment=['rotate']"),
        ("drawn/ststnet", "model.size=56"),
        ("drawn/linear-flow", "model.strength=0.0"),
        ("drawn/linear-flow", "protocol.seed=-1"),
    ]:
        with pytest.raises(FleetingError, match=r";|did you mean"):
            fleeting.run(small(recipe, change), {}, tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_a_folder_without_a_finished_fold_takes_another_experiment(finished, tmp_path):
    folder = shutil.copytree(finished.path, tmp_path / "run")
    shutil.rmtree(folder / "folds")
    (folder / "scores.json").unlink()
    for left in ("predictions.csv", "log.txt", "report.html"):
        (folder / left).unlink()
    assert fleeting.run(small("drawn/ststnet", "training.lr=0.01"), {}, folder).scores["folds"] == 3


@pytest.fixture
def register(monkeypatch):
    """Makes a protocol known by a name until the test ends."""

    def known(name, protocol):
        before = Registry.__getitem__
        monkeypatch.setattr(
            Registry,
            "__getitem__",
            lambda registry, asked: (
                protocol if registry is protocols and asked == name else before(registry, asked)
            ),
        )

    return known


@pytest.mark.parametrize("names", [(".one", "two"), ("..", "two"), ("x" * 300, "two"), ("a/b", "a:b")])
def test_odd_fold_names_lose_nothing(names, tmp_path, register):
    def halves(samples):
        sides = [[s for s in samples if (int(s.subject[-2:]) % 2) == odd] for odd in (0, 1)]
        yield Fold(names[0], tuple(sides[0]), tuple(sides[1]))
        yield Fold(names[1], tuple(sides[1]), tuple(sides[0]))

    register("halves", halves)
    recipe = read_recipe("drawn/linear-flow", changes=["protocol.name=halves"])
    if names == ("a/b", "a:b"):
        with pytest.raises(FoldError, match="two folds are called"):
            fleeting.run(recipe, {}, tmp_path / "run")
    else:
        assert fleeting.run(recipe, {}, tmp_path / "run").scores["clean"]["n"] == 120


def test_a_protocol_without_folds_is_refused(tmp_path, register):
    register("none", lambda _: iter(()))
    with pytest.raises(FoldError, match="made no folds"):
        fleeting.run(read_recipe("drawn/linear-flow", changes=["protocol.name=none"]), {}, tmp_path / "run")


def test_several_seeds_give_mean_and_deviation(tmp_path):
    run = fleeting.run(small("drawn/ststnet", "training.seeds=3"), {}, tmp_path / "run")
    single = [megc_log.score_log(folder_log(run, seed))[0].uf1 for seed in range(3)]
    score = run.scores["clean"]
    assert score["n"] == 120
    assert score["uf1"] == pytest.approx(np.mean(single))
    assert score["std"]["uf1"] == pytest.approx(np.std(single, ddof=1))
    assert (run.path / "predictions.csv").read_text().splitlines()[0].endswith("p_2,seed")


def folder_log(run, seed):
    path = run.path / f"seed-{seed}.txt"
    path.write_text(megc_log.write(run.by_seed[seed]))
    return path


@pytest.mark.parametrize("protocol", ["kfold-frames", "stratified-kfold-frames", "holdout-clips"])
def test_a_score_over_shared_subjects_is_never_called_clean(protocol, tmp_path):
    changes = [f"protocol.name={protocol}"]
    run = fleeting.run(read_recipe("drawn/linear-flow", changes=changes), {}, tmp_path / "run")
    assert run.scores["clean"] is None
    assert run.scores["shared"]["uf1"] > 0
    assert run.scores["subjects_shared"] is True
    assert "not a clean score" in (run.path / "report.html").read_text()


@pytest.mark.parametrize("protocol", ["stratified-kfold", "holdout", "leave-one-dataset-out"])
def test_other_protocols_run_on_maps_of_several_datasets(protocol, tmp_path):
    datasets["megc2019-flow"].fabricate(tmp_path / "data")
    changes = [f"protocol.name={protocol}"]
    changes += ["protocol.folds=2"] if "kfold" in protocol else []
    changes += ["protocol.test_share=0.4"] if protocol == "holdout" else []
    recipe = read_recipe("megc2019/linear-flow", changes=changes)
    run = fleeting.run(recipe, {"megc2019-flow": tmp_path / "data"}, tmp_path / "run")
    assert run.scores["clean"]["n"] > 0


def casme2(*changes):
    changes = ("data.dataset=casme2", "data.labels=megc3", "model.inputs=['signed-difference']", *changes)
    return read_recipe("drawn/ststnet", changes=[*changes, "training.epochs=1"])


@pytest.fixture
def clips(tmp_path):
    """A miniature of CASME II, frames and all."""
    datasets["casme2"].fabricate(tmp_path / "casme2")
    return tmp_path / "casme2"


@pytest.mark.parametrize("modality", ["signed-difference", "difference", "apex", "flow-map"])
def test_frames_become_a_number(clips, tmp_path, modality):
    run = fleeting.run(casme2(f"model.inputs=['{modality}']"), {"casme2": clips}, tmp_path / "run")
    assert run.scores["clean"]["n"] > 5
    assert run.scores["apex"] == "annotated"
    assert not run.scores["incomplete"]


def test_the_scores_say_which_clips_had_their_apex_found(clips, tmp_path):
    (sheet,) = clips.glob("*.xlsx")
    book = openpyxl.load_workbook(sheet)
    book["Sheet1"]["E2"], book["Sheet1"]["E3"] = "/", "/"
    book.save(sheet)
    changes = ("data.apex=annotated-or-dc-rois", "data.crop=as-is", "protocol.name=kfold", "protocol.folds=2")
    run = fleeting.run(casme2(*changes), {"casme2": clips}, tmp_path / "run")
    assert run.scores["apex"] == "annotated-or-dc-rois"
    assert run.scores["apexes"] == {"annotated": run.scores["clean"]["n"] - 2, "dc-rois": 2}
    page = (run.path / "report.html").read_text()
    assert "2 clips have no annotated apex; theirs was found by dc-rois" in page


def test_single_frames_are_samples_of_their_subject(clips, tmp_path):
    changes = ("data.unit=frame", "model.inputs=['apex']", "protocol.name=kfold-frames")
    run = fleeting.run(casme2(*changes), {"casme2": clips}, tmp_path / "run")
    assert run.scores["clean"] is None
    assert run.scores["shared"]["n"] > 50
    assert "#" in run.by_seed[0][0].id
    clean = fleeting.run(
        casme2("data.unit=frame", "model.inputs=['apex']"), {"casme2": clips}, tmp_path / "clean"
    )
    assert clean.scores["clean"]["n"] == run.scores["shared"]["n"]


def some_frames(clips):
    return sorted(path for path in clips.rglob("*.jpg"))


def test_a_damaged_clip_stops_the_run_before_anything_is_written(clips, tmp_path):
    victim = some_frames(clips)[3]
    victim.write_bytes(victim.read_bytes()[:50])
    with pytest.raises(DamagedDataError, match=victim.parent.name) as error:
        fleeting.run(casme2(), {"casme2": clips}, tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_damaged_clips_are_left_out_when_told_and_the_score_says_so(clips, tmp_path):
    shutil.rmtree(some_frames(clips)[3].parent)
    run = fleeting.run(casme2(), {"casme2": clips}, tmp_path / "run", skip_damaged=True)
    assert run.scores["incomplete"] is True
    assert len(run.scores["skipped"]) == 1
    assert "Incomplete" in (run.path / "report.html").read_text()


def test_data_has_to_be_named(tmp_path):
    with pytest.raises(OptionError, match="add --data megc2019-flow=PATH"):
        fleeting.run(read_recipe("megc2019/linear-flow"), {}, tmp_path / "run")
    with pytest.raises(DatasetError, match="is no folder"):
        fleeting.run(read_recipe("megc2019/linear-flow"), {"megc2019-flow": tmp_path / "no"}, tmp_path / "r")
    with pytest.raises(OptionError, match="the experiment uses 'megc2019-flow'"):
        fleeting.run(read_recipe("megc2019/linear-flow"), {"casme2": tmp_path}, tmp_path / "r")
    with pytest.raises(DatasetError, match="holds no sheet of casme2"):
        fleeting.run(small(), {"casme2": tmp_path}, tmp_path / "r")
    with pytest.raises(UnknownNameError, match="did you mean 'casme2'"):
        fleeting.run(small(), {"casme22": tmp_path}, tmp_path / "r")


def test_a_class_without_a_clip_is_refused_before_training(tmp_path):
    with pytest.raises(DatasetError, match=r"no usable clip of anger.*choose data.labels among megc3"):
        fleeting.run(small("drawn/linear-flow", "data.labels=samm-5"), {}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_training_that_diverges_is_told(tmp_path):
    with pytest.raises(ScoreError, match=r"fold fold-1: the training diverged.*lower training.lr"):
        fleeting.run(small("drawn/ststnet", "training.lr=1e30"), {}, tmp_path / "run")


def test_a_modality_the_dataset_cannot_supply_is_refused_by_name(tmp_path):
    with pytest.raises(DatasetError, match="found signed-difference"):
        fleeting.run(small("drawn/ststnet", "model.inputs=['signed-difference']"), {}, tmp_path / "run")


def test_other_data_in_the_same_run_is_refused(clips, tmp_path):
    fleeting.run(casme2(), {"casme2": clips}, tmp_path / "run")
    for path in some_frames(clips):
        ImageOps.invert(Image.open(path)).save(path)
    with pytest.raises(RunError, match="other data"):
        fleeting.run(casme2(), {"casme2": clips}, tmp_path / "run")


def test_the_composite_table_of_linear_flow(maps, tmp_path):
    run = fleeting.run(read_recipe("megc2019/linear-flow"), {"megc2019-flow": maps}, tmp_path / "run")
    clean = run.scores["clean"]
    assert run.scores["folds"] == 68
    assert clean["n"] == 442
    assert clean["uf1"] == pytest.approx(0.7505, abs=0.002)
    assert clean["uar"] == pytest.approx(0.7741, abs=0.002)
    assert {name: part["n"] for name, part in clean["parts"].items()} == {
        "casme2": 145,
        "samm": 133,
        "smic": 164,
    }


def test_shuffled_labels_leave_nothing_to_learn(maps, tmp_path):
    recipe = read_recipe("megc2019/linear-flow", changes=["data.shuffle_labels=true"])
    run = fleeting.run(recipe, {"megc2019-flow": maps}, tmp_path / "run")
    assert run.scores["clean"]["uf1"] < 0.42
    assert "A control" in (run.path / "report.html").read_text()


def test_shuffled_labels_leave_the_oracle_far_above(maps, tmp_path):
    changes = ["data.shuffle_labels=true", "training.epochs=40", "protocol.name=loso"]
    run = fleeting.run(
        read_recipe("megc2019/ststnet", changes=changes),
        {"megc2019-flow": maps},
        tmp_path / "run",
        executor="processes",
        workers=2,
    )
    assert run.scores["clean"]["uf1"] < 0.42
    assert run.scores["oracle"]["uf1"] > run.scores["clean"]["uf1"] + 0.05
