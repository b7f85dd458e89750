"""The paired tests of runs against a first one as rows of a table, with p corrected for their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fleeting.reports.beside_paper import PRINTED
from fleeting.scoring.metrics import COMPARED
from fleeting.scoring.stats import Comparison, holm

TESTS = ("t_p", "permutation_p")


def paired_rows(compared: Sequence[tuple[str, Comparison]]) -> list[dict[str, Any]]:
    """A row for each named run and each of UF1, UAR and accuracy.

    Rows hold ``name``, ``score``, ``difference`` (the run minus the first), ``ci95`` (None of accuracy),
    ``subjects`` (how many pairs), ``t_p`` and ``permutation_p``, the same with ``_holm`` corrected over all
    rows together (Holm 1979), and of accuracy ``mcnemar_p``. A test that was not made is None.
    """
    rows = [
        {
            "name": name,
            "score": PRINTED[score],
            "difference": found.difference[score],
            "ci95": found.ci95.get(score),
            "subjects": found.subjects,
            **{test: getattr(found.tests[score], test) for test in TESTS},
            "mcnemar_p": found.mcnemar_p if score == "accuracy" else None,
        }
        for name, found in compared
        for score in COMPARED
    ]
    for test in TESTS:
        for row, corrected in zip(rows, holm([row[test] for row in rows]), strict=True):
            row[f"{test}_holm"] = corrected
    return rows
