"""Action units of sheets: every spelling that the datasets use, and what they leave open."""

import re

import numpy as np
import pytest

from fleeting.datasets import datasets, unit_targets, units_in


@pytest.mark.parametrize(
    ("cell", "present", "unsure"),
    [
        ("12", {12}, set()),
        ("4+7+L10", {4, 7, 10}, set()),
        ("12C", {12}, set()),
        ("4D+9B", {4, 9}, set()),
        ("10A/B", {10}, set()),
        ("A/L12", {12}, set()),
        ("A1B+A2C", {1, 2}, set()),
        ("4+R20", {4, 20}, set()),
        ("4R+7", {4, 7}, set()),
        ("24+T18+16", {24, 18, 16}, set()),
        ("14,12", {14, 12}, set()),
        ("4,24,6+12+15", {4, 24, 6, 12, 15}, set()),
        ("1，2", {1, 2}, set()),  # noqa: RUF001 - the full-width comma of CAS(ME)^3
        ("AU12+ lip corner puller", {12}, set()),
        ("R14+17+soft focus", {14, 17}, set()),
        ("L12 or L14", set(), {12, 14}),
        ("(R6 or R12)+R15", {15}, {6, 12}),
        ("10or11", set(), {10, 11}),
        ("13?", set(), {13}),
        ("12A+ref(24)", {12}, {24}),
        ("ref(6+7)+4", {4}, {6, 7}),
        ("AU4(k)+L7", {7}, {4}),
        ("12 or 14+12", {12}, {14}),
    ],
)
def test_a_cell_names_these_units(cell, present, unsure):
    assert units_in(cell) == (present, unsure)


@pytest.mark.parametrize("cell", ["", " ", "/", "?", "none", "soft focus"])
def test_a_cell_without_a_number_is_not_coded(cell):
    assert units_in(cell) is None


def test_targets_say_yes_no_and_nothing():
    found = unit_targets(["1+2", "", "4+L12 or L14"], (1, 4, 12))
    nan = np.nan
    np.testing.assert_array_equal(found, np.array([[1, 0, 0], [nan, nan, nan], [0, 1, nan]], np.float32))


@pytest.mark.parametrize(("name", "open_"), [("casme2", 0), ("samm", 4)])
def test_every_clip_of_the_real_sheets_is_coded(name, open_, shared):
    """A cell that holds the number 12 says that the lip corner is pulled, or leaves it open."""
    cells = [sample.action_units for sample in datasets[name].samples(shared / "annotations")]
    target = unit_targets(cells, (12,))[:, 0]
    named = sum(re.search(r"(?<!\d)12(?!\d)", cell) is not None for cell in cells)
    assert np.isnan(target).sum() == open_
    assert np.nansum(target) == named - open_
    assert (target == 0).sum() == len(cells) - named
