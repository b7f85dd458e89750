"""Declares a paper: its tables as rows, columns and numbers, each cell with the recipe that gives ours.

A paper is one file, ``papers/<group>.toml``; its recipes lie in ``recipes/<group>``. ``fleeting tables``, the
pages about the papers and the contract tests derive from it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fleeting.errors import OptionError, UnknownNameError
from fleeting.experiments.recipe import Experiment, read_recipe
from fleeting.experiments.recipe_tables import Reported

COMPOSITE = "composite"
"""As a column's data: the three datasets of MEGC2019 together."""
COMPOSITES = ("megc2019", "megc2019-flow")
"""The datasets that are the composite: of frames, and of published motion maps."""
PARTS = ("casme2", "samm", "smic")
"""The parts of the composite."""
COSTS = ("parameters", "flops", "milliseconds", "seconds", "cpu_percent")
"""What a column may hold beside a score: of a network its weights, operations and time a sample; of a run."""
SCORES = tuple(key for key, field in Reported.model_fields.items() if field.annotation == (float | None))
MISSING = {"–": "not reported", "?": "not readable in our text of the paper"}


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Declared):
    """A column of numbers: of which data (a dataset, "composite", "" for the recipe's own), and which score.

    Without a score it is text that no run is compared with. In the file ``"casme2 uf1"`` is short for
    ``{data = "casme2", score = "uf1"}``.
    """

    data: str = ""
    score: str = ""
    head: str = Field(default="", description="what stands above it, where data and score do not say it")
    under: str = Field(default="", description="the heading that it shares with its neighbours")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        data, _, score = value.partition(" ")
        return {"data": data, "score": score}


class Row(_Declared):
    """A row: its labels, its numbers as printed, and the recipe of each cell ("" where there is none)."""

    name: tuple[str, ...]
    score: str = Field(default="", description="of all its cells, where a row is one score")
    recipe: str | tuple[str, ...] = ""
    values: tuple[Decimal | str, ...] = Field(default=(), description="none: all are the table's ``empty``")
    why: str = Field(default="", description="why there is no recipe")

    @field_validator("name", mode="before")
    @classmethod
    def _one_label(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


@dataclass(frozen=True)
class Cell:
    """One number of a table: what the paper prints, and whose run on which data gives ours.

    ``published`` is None where nothing was printed that can be read; shares printed in percent are shares
    here. ``part`` is the part of a composite run, "" for all its clips.
    """

    printed: str
    published: float | None
    percent: bool
    score: str
    recipe: str
    dataset: str
    part: str


class PaperTable(_Declared):
    """A table of a paper; ``labels`` head the columns in front, ``percent`` names the scores so printed."""

    name: str
    caption: str
    note: str = ""
    labels: tuple[str, ...] = ("method",)
    columns: tuple[Column, ...]
    percent: tuple[str, ...] = ()
    empty: str = Field(default="–", description="what stands in rows without values: – or ?")
    rows: tuple[Row, ...]

    @model_validator(mode="after")
    def _fits(self) -> PaperTable:
        for row in self.rows:
            given = {"values": row.values, "recipes": row.recipe if isinstance(row.recipe, tuple) else ()}
            for what, found in given.items():
                if found and len(found) != len(self.columns):
                    expected = f"{self.name} has {len(self.columns)} columns"
                    raise ValueError(f"row {' '.join(row.name)} has {len(found)} {what}; {expected}")
            if len(row.name) > len(self.labels):
                raise ValueError(f"row {' '.join(row.name)} has more labels than {', '.join(self.labels)}")
            values = row.values or (self.empty,) * len(self.columns)
            for column, value in zip(self.columns, values, strict=True):
                score = row.score or column.score
                if score and score not in (*SCORES, *COSTS):
                    raise ValueError(f"{score} is no score; expected one of {', '.join((*SCORES, *COSTS))}")
                if score and isinstance(value, str) and value not in MISSING:
                    raise ValueError(f"row {' '.join(row.name)}: {value!r} is no number; expected – or ?")
        return self

    def cells(self, row: Row) -> list[Cell]:
        """The cells of one of its rows, one for each column."""
        count = len(self.columns)
        values = row.values or (self.empty,) * count
        recipes = row.recipe if isinstance(row.recipe, tuple) else (row.recipe,) * count
        return [
            self._cell(value, recipe, column.data, row.score or column.score)
            for value, recipe, column in zip(values, recipes, self.columns, strict=True)
        ]

    def _cell(self, value: Decimal | str, recipe: str, data: str, score: str) -> Cell:
        percent = score in self.percent
        number = float(value / 100 if percent else value) if isinstance(value, Decimal) else None
        where = _where(recipe, data) if recipe else ("", "")
        return Cell(str(value), number, percent, score, recipe, *where)


class Paper(_Declared):
    """A paper: its tables, and what holds for all of them."""

    group: str
    title: str
    reference: str
    note: str = ""
    tables: tuple[PaperTable, ...]

    def recipes(self) -> list[str]:
        """Every recipe that a cell names, in the order of the tables."""
        return list(dict.fromkeys(cell.recipe for _, _, cell in self.cells() if cell.recipe))

    def cells(self) -> Iterator[tuple[PaperTable, Row, Cell]]:
        """Every cell with its table and row, in the paper's order."""
        for table in self.tables:
            for row in table.rows:
                for cell in table.cells(row):
                    yield table, row, cell


def paper_names() -> list[str]:
    """The papers that are declared, by the groups of their recipes."""
    found = (entry.name for entry in files("fleeting").joinpath("papers").iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def read_paper(group: str) -> Paper:
    """A paper's declaration. Raises UnknownNameError, and OptionError on what no paper's file may hold."""
    if group not in paper_names():
        raise UnknownNameError("paper", group, paper_names())
    text = files("fleeting").joinpath("papers", f"{group}.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)  # 0.2000 is printed as it was
    try:
        return Paper(group=group, **table)
    except ValidationError as error:
        first = error.errors()[0]
        raise OptionError(f"papers/{group}.toml: {first['loc']}: {first['msg']}") from None


@cache
def _recipe(name: str) -> Experiment:
    return read_recipe(name)


def _where(recipe: str, data: str) -> tuple[str, str]:
    """The dataset that a recipe is run on for a column's data, and the part of that run.

    Raises OptionError where the recipe has no such data.
    """
    experiment = _recipe(recipe)
    own, parts = experiment.data.dataset, experiment.reported.parts
    if data in ("", own) or (data == COMPOSITE and own in COMPOSITES):
        return own, ""
    if own in parts and data in parts:
        return data, ""
    if own in COMPOSITES and data in PARTS:
        return own, data
    raise OptionError(f"recipe {recipe} runs on {own} and has no {data}; name another recipe or column")
