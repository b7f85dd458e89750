"""Lays a paper's tables out as it printed them, ours below each row, and writes them as text of a format."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from fleeting.experiments.network_cost import NetworkCost
from fleeting.experiments.papers import COMPOSITE, COSTS, Cell, Column, Paper, PaperTable, Row
from fleeting.experiments.run_folder import Run
from fleeting.reports.beside_paper import PRINTED, SAME_AS

OF_DATA = {
    COMPOSITE: "composite",
    "casme2": "CASME II",
    "casme3": "CAS(ME)^3",
    "samm": "SAMM",
    "smic": "SMIC-HS",
}
OF_COST = {
    "parameters": "parameters",
    "flops": "FLOPs",
    "milliseconds": "ms",
    "seconds": "training, s",
    "cpu_percent": "CPU, %",
}
RULES = ("oracle", "shared", "clean", "measured")
"""Whose numbers may stand below the published ones, in that order: by rule of the score, and costs."""
LEGEND = (
    "published: as printed; oracle: ours, the epoch that is best on each test side, as much published code"
    " keeps it; shared: ours where people stand on both sides of a fold; clean: ours; measured: ours, of a"
    " network or a run. –: not reported; ?: not readable in our text of the paper."
)
COLUMNS = (
    *("table", "row", "column", "recipe", "dataset", "part", "score", "printed", "published"),
    *RULES,
)
"""The columns of the tables as CSV, a row for each cell."""


@dataclass(frozen=True)
class Line:
    """One line of a table: its row's labels, whose numbers it has, the numbers, and what they come from."""

    labels: tuple[str, ...]
    whose: str
    cells: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Layout:
    """A table laid out: a title, a note, a head for each column, and lines as long as the heads."""

    title: str
    note: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]

    def texts(self) -> list[tuple[str, ...]]:
        """The lines as cells of text, in the order of the heads."""
        return [(*line.labels, line.whose, *line.cells, line.source) for line in self.lines]


class Found:
    """What was run and measured for a paper: finished runs, and the costs of networks by recipe."""

    def __init__(self, runs: Sequence[Run], costs: Mapping[str, NetworkCost]) -> None:
        self._runs = {(run.experiment.name, run.experiment.data.dataset): run for run in runs}
        self._costs = costs

    def ours(self, cell: Cell) -> dict[str, float]:
        """Our numbers for a cell by rule (see `RULES`); empty where nothing was run."""
        if cell.score in COSTS:
            return self._cost(cell)
        if not (run := self._runs.get((cell.recipe, cell.dataset))):
            return {}
        key = SAME_AS.get(cell.score, cell.score)
        found = {rule: run.scores[rule] for rule in ("oracle", run.rule) if run.scores[rule]}
        parts = {rule: score["parts"].get(cell.part) if cell.part else score for rule, score in found.items()}
        return {rule: part[key] for rule, part in parts.items() if part and part.get(key) is not None}

    def _cost(self, cell: Cell) -> dict[str, float]:
        if cell.score in NetworkCost.__dataclass_fields__:
            cost = self._costs.get(cell.recipe)
            return {"measured": cost.as_dict()[cell.score]} if cost else {}
        run = self._runs.get((cell.recipe, cell.dataset))
        value = run.scores.get(cell.score) if run else None
        return {} if value is None else {"measured": value}


def lay_out(
    paper: Paper, runs: Sequence[Run] = (), costs: Mapping[str, NetworkCost] | None = None
) -> list[Layout]:
    """Every table of a paper with all that it published, and below each row what was run or measured."""
    found = Found(runs, costs or {})
    return [
        Layout(
            f"{table.name}: {table.caption}",
            table.note,
            (*table.labels, "", *(_head(table, column) for column in table.columns), "recipe"),
            tuple(line for row in table.rows for line in _lines(table, row, found)),
        )
        for table in paper.tables
    ]


