"""Prints the output of the commands: sentences, JSON, tables of scores, progress."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from errno import EIO, EPIPE
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

UNWRAPPED = 100_000
"""The width, in characters, of what no terminal shows: a line of a table stays one line for `grep`."""


class NoReaderError(Exception):
    """The program or terminal that read the output has gone."""


class _Console(Console):
    """A console that puts no emoji into paths, wraps for terminals only, and knows if its reader has gone."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, emoji=False)

    def print(self, *objects: Any, **how: Any) -> None:
        if not self.file.isatty():
            self.width = UNWRAPPED
        with _read():
            super().print(*objects, **how)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@contextmanager
def _read() -> Iterator[None]:
    """Raise NoReaderError where what is printed can reach nobody; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in (None, EPIPE, EIO):  # a terminal that was closed gives EIO
            raise NoReaderError from error
        raise


out, err = _Console(), _Console(stderr=True)


def say(text: str) -> None:
    """Print a sentence on standard output without markup or added line breaks."""
    out.print(text, soft_wrap=True, highlight=False, markup=False)


def complain(text: str) -> None:
    """Print a line on standard error that begins with the command's name."""
    err.print(f"fleeting: {text}", soft_wrap=True, highlight=False, markup=False)


class _Complaints(logging.Handler):
    """Prints what the library logs, such as a file that was kept aside, as a line of the command."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())


logging.getLogger("fleeting").addHandler(_Complaints())


def print_json(value: Any, indent: int | None = 2) -> None:
    """Print a value as JSON on standard output."""
    with _read():
        print(json.dumps(value, indent=indent), flush=True)  # noqa: T201 - the command prints


@contextmanager
def progress_shown() -> Iterator[Any]:
    """A progress callback that shows a bar with the remaining time on a terminal, and nothing elsewhere."""
    if not err.is_terminal:
        yield lambda *_: None
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
    )
    tasks: dict[str, Any] = {}
    with _read(), bar:

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield show


def print_run(done: Any) -> None:
    """Print a run's scores beside the paper's, with the caveats without which they would mislead."""
    from fleeting.reports.beside_paper import beside_paper
    from fleeting.scoring.bootstrap import caveats

    scores = done.scores
    rows = [
        (rule, part or "all", s)
        for rule in (done.rule, "oracle")
        if scores[rule]
        for part, s in parts(scores[rule])
    ]
    out.print(score_table(rows))
    if scores["drawn"]:
        say(f"drawn data, not comparable with any published score. {scores['drawn_people']}")
    for caveat in caveats(scores[done.rule]):
        say(caveat)
    if scores["subjects_shared"]:
        say("folds share subjects: the score is not clean")
    if scores["oracle"]:
        say(
            "oracle: the epoch best on each test side, as much published code keeps it; inflated, shown"
            f" only for comparison. Guessing reaches UF1 {scores['null']['uf1']:.3f} that way."
        )
    if printed := [row for row in beside_paper(done) if row["paper"] is not None]:
        out.print(paper_table(printed))
    for how, folds in scores["executor"].items():
        say(f"{folds} folds were trained {how}")
    say(f"{scores['folds']} folds in {scores['seconds']:.1f} s; report: {done.path / 'report.html'}")


def parts(score: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The rows of a score: all clips first (named ""), then each part, such as a dataset of a composite."""
    return [("", score), *score["parts"].items()]


def score_table(rows: Sequence[tuple[str, str, dict[str, Any]]]) -> Table:
    """A table of scores: rule, part, numbers with their intervals."""
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for name in ("rule", "part"):
        table.add_column(name, no_wrap=True)
    for name in ("clips", "UF1", "95 %", "UAR", "95 %", "accuracy", "AUC"):
        table.add_column(name, justify="right", no_wrap=True)
    for rule, part, s in rows:
        pairs = [(s[key], s["ci95"][key]) for key in ("uf1", "uar")]
        cells = [text for value, ci in pairs for text in (number(value), interval(ci))]
        color = {"clean": "green", "oracle": "dark_orange", "shared": "dark_orange"}.get(rule, "")
        label = f"[{color}]{rule}[/]" if color else rule
        table.add_row(label, escape(part), str(s["n"]), *cells, number(s["accuracy"]), number(s["auc"]))
    return table


def paper_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A table of numbers beside those of a paper (see `fleeting.reports.beside_paper.beside_paper`)."""
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for name in ("recipe", "dataset"):
        table.add_column(name, overflow="fold")
    for name in ("clips", "score", "the paper", "oracle", "clean", "95 %"):
        table.add_column(name, justify="left" if name == "score" else "right", no_wrap=name != "the paper")
    above = None
    for row in rows:
        which = (row["recipe"].rpartition("/")[2], " ".join(filter(None, (row["dataset"], row["part"]))))
        named = ("", "") if which == above else map(escape, which)
        first, above = which != above, which
        paper = number(row["paper"]) if not row["drawn"] else "drawn data: not comparable" if first else ""
        own = number(row["own"]) + ("" if row["rule"] == "clean" else f" {row['rule']}")
        cells = (str(row["n"]), row["score"], paper, number(row["oracle"]), own, interval(row["ci95"]))
        table.add_row(*named, *cells)
    return table


def print_tables(done: Any, form: str) -> None:
    """Print the tables of a paper (`fleeting.benchmark.tables.Tables`) as text, markdown, latex or csv."""
    from fleeting.reports import paper_tables

    layouts = done.layouts()
    if form == "csv":
        say(paper_tables.as_csv(done.cells()).rstrip())
    elif form != "text":
        say({"latex": paper_tables.as_latex, "markdown": paper_tables.as_markdown}[form](layouts))
    else:
        if done.paper:
            say(f"{done.paper.title}. {done.paper.reference}\n{done.paper.note}\n")
        for layout in layouts:
            say("\n".join(filter(None, (layout.title, layout.note))))
            out.print(_laid_out(layout))
            say("")
        if layouts:
            say(paper_tables.LEGEND)
        else:
            out.print(paper_table(done.rows()))
        for note in done.notes():
            say(note)
        say(str(done.folder / "tables.html") if done.folder else "nothing was run; add --data NAME=PATH")


def _laid_out(layout: Any) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    numbers = len(layout.lines[0].cells)
    first = len(layout.heads) - 1 - numbers
    for place, head in enumerate(layout.heads):
        number = first <= place < first + numbers
        table.add_column(escape(head), justify="right" if number else "left", overflow="fold")
    for line in layout.texts():
        table.add_row(*map(escape, line))
    return table


def interval_table(what: str, rows: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    """A table of hits, false alarms and misses under the heading ``what``."""
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column(what, overflow="fold")
    for name in ("hits", "false", "missed", "precision", "recall", "F1"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, counts in rows:
        shares = [number(counts[key]) for key in ("precision", "recall", "f1")]
        table.add_row(escape(name), *(str(counts[key]) for key in ("tp", "fp", "fn")), *shares)
    return table


def recognised(scores: Mapping[str, Any]) -> str:
    """How well the classes of a spotter's hits were recognised, in a few words."""
    uf1, uar, accuracy = (number(scores["recognised"][name]) for name in ("uf1", "uar", "accuracy"))
    return f"UF1 {uf1}, UAR {uar}, accuracy {accuracy}; STRS {number(scores['strs'])}"


def number(value: float | None) -> str:
    """The number with four decimals, or a dash for None."""
    return "–" if value is None else f"{value:.4f}"


def interval(limits: Sequence[float] | None) -> str:
    """The two limits of an interval with three decimals, or a dash for None."""
    return f"{limits[0]:.3f}–{limits[1]:.3f}" if limits else "–"
