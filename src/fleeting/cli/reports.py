"""The commands about finished runs: report, cite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

import fleeting
from fleeting.cli.parsing import Replace, app
from fleeting.cli.printing import say


@app.command
def report(
    *runs: Path,
    out_: Annotated[Path | None, Parameter(name="--out")] = None,
    format_: Annotated[Literal["page", "csv", "latex"], Parameter(name="--format")] = "page",
    replace: Replace = False,
) -> int:
    """One page over runs: a table, and paired tests of each against the first; or the table alone.

    Args:
        runs: The folders of finished runs.
        out_: Where the page is written; without it, the run's own report.html, or comparison.html here. A
            name that ends in .md gets a page to keep, with the command of every row and what was not run.
        format_: page, or the table alone: csv for spreadsheets, latex for a paper; without --out it is
            comparison.csv or comparison.tex here.
    """
    say(str(fleeting.report(list(runs), out_, form=format_, replace=replace)))
    return 0


@app.command
def cite(run: Path) -> int:
    """BibTeX of what a run used: its recipe, its model, its datasets, and this package.

    Args:
        run: The folder of a finished run.
    """
    say(fleeting.cite(run).rstrip())
    return 0
