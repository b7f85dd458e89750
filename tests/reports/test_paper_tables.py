"""A paper's tables laid out: all that it printed, ours below, the same in every format."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from fleeting.experiments.network_cost import NetworkCost
from fleeting.experiments.papers import read_paper
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.run_folder import Run
from fleeting.reports.paper_tables import COLUMNS, as_csv, as_latex, as_markdown, cell_rows, lay_out
from fleeting.scoring.metrics import score
from fleeting.types import Prediction


def scored(name, datasets, changes=(), rule="clean"):
    """A run whose predictions are right in two of three clips, as it is when read back."""
    said = [
        Prediction(f"{d}/{i}", d, f"{d}/s{i % 3}", "fold", i % 3, i // 3 % 3, (0.2, 0.3, 0.5))
        for d in datasets
        for i in range(9)
    ]
    own = score(said, ("negative", "positive", "surprise")).as_dict()
    facts = {
        "clean": None,
        "shared": None,
        "oracle": None,
        "subjects_shared": rule == "shared",
        "drawn": False,
    }
    return Run(Path("nowhere"), read_recipe(name, changes=changes), {**facts, rule: own, "seconds": 12.3})


def lines_of(layouts, title):
    (layout,) = [layout for layout in layouts if layout.title.startswith(title)]
    return layout


def test_every_part_that_was_run_is_printed_where_the_paper_has_no_readable_number():
    run = scored("dfrnet/three-stages", ["casme2", "samm", "smic"])
    table = lines_of(lay_out(read_paper("dfrnet"), [run]), "Table 8")
    (ours,) = [line for line in table.lines if line.whose == "clean"]
    assert len(ours.cells) == 8
    assert all(ours.cells), "a dataset without a readable number was dropped"
    (printed,) = [line for line in table.lines if line.labels == ("3",)]
    assert set(printed.cells) == {"?"}


def test_ours_stand_below_the_row_of_the_dataset_that_was_run():
    run = scored("meganet/five-classes", ["samm"], ["data.dataset=samm", "data.labels=samm-5-own"])
    table = lines_of(lay_out(read_paper("meganet"), [run]), "Table IV")
    assert [line.whose for line in table.lines[-2:]] == ["published", "clean"]
    assert table.lines[-2].cells == ("0.779", "0.786", "82.04", "0.791", "0.803", "80.88")
    assert table.lines[-1].cells[:3] == ("", "", "")
    accuracy = run.scores["clean"]["accuracy"]
    assert table.lines[-1].cells[5] == f"{100 * accuracy:.2f}"


def test_a_score_over_frames_stands_under_shared():
    table = lines_of(
        lay_out(read_paper("broadbent"), [scored("broadbent/kfold", ["samm"], rule="shared")]), "Table III"
    )
    assert [line.whose for line in table.lines] == ["published", "published", "shared", "published"]


def test_costs_and_the_time_of_a_run_are_measured():
    cost = NetworkCost(3_130_000, 4_810_000_000, 32.46)
    table = lines_of(lay_out(read_paper("dfrnet"), [], {"dfrnet/three-stages": cost}), "Table 9")
    (ours,) = [line for line in table.lines if line.whose == "measured"]
    assert ours.cells == ("3.13 M", "4.81 G", "32.5")
    run = scored("inception-cbam-vit/dual", ["casme2", "samm", "smic"])
    first = lay_out(read_paper("inception-cbam-vit"), [run])[0]
    (ours,) = [line for line in first.lines if line.whose == "measured"]
    assert "12" in ours.cells


def test_a_run_of_another_recipe_or_dataset_fills_nothing():
    runs = [scored("megc2019/linear-flow", ["smic"]), scored("htnet/small-28", ["smic"])]
    assert all(
        line.whose == "published" for layout in lay_out(read_paper("meganet"), runs) for line in layout.lines
    )


@pytest.mark.parametrize("group", ["htnet", "meganet"])
def test_csv_has_a_line_for_each_cell_with_our_numbers(group):
    paper = read_paper(group)
    run = scored("htnet/base", ["casme2", "samm", "smic"])
    rows = list(csv.DictReader(StringIO(as_csv(cell_rows(paper, [run], {})))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(list(paper.cells()))
    filled = [row for row in rows if row["clean"]]
    assert len(filled) == (8 if group == "htnet" else 0)
    for row in filled:
        parts = run.scores["clean"]["parts"]
        own = parts[row["part"]] if row["part"] else run.scores["clean"]
        assert float(row["clean"]) == own[row["score"]]


@pytest.mark.parametrize("group", ["broadbent", "htnet", "inception-cbam-vit"])
def test_markdown_and_latex_have_every_printed_number_in_whole_rows(group):
    layouts = lay_out(read_paper(group))
    markdown, latex = as_markdown(layouts), as_latex(layouts)
    bars = [
        {line.count(" | ") for line in part.splitlines()} for part in markdown.split("\n\n") if part[0] == "|"
    ]
    assert len(bars) == len(layouts)
    assert all(len(counts) == 1 for counts in bars)
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == len(layouts)
    bodies = [part.partition(r"\bottomrule")[0].strip() for part in latex.split(r"\midrule")[1:]]
    for layout, text in zip(layouts, bodies, strict=True):
        body = text.splitlines()
        assert [line.count(" & ") for line in body] == [len(layout.heads) - 1] * len(layout.lines)
    for cell in (
        cell for layout in layouts for line in layout.lines for cell in line.cells if cell[0].isdigit()
    ):
        assert f" {cell} " in markdown
        assert " " + cell.replace("%", r"\%") + " " in latex


def test_what_means_something_in_latex_or_markdown_is_escaped():
    layouts = lay_out(read_paper("meganet"))
    (table,) = [layout for layout in layouts if layout.title.startswith("Table II:")]
    odd = replace(table, title="A_1 & 50 %", lines=(replace(table.lines[0], labels=("a|b*", "c_d")),))
    assert r"\caption{A\_1 \& 50 \%}" in as_latex([odd])
    assert r"c\_d" in as_latex([odd])
    assert r"| a\|b\* |" in as_markdown([odd])
