"""Every paper's declaration: its recipes exist, and report the numbers that it prints; none is forgotten."""

from __future__ import annotations

from functools import cache

import pytest

from fleeting.datasets import datasets
from fleeting.experiments.papers import COMPOSITES, COSTS, PARTS, Cell, Paper, paper_names, read_paper
from fleeting.experiments.recipe import Experiment, read_recipe, recipe_names
from fleeting.experiments.recipe_tables import Reported
from fleeting.models import is_network
from fleeting.reports.paper_tables import cell_rows, lay_out


@pytest.fixture(scope="module", params=paper_names())
def paper(request: pytest.FixtureRequest) -> Paper:
    return read_paper(request.param)


@cache
def recipe(name: str) -> Experiment:
    return read_recipe(name)


def reported(cell: Cell) -> Reported:
    """What the cell's recipe says of the same data."""
    found = recipe(cell.recipe)
    if cell.part or found.data.dataset in found.reported.parts:
        return found.reported.parts.get(cell.part or cell.dataset, Reported())
    return found.reported


def test_the_five_papers_are_declared():
    assert set(paper_names()) == {"broadbent", "dfrnet", "htnet", "inception-cbam-vit", "meganet"}
    assert set(paper_names()) <= {name.partition("/")[0] for name in recipe_names()}


def test_every_recipe_that_a_cell_names_exists_and_can_be_run_on_its_data(paper):
    for name, dataset, part in {(c.recipe, c.dataset, c.part) for _, _, c in paper.cells() if c.recipe}:
        other = [f"data.dataset={dataset}"] if dataset != recipe(name).data.dataset else []
        assert not read_recipe(name, changes=other).altered, (name, dataset)
        assert dataset in datasets
        assert not part or (dataset in COMPOSITES and part in PARTS)


def test_every_recipe_of_the_group_stands_in_a_declaration(paper):
    declared = {name for other in paper_names() for name in read_paper(other).recipes()}
    own = {name for name in recipe_names() if name.startswith(f"{paper.group}/")}
    assert own - declared == set()


def test_a_recipe_reports_what_the_first_table_that_names_it_prints(paper):
    """To as many digits as it prints: a paper may quote a number shorter than another one does."""
    first: dict[tuple[str, str, str, str], Cell] = {}
    for _, _, cell in paper.cells():
        if cell.recipe and cell.published is not None and cell.score not in COSTS:
            first.setdefault((cell.recipe, cell.dataset, cell.part, cell.score), cell)
    for key, cell in first.items():
        digits = len(cell.printed.partition(".")[2]) + 2 * cell.percent
        said = getattr(reported(cell), cell.score)
        assert round(said, digits) == pytest.approx(cell.published, abs=1e-9), key


def test_what_a_recipe_reports_stands_in_a_table_of_its_paper(paper):
    printed = {
        (cell.recipe, cell.part or cell.dataset, cell.score)
        for other in map(read_paper, paper_names())
        for _, _, cell in other.cells()
        if cell.published is not None
    }
    for name in (name for name in recipe_names() if name.startswith(f"{paper.group}/")):
        whole = recipe(name).reported
        for data, said in {recipe(name).data.dataset: whole, **whole.parts}.items():
            for score, value in said:
                if isinstance(value, float):
                    assert (name, data, score) in printed


def test_a_row_without_a_recipe_says_so_and_every_number_is_printed(paper):
    for table, layout in zip(paper.tables, lay_out(paper), strict=True):
        assert len(layout.lines) == len(table.rows)
        for row, line in zip(table.rows, layout.lines, strict=True):
            cells = table.cells(row)
            assert line.whose == "published"
            assert line.cells == tuple(cell.printed for cell in cells)
            assert line.source.startswith("published only: ") == (not any(cell.recipe for cell in cells))
            assert row.why or any(cell.recipe for cell in cells), f"{table.name}: why is {row.name} not here?"


def test_a_cost_is_asked_of_networks_alone(paper):
    for _, _, cell in paper.cells():
        if cell.score in ("parameters", "flops", "milliseconds"):
            assert is_network(recipe(cell.recipe).model.name)


def test_there_is_a_row_for_each_cell(paper):
    rows = cell_rows(paper, [], {})
    assert len(rows) == len(list(paper.cells()))
    assert all(row["row"] for row in rows)
