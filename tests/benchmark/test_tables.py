"""Tables of results: every recipe of a group, its score beside the one that the paper printed."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

import fleeting
from fleeting.cli import main
from fleeting.errors import OptionError, UnknownNameError
from fleeting.experiments.groups import planned
from fleeting.experiments.network_cost import costs_of
from fleeting.experiments.papers import read_paper
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.run_folder import Run
from fleeting.models import build
from fleeting.reports.beside_paper import beside_paper, reported
from fleeting.scoring.metrics import score
from fleeting.types import Prediction

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    return fleeting.tables("drawn", {}, folder / "all", quick=True)


def predictions(datasets, wrong=1):
    """Nine clips of three people in each dataset, one of them mistaken."""
    return [
        Prediction(
            f"{d}/{i}", d, f"{d}/s{i % 3}", f"{d}/s{i % 3}", i % 3, (i + (i < wrong)) % 3, (0.2, 0.3, 0.5)
        )
        for d in datasets
        for i in range(9)
    ]


def scored(recipe, datasets, traced=False, drawn=False):
    """A run of these scores, as it is when read back."""
    own = score(predictions(datasets, wrong=2), ("a", "b", "c")).as_dict()
    best = score(predictions(datasets), ("a", "b", "c")).as_dict() if traced else None
    facts = {"clean": own, "shared": None, "oracle": best, "subjects_shared": False, "drawn": drawn}
    return Run(Path("nowhere"), recipe, facts)


def test_every_recipe_stands_in_the_tables(done):
    recipes = [name for name in fleeting.experiments.recipe.recipe_names() if name.startswith("drawn/")]
    assert [run.experiment.name for run in done.runs] == recipes
    assert done.failed == ()
    with (done.folder / "tables.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["recipe"] for row in rows} == set(recipes)
    assert {row["paper"] for row in rows} == {"drawn data: not comparable"}
    page = (done.folder / "tables.html").read_text()
    assert "drawn data: not comparable" in page
    for run, row in zip(done.runs, rows[::2], strict=True):
        assert float(row["clean"]) == run.scores["clean"]["uf1"]
        assert float(row["low"]) <= float(row["clean"]) <= float(row["high"])
        assert (row["oracle"] != "") == (run.scores["oracle"] is not None)
        assert f'href="{run.path.name}/report.html"' in page
        assert (done.folder / run.path.name / "report.html").exists()


def test_what_is_finished_is_not_done_again_and_what_fails_stops_nothing(done, capsys):
    first, second = done.runs
    before = (first.path / "predictions.csv").read_bytes(), (first.path / "cost.json").stat().st_mtime_ns
    recipe = (second.path / "experiment.toml").read_text()
    (second.path / "experiment.toml").write_text(recipe.replace("epochs = 25", "epochs = 24"))
    words = ["tables", "drawn", "--quick", "--out", str(done.folder)]
    with pytest.raises(SystemExit) as end:
        main([*words, "--json"])
    printed = capsys.readouterr()
    (second.path / "experiment.toml").write_text(recipe)
    assert end.value.code == 1
    found = json.loads(printed.out)
    assert {row["recipe"] for row in found["rows"]} == {first.experiment.name}
    assert printed.err.startswith(f"fleeting: {second.experiment.name} on drawn: ")
    assert printed.err.count("\n") == 1
    after = (first.path / "predictions.csv").read_bytes(), (first.path / "cost.json").stat().st_mtime_ns
    assert after == before
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    table = capsys.readouterr().out
    names = [run.experiment.name.partition("/")[2] for run in done.runs]
    rows = [[line for line in table.splitlines() if name in line and "drawn" in line] for name in names]
    assert [len(lines) for lines in rows] == [1, 1], "a row that is piped was wrapped"


def test_a_group_or_data_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="megc2019"):
        fleeting.tables("megc2018", {}, tmp_path)
    with pytest.raises(OptionError, match=r"--data NAME=PATH for one of .*megc2019-flow"):
        fleeting.tables("megc2019", {"mmew": tmp_path}, tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean 'samm'"):
        fleeting.tables("dfrnet", {"casme2": tmp_path, "sam": tmp_path}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_where_nothing_could_be_run_the_status_says_so(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["tables", "dfrnet", "--data", "smic=/nowhere", "--out", str(tmp_path)])
    printed = capsys.readouterr()
    assert (end.value.code, printed.out) == (2, "")
    assert "/nowhere is no folder" in printed.err


def test_a_recipe_that_reports_by_dataset_is_compared_with_the_one_it_ran_on():
    for dataset, uf1 in (("casme2", 0.913), ("samm", 0.890)):
        recipe = read_recipe("meganet/three-classes", changes=[f"data.dataset={dataset}"])
        assert recipe.altered == ()
        run = scored(recipe, [dataset], traced=True)
        assert reported(run).uf1 == uf1
        rows = {row["score"]: row for row in beside_paper(run)}
        assert list(rows) == ["UF1", "UAR", "accuracy"]
        assert rows["UF1"]["paper"] == uf1
        assert rows["accuracy"]["own"] == pytest.approx(7 / 9)
        assert rows["accuracy"]["oracle"] == pytest.approx(8 / 9)
        assert rows["accuracy"]["ci95"] is None


def test_a_dataset_with_labels_of_its_own_is_run_and_compared_with_these():
    data = {"casme2": Path("a"), "samm": Path("b")}
    found = list(planned(["meganet/five-classes"], data, quick=False, changes=[]))
    assert [(e.data.dataset, e.data.labels) for e in found] == [
        ("casme2", "casme2-5"),
        ("samm", "samm-5-own"),
    ]
    assert [reported(scored(e, [e.data.dataset])).uf1 for e in found] == [0.779, 0.791]
    quick = list(planned(["meganet/five-classes"], data, quick=True, changes=[]))
    assert {e.data.labels for e in quick} == {"megc3"}
    other = read_recipe("meganet/five-classes", changes=["data.dataset=samm", "data.labels=megc3"])
    assert other.altered == ("data.labels=megc3",)
    assert reported(scored(other, ["samm"])).uf1 is None


def test_the_parts_of_a_composite_are_no_datasets_of_their_own():
    recipe = read_recipe("megc2019/off-apexnet")
    rows = beside_paper(scored(recipe, ["casme2", "samm", "smic"]))
    assert {(row["part"], row["score"]): row["paper"] for row in rows} == {
        ("", "UF1"): None,
        ("", "UAR"): None,
        ("casme2", "UF1"): 0.8764,
        ("casme2", "UAR"): 0.8681,
        ("samm", "UF1"): 0.5409,
        ("samm", "UAR"): 0.5392,
        ("smic", "UF1"): 0.6817,
        ("smic", "UAR"): 0.6695,
    }
    alone = read_recipe("megc2019/off-apexnet", changes=["data.dataset=smic"])
    assert alone.altered == ("data.dataset=smic",)
    assert reported(scored(alone, ["smic"])).uf1 is None


def test_what_was_changed_or_drawn_has_no_paper_beside_it():
    recipe = read_recipe("meganet/three-classes")
    assert beside_paper(scored(recipe, ["casme2"], drawn=True))[0]["paper"] is None
    changed = replace(scored(recipe, ["casme2"]), experiment=read_recipe(recipe.name, quick=True))
    assert reported(changed).uf1 is None


def test_an_f1_of_a_paper_stands_beside_our_macro_f1():
    run = scored(read_recipe("inception-cbam-vit/dual-flow"), ["casme2"])
    rows = {row["score"]: row for row in beside_paper(run)}
    assert rows["F1"]["paper"] == 0.8556
    assert rows["F1"]["own"] == rows["UF1"]["own"]
    assert (rows["training loss"]["paper"], rows["training loss"]["own"]) == (0.0986, None)


def test_without_data_what_was_published_is_printed_and_nothing_is_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["tables", "meganet"])
    printed = capsys.readouterr()
    assert (end.value.code, printed.err) == (0, "")
    assert printed.out.endswith("nothing was run; add --data NAME=PATH\n")
    (line,) = [line for line in printed.out.splitlines() if line.startswith("ROI + WArcFace")]
    assert line.split()[4:14] == [
        "published",
        *["0.924", "0.910", "0.940", "0.811", "0.819", "0.818", "0.787", "0.785", "0.862"],
    ]
    assert "published only: not enough is public to build it" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("form", "begins"), [("csv", "table,row,column"), ("latex", r"\begin{table}"), ("markdown", "**")]
)
def test_a_format_is_printed_alone(form, begins, capsys):
    with pytest.raises(SystemExit) as end:
        main(["tables", "broadbent", "--format", form])
    printed = capsys.readouterr()
    assert end.value.code == 0
    assert printed.out.startswith(begins)
    assert "nothing was run" not in printed.out


def test_a_papers_cells_are_filled_with_what_was_run(tmp_path):
    fleeting.draw(tmp_path / "smic", layout="smic", subjects=3, clips=3, flows=0, seed=5, workers=1)
    done = fleeting.tables("dfrnet", {"smic": tmp_path / "smic"}, tmp_path / "out", quick=True)
    assert done.failed == ()
    assert done.paper == read_paper("dfrnet")
    assert [run.experiment.name for run in done.runs] == ["dfrnet/smic"], (
        "the composite's parts are no datasets"
    )
    filled = [cell for cell in done.cells() if cell["clean"] is not None]
    assert {(cell["table"], cell["row"], cell["dataset"]) for cell in filled} == {
        ("Table 2", "DFR-Net", "smic")
    }
    assert [cell["score"] for cell in filled] == ["uf1", "uar"]
    assert all(cell["oracle"] is not None for cell in filled)
    assert len(done.notes()) == 2
    page = (done.folder / "tables.html").read_text()
    assert "<h2>Table 9: cost of stages</h2>" in page
    assert f"<td>{filled[0]['clean']:.4f}</td>" in page
    with (done.folder / "tables.csv").open(newline="") as lines:
        assert {row["tables"] for row in csv.DictReader(lines)} == {"Table 2"}


def test_costs_are_counted_after_the_removal_and_known_of_networks_alone():
    pruned = read_recipe("htnet/lape-esaat", quick=True)
    kept = read_recipe("htnet/lape-esaat", quick=True, changes=["name=whole", "training.remove_attention=0"])
    again = kept.model_copy(update={"name": "again"})
    costs = costs_of([kept, pruned, read_recipe("megc2019/linear-flow"), again])
    assert set(costs) == {"whole", "htnet/lape-esaat", "again"}
    assert costs["again"] == costs["whole"], "networks that are alike are measured once"
    network = build("htnet", 3, [(3, 56, 56)], kept.model.model_extra, 0)
    assert costs["whole"].parameters == sum(weight.numel() for weight in network.parameters())
    assert costs["htnet/lape-esaat"].parameters < costs["whole"].parameters
    assert costs["htnet/lape-esaat"].flops < costs["whole"].flops
    assert costs["whole"].milliseconds > 0