def cell_rows(paper: Paper, runs: Sequence[Run], costs: Mapping[str, NetworkCost]) -> list[dict[str, Any]]:
    """A dict for each cell, with the keys of `COLUMNS`: what was printed, and our number by each rule.

    ``published`` is a share where shares are printed in percent; what is not there is None.
    """
    found = Found(runs, costs)
    rows = []
    for table in paper.tables:
        label = ""
        for row in table.rows:
            label = " ".join(filter(None, row.name)) or label  # a second row of one method has no name
            for column, cell in zip(table.columns, table.cells(row), strict=True):
                ours = found.ours(cell)
                facts = {
                    "table": table.name,
                    "row": label,
                    "column": _head(table, column),
                    **{key: getattr(cell, key) for key in ("recipe", "dataset", "part", "score", "printed")},
                    "published": cell.published,
                }
                rows.append({**facts, **{rule: ours.get(rule) for rule in RULES}})
    return rows


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> str:
    """Rows, such as those of `cell_rows`, as CSV; None is an empty cell."""
    text = StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_markdown(layouts: Sequence[Layout]) -> str:
    """The tables in Markdown, each below its title."""
    return "\n\n".join(
        "\n\n".join(filter(None, (f"**{layout.title}**", layout.note, _grid(layout)))) for layout in layouts
    )


def _grid(layout: Layout) -> str:
    escaped: Callable[[str], str] = lambda text: text.replace("|", "\\|").replace("*", "\\*")  # noqa: E731
    lines = [layout.heads, ("---",) * len(layout.heads), *(tuple(map(escaped, t)) for t in layout.texts())]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def as_latex(layouts: Sequence[Layout]) -> str:
    """The tables in LaTeX, for the packages booktabs and graphicx."""
    return "\n\n".join(_tabular(layout) for layout in layouts)


_LATEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "–": "--",
    "×": r"$\times$",
}
_LATEX |= {sign: "\\" + sign for sign in "&%$#_{}"}


def latex_text(text: str) -> str:
    """A text with the signs escaped that mean something else in LaTeX."""
    return "".join(_LATEX.get(sign, sign) for sign in text)


def _tabular(layout: Layout) -> str:
    def line(cells: Sequence[str]) -> str:
        return " & ".join(latex_text(cell) for cell in cells) + r" \\"

    numbers = len(layout.lines[0].cells)
    columns = "l" * (len(layout.heads) - numbers - 1) + "r" * numbers + "l"
    return "\n".join(
        (
            r"\begin{table}",
            rf"\caption{{{latex_text(layout.title)}}}",
            r"\resizebox{\textwidth}{!}{%",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            line(layout.heads),
            r"\midrule",
            *map(line, layout.texts()),
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
        )
    )


def _head(table: PaperTable, column: Column) -> str:
    """The heading of a column; the score is left out where the rows or the caption name it."""
    names = (column.under, column.head, OF_DATA.get(column.data, column.data), _name(column.score))
    alone = len({c.data for c in table.columns}) == 1 and len(table.columns) > 1
    return " ".join(name for name in names if name and not (alone and name == names[2]))


def _name(score: str) -> str:
    return {**PRINTED, **OF_COST}.get(score, "")


def _lines(table: PaperTable, row: Row, found: Found) -> list[Line]:
    cells = table.cells(row)
    labels = (*row.name, *("",) * (len(table.labels) - len(row.name)))
    if row.score:
        labels = (f"{labels[0]} {_name(row.score)}".strip(), *labels[1:])
    lines = [Line(labels, "published", tuple(cell.printed for cell in cells), _source(row, cells))]
    ours = [found.ours(cell) for cell in cells]
    for rule in RULES:
        if any(rule in numbers for numbers in ours):
            shown = tuple(
                _shown(numbers[rule], cell) if rule in numbers else ""
                for numbers, cell in zip(ours, cells, strict=True)
            )
            lines.append(Line(("",) * len(labels), rule, shown, ""))
    return lines


def _source(row: Row, cells: Sequence[Cell]) -> str:
    named = dict.fromkeys(cell.recipe for cell in cells if cell.recipe)
    return ", ".join(named) or f"published only: {row.why or 'no such recipe here'}"


def _shown(value: float, cell: Cell) -> str:
    if cell.score in ("parameters", "flops"):
        return _large(value)
    if cell.score in ("milliseconds", "cpu_percent"):
        return f"{value:.1f}"
    if cell.score == "seconds":
        return f"{value:.0f}"
    return f"{100 * value:.2f}" if cell.percent else f"{value:.4f}"


def _large(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.2f} {letter}"
    return f"{value:.0f}"
