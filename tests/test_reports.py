"""The report in a real browser, without a network."""

import re
import shutil

import pytest
from playwright.sync_api import sync_playwright

import fleeting
from fleeting.errors import RunError, ScoreError
from fleeting.experiment import read_recipe
from fleeting.reports import compare_runs

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    changes = ["training.epochs=3", "protocol.name=kfold", "protocol.folds=3"]
    return [
        fleeting.run(read_recipe(f"drawn/{name}", changes=changes), {}, folder / name)
        for name in ("linear-flow", "ststnet")
    ]


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium is installed; install one to look at the report")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


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
