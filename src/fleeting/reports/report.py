"""Reports on runs: one page over them, or one table, in the form that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from fleeting.errors import RunError, UnknownNameError
from fleeting.experiments.run_folder import Run
from fleeting.files import path_of
from fleeting.output.owned import reopened
from fleeting.reports.markdown import write_results
from fleeting.reports.pages import write_comparison, write_page, write_report
from fleeting.reports.run_table import rows_csv, rows_latex, run_rows

Form = Literal["page", "csv", "latex"]


def report(
    folders: str | Path | Run | Sequence[str | Path | Run],
    out: str | Path | None = None,
    *,
    form: Form = "page",
    replace: bool = False,
) -> Path:
    """Write one page over runs, or over those in these folders; return its path.

    A single run gets its own report again. Several runs are compared with the first, in ``comparison.html``
    in the current folder unless ``out`` says otherwise. An ``out`` that ends in .md is written by
    `write_results`. With the ``form`` csv or latex it is a table instead, a row for each run and part, in
    ``comparison.csv`` or ``comparison.tex``. Raises RunError on a folder that is no finished run, OutputError
    where ``out`` is a file of others (unless ``replace`` is true: it is then kept aside).

    >>> one = fleeting.run("drawn/linear-flow", out="run")
    >>> fleeting.report(one).name, fleeting.report(["run", one], "both.html").name
    ('report.html', 'both.html')
    """
    given = [folders] if isinstance(folders, str | Path | Run) else folders
    runs = [one if isinstance(one, Run) else Run.load(path_of(one, "a run")) for one in given]
    out = None if out is None else path_of(out, "out")
    if not runs:
        raise RunError("no run was named; name one or more run folders")
    if form not in get_args(Form):
        raise UnknownNameError("form of a report", form, get_args(Form))
    if form != "page":
        rows, ending = run_rows(runs), "csv" if form == "csv" else "tex"
        text = rows_csv(rows) if form == "csv" else rows_latex(rows)
        return write_page(out or Path(f"comparison.{ending}"), text, replace=replace)
    if out and out.suffix.lower() == ".md":
        return write_results(runs, out, replace=replace)
    if len(runs) == 1 and out is None:
        return _again(runs[0])
    return write_comparison(runs, out or Path("comparison.html"), replace=replace)


def _again(run: Run) -> Path:
    """Write the report of a run again; an edited one is kept aside."""
    with reopened(run.path, "run") as own:
        own.give_way(["report.html"])
        page = write_report(run)
        own.wrote(["report.html"])
        own.save()
    return page
