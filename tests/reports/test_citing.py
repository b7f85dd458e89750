"""What a run used as BibTeX, and its numbers as a table for a paper or a spreadsheet."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

import fleeting
from fleeting.datasets import datasets
from fleeting.errors import RunError, UnknownNameError
from fleeting.experiments.recipe import read_recipe, recipe_names
from fleeting.experiments.run_folder import Run
from fleeting.models import models
from fleeting.reports.citing import references
from fleeting.reports.run_table import COLUMNS
from tests.fixtures.command import typed


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "sts_net"
    return fleeting.run(read_recipe("drawn/ststnet", quick=True, changes=["protocol.name=kfold"]), out=out)


@pytest.mark.slow
def test_a_run_is_cited_with_its_recipe_and_the_package(done, capsys):
    status, out, _ = typed(capsys, "cite", done.path)
    assert status == 0
    assert out == fleeting.cite(done) == fleeting.cite(str(done.path))
    keys = re.findall(r"^@\w+\{(.+),$", out, re.MULTILINE)
    assert keys == ["fleeting", "liong2019-fg20198756567"]
    assert "  author = {Liong and others}," in out
    assert "  doi = {10.1109/FG.2019.8756567}," in out
    assert "% dataset drawn: this project" in out
    assert out.count("{") == out.count("}")


def test_what_is_no_run_is_not_cited(tmp_path):
    with pytest.raises(RunError, match="no run, or not finished"):
        fleeting.cite(tmp_path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "Gan et al. 2019, Signal Processing: Image Communication 74; arXiv:1805.08699",
            [("Gan et al.", "2019", "Signal Processing: Image Communication 74", "", "1805.08699")],
        ),
        (
            "He et al. 2016, doi:10.1109/CVPR.2016.90; compared in Li et al. 2025, Computers 84(1)",
            [
                ("He et al.", "2016", "", "10.1109/CVPR.2016.90", ""),
                ("Li et al.", "2025", "Computers 84(1)", "", ""),
            ],
        ),
        (
            "Yap, Kendrick and Yap 2020, arXiv:1911.01519",
            [("Yap, Kendrick and Yap", "2020", "", "", "1911.01519")],
        ),
        (
            "Wang et al. 2024, Neurocomputing 602, by its public code",
            [("Wang et al.", "2024", "Neurocomputing 602", "", "")],
        ),
        ("this project", []),
        ("none: whoever recorded them", []),
    ],
)
def test_references_are_read_from_how_the_project_writes_them(text, found):
    assert [(one.authors, one.year, one.place, one.doi, one.arxiv) for one in references(text)] == found


def test_every_address_that_is_written_anywhere_gets_into_an_entry():
    texts = {datasets[name].paper for name in datasets} | {models[name].paper for name in models}
    texts |= {read_recipe(name).paper for name in recipe_names()}
    for text in texts:
        addresses = {
            re.sub(r"[,;]$", "", word.partition(":")[2]) for word in re.findall(r"(?:doi|arXiv):\S+", text)
        }
        read = {address for one in references(text) for address in (one.doi, one.arxiv) if address}
        assert read == addresses, text
        assert all(one.bibtex().count("{") == one.bibtex().count("}") for one in references(text))


@pytest.mark.slow
def test_runs_as_csv_and_latex(done, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert typed(capsys, "report", done.path, "--format", "csv")[:2] == (0, "comparison.csv\n")
    (row,) = csv.DictReader(Path("comparison.csv").read_text().splitlines())
    assert tuple(row) == COLUMNS
    score = done.scores["clean"]
    assert (float(row["uf1"]), float(row["uar_low"])) == (score["uf1"], score["ci95"]["uar"][0])
    assert (row["run"], row["part"], row["n"], row["drawn"]) == ("sts_net", "", "120", "True")
    assert typed(capsys, "report", done.path, "--format", "latex", "--out", "mine.tex")[0] == 0
    text = Path("mine.tex").read_text()
    assert f"drawn/ststnet & drawn (drawn) & 120 & {score['uf1']:.4f} & " in text
    assert text.count(r"\begin") == text.count(r"\end") == 2
    with pytest.raises(UnknownNameError, match="form of a report"):
        fleeting.report(done, form="word")
