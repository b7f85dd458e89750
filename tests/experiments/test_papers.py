"""Declarations of papers and recipes with a base: what a file may hold, and what is refused and why."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from fleeting.errors import OptionError, UnknownNameError
from fleeting.experiments.papers import Column, PaperTable, Row, read_paper
from fleeting.experiments.recipe import read_recipe


def table(columns=("casme2 uf1", "samm uf1"), rows=(), **more):
    return PaperTable(name="Table 1", caption="all", columns=columns, rows=rows, **more)


def test_a_column_of_two_words_is_data_and_score():
    assert table().columns[1] == Column(data="samm", score="uf1")
    assert table(columns=["smic"]).columns[0] == Column(data="smic")


def test_a_number_keeps_its_printed_digits_and_a_percentage_becomes_a_share():
    row = Row(name="ours", values=(Decimal("73.00"), "–"))
    first, second = table(rows=[row], percent=["uf1"]).cells(row)
    assert (first.printed, first.published, first.percent) == ("73.00", 0.73, True)
    assert (second.printed, second.published) == ("–", None)


def test_a_row_without_numbers_has_what_the_table_says_of_empty_cells():
    row = Row(name="ours")
    assert [cell.printed for cell in table(rows=[row], empty="?").cells(row)] == ["?", "?"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"name": "a", "values": [Decimal("0.5")]}], "row a has 1 values; Table 1 has 2 columns"),
        ([{"name": "a", "recipe": ["x", "y", "z"]}], "row a has 3 recipes"),
        ([{"name": ["a", "b"]}], "row a b has more labels than method"),
        ([{"name": "a", "score": "uf2"}], "uf2 is no score"),
        ([{"name": "a", "values": ["high", "low"]}], "'high' is no number"),
    ],
)
def test_a_table_whose_rows_do_not_fit_is_refused(rows, words):
    with pytest.raises(ValidationError, match=words):
        table(rows=rows)


def test_whose_run_a_cell_is_follows_from_the_recipe_and_the_column():
    columns = ["composite uf1", "smic uf1"]
    row = Row(name="ours", recipe="htnet/base")
    whole, part = table(columns=columns, rows=[row]).cells(row)
    assert (whole.dataset, whole.part) == ("megc2019-flow", "")
    assert (part.dataset, part.part) == ("megc2019-flow", "smic")
    by_dataset = Row(name="ours", recipe="meganet/three-classes")
    (cell,) = table(columns=["smic uf1"], rows=[by_dataset]).cells(by_dataset)
    assert (cell.dataset, cell.part) == ("smic", "")
    nowhere = Row(name="ours", recipe="htnet/table2")
    with pytest.raises(OptionError, match="htnet/table2 runs on casme3 and has no smic"):
        table(columns=["smic uf1"], rows=[nowhere]).cells(nowhere)


def test_an_unknown_paper_is_met_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'htnet'"):
        read_paper("htnett")


def test_a_recipe_with_a_base_is_that_with_other_settings_under_its_own_name():
    base = read_recipe("meganet/split-mesti")
    other = read_recipe("meganet/split-mesti-resnet50")
    assert other.altered == ()
    assert (other.name, other.model.name) == ("meganet/split-mesti-resnet50", "resnet50")
    assert other.training == base.training
    assert (other.data, other.protocol, other.paper) == (base.data, base.protocol, base.paper)
    assert other.reported.parts["casme2"].accuracy == 0.6538
    quick = read_recipe("meganet/split-mesti-resnet50", quick=True)
    assert quick.protocol == read_recipe("meganet/split-mesti", quick=True).protocol
    assert quick.protocol != other.protocol
    assert quick.model.size == 64, "its own [quick] is laid over the base's"


def test_a_base_gives_none_of_its_reported_numbers(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "megc2019/ststnet"\nname = "mine"\n[training]\nepochs = 7\n')
    mine = read_recipe(path)
    assert mine.training.epochs == 7
    assert mine.training.lr == read_recipe("megc2019/ststnet").training.lr
    assert mine.reported.uf1 is None
    assert not mine.reported.parts


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ('base = "megc2019/ststnet"\n', OptionError, "give it a name of its own"),
        ('base = "megc2019/stsnet"\nname = "mine"\n', UnknownNameError, "did you mean 'megc2019/ststnet'"),
        ('base = "htnet/base-56"\nname = "mine"\n', OptionError, "name htnet/base"),
        ("base = 3\nname = 'mine'\n", UnknownNameError, "base of recipe"),
    ],
)
def test_a_base_that_cannot_be_one_is_refused(tmp_path, text, error, words):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(error, match=words):
        read_recipe(path)
