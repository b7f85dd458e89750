"""The report in a real browser, without a network."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

import fleeting
from fleeting.errors import RunError, ScoreError
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.run_folder import Run, fold_folders
from fleeting.reports import figures
from fleeting.reports.pages import compare_runs, write_comparison
from fleeting.scoring.metrics import per_subject
from fleeting.scoring.roc import Roc

pytestmark = pytest.mark.slow  # the fixtures that these tests share take seconds to make


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    changes = ["training.epochs=3", "protocol.name=kfold", "protocol.folds=3"]
    return [
        fleeting.run(read_recipe(f"drawn/{name}", changes=changes), {}, folder / name)
        for name in ("linear-flow", "ststnet")
    ]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """STSTNet as in ``runs``, with three seeds."""
    changes = ["training.epochs=3", "protocol.name=kfold", "protocol.folds=3", "training.seeds=3"]
    folder = tmp_path_factory.mktemp("seeded")
    return fleeting.run(read_recipe("drawn/ststnet", changes=changes), {}, folder / "run")


def shared_run(run):
    """As if subjects had been on both sides."""
    return replace(run, scores={**run.scores, "subjects_shared": True, "shared": run.scores["clean"]})


@pytest.fixture
def page(browser):
    context = browser.new_context(offline=True)
    opened = context.new_page()
    opened.asked, opened.errors = [], []
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.on("console", lambda said: opened.errors.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    yield opened
    context.close()


def test_the_report_opens_offline_and_asks_for_nothing(page, runs):
    page.goto((runs[1].path / "report.html").as_uri())
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert page.errors == []
    assert page.title() == "drawn/ststnet"
    assert "Drawn data" in page.inner_text("body")
    assert page.locator("figure svg").count() >= 5
    for figure in page.locator("figure").all():
        assert figure.get_attribute("aria-label")
        assert figure.bounding_box()["height"] > 50


def test_the_numbers_on_the_page_are_those_of_the_run(page, runs):
    page.goto((runs[1].path / "report.html").as_uri())
    shown = page.inner_text(".big .clean b"), page.inner_text(".big .oracle b")
    scores = runs[1].scores
    assert shown == (f"{scores['clean']['uf1']:.3f}", f"{scores['oracle']['uf1']:.3f}")
    assert "drawn data: not comparable" not in page.inner_text(".big")
    page.click("summary:has-text('Subjects')")
    assert page.locator("details[open] tbody tr").count() == 10


def test_the_page_fits_a_narrow_window(page, runs):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto((runs[1].path / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_comparison_shows_every_run(page, runs, tmp_path):
    target = fleeting.report([run.path for run in runs], tmp_path / "both.html")
    page.goto(target.as_uri())
    assert page.errors == []
    text = page.inner_text("body")
    assert re.search(r"drawn/linear-flow\s+kfold\s+clean\s+120", text)
    assert "Against drawn/linear-flow" in text


def test_a_report_is_the_same_bytes_each_time(runs):
    first = fleeting.report([runs[0].path]).read_bytes()
    assert fleeting.report([runs[0].path]).read_bytes() == first


def test_runs_over_other_samples_are_not_compared(runs, tmp_path):
    changes = ["protocol.name=holdout"]
    other = fleeting.run(read_recipe("drawn/linear-flow", changes=changes), {}, tmp_path / "run")
    with pytest.raises(ScoreError, match="same samples"):
        compare_runs([runs[0], other])
    with pytest.raises(RunError, match="two or more"):
        compare_runs([other])


def test_a_recipes_name_cannot_write_into_the_page(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "<script>alert(1)</script>"\n[protocol]\nname = "kfold"\n')
    run = fleeting.run(read_recipe(recipe), {}, tmp_path / "run")
    assert "<script>" not in (run.path / "report.html").read_text()


def test_one_seed_against_several_is_compared_over_all_of_them(runs, seeded, tmp_path):
    ((run, found),) = compare_runs([runs[1], seeded])
    assert run is seeded
    for side, one in ((found.first, runs[1]), (found.second, seeded)):
        assert side["uf1"] == pytest.approx(one.scores["clean"]["uf1"])
    assert found.difference["uf1"] == pytest.approx(found.second["uf1"] - found.first["uf1"])
    text = write_comparison([runs[1], seeded], tmp_path / "page.html").read_text()
    assert f"<td>{found.difference['uf1']:+.3f}</td>" in text
    assert re.search(
        r"<td>–</td><td>–</td><td>[\d.]+</td><td>[\d.]+</td><td>–</td><td>10</td></tr></tbody>", text
    )
    assert "1 and 3 seeds: no permutation test" in text
    assert "A dash is a test that cannot" in text


def test_a_run_of_several_seeds_says_what_is_of_the_first(runs, seeded):
    text = (seeded.path / "report.html").read_text()
    assert 'aria-label="ROC curves, first seed of 3"' in text
    assert "Counts are summed over 3 seeds." in text
    assert "Subjects (10, means over 3 seeds)" in text
    row = per_subject(seeded.by_seed, seeded.classes)[0]
    assert f"<td>{row.subject}</td><td>{row.n}</td><td>{row.accuracy:.3f}</td>" in text
    assert "seeds" not in (runs[1].path / "report.html").read_text().partition("<details>")[0]


def test_runs_of_different_rules_are_not_tested_against_each_other(runs, tmp_path):
    shared = shared_run(runs[1])
    assert compare_runs([runs[0], shared]) == []
    assert [run for run, _ in compare_runs([runs[0], shared, runs[1]])] == [runs[1]]
    text = write_comparison([runs[0], shared], tmp_path / "page.html").read_text()
    assert "Against" not in text
    assert "drawn/ststnet: not tested against drawn/linear-flow; one score is shared, the other clean" in text
    assert "drawn/ststnet: Training and test share subjects: the score is not clean." in text
    both = write_comparison([shared_run(runs[0]), shared], tmp_path / "page.html").read_text()
    assert "Against drawn/linear-flow" in both
    assert both.count("the score is not clean.") == 2
    assert "not tested" not in both


@pytest.mark.parametrize(
    "text", ["", "epoch,loss\n", "loss,accuracy,validation_loss,test_accuracy_traced\nx,1,,\n"]
)
def test_an_empty_curve_is_named(runs, tmp_path, text):
    shutil.copytree(runs[1].path, tmp_path / "run")
    damaged = fold_folders(tmp_path / "run")[0] / "curve.csv"
    damaged.write_text(text)
    with pytest.raises(RunError, match=r"curve\.csv is empty or damaged; delete the fold's folder") as error:
        fleeting.report([tmp_path / "run"])
    assert str(damaged) in str(error.value)
    assert Run.load(tmp_path / "run").by_seed


ODD = [
    "$\\frac{1}{$",
    "$x",
    "a$b$c",
    "<b>--></b>",
    "_hidden",
    "\x00\x1b",
    "x" * 400,
    "W" * 400,
    "微表情",
    "{",
    "\\frac{1}{",
]


@pytest.mark.parametrize("name", ODD)
def test_figures_show_any_name(name):
    rates = np.array([0.0, 1.0])
    made = [
        figures.headline([{"name": f"{name}\nclean", "uf1": 0.5, "ci": (0.4, 0.6), "honest": True}]),
        figures.confusion_matrix([[1, 0], [0, 1]], [name, "b"], "clean"),
        figures.roc_curves([Roc(name, rates, rates, 0.5)]),
        figures.paired_differences([name], [0.1], [(0.0, 0.2)]),
    ]
    for svg in made:
        assert svg.startswith("<svg")
        assert "\x00" not in svg
        assert name[:15] in svg or not name.isalnum()
        assert name[:41] not in svg or len(name) < 41
