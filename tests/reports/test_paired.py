"""Rows of paired tests: each score of each run, corrected for all of them together."""

from types import SimpleNamespace

from fleeting.reports.paired import paired_rows
from fleeting.scoring.stats import PairedTests


def compared(*p):
    """A comparison with these permutation p of UF1, UAR and accuracy, and no t-test."""
    scores = ("uf1", "uar", "accuracy")
    return SimpleNamespace(
        difference=dict.fromkeys(scores, 0.1),
        ci95={"uf1": (0.0, 0.2), "uar": None},
        subjects=16,
        tests={name: PairedTests(None, None, value) for name, value in zip(scores, p, strict=True)},
        mcnemar_p=0.3,
    )


def test_p_are_corrected_over_all_runs_and_scores():
    rows = paired_rows([("a", compared(0.01, 0.5, 0.02)), ("b", compared(0.04, 0.6, 0.9))])
    assert [(row["name"], row["score"]) for row in rows[:3]] == [
        ("a", "UF1"),
        ("a", "UAR"),
        ("a", "accuracy"),
    ]
    assert [round(row["permutation_p_holm"], 9) for row in rows] == [0.06, 1, 0.1, 0.16, 1, 1]
    assert [row["t_p_holm"] for row in rows] == [None] * 6
    assert [row["mcnemar_p"] for row in rows] == [None, None, 0.3] * 2
    assert {row["subjects"] for row in rows} == {16}
    assert [row["ci95"] for row in rows[:3]] == [(0.0, 0.2), None, None]
