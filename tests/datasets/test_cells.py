"""Cells hold anything: text, noise, dates, slashes. Reading one gives a value or a ValueError."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleeting.datasets.reading.cells import frame_number, last_number, later_frame, objective_class, text

anything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.datetimes()
    | st.sampled_from(
        ["/", " 355 ", "-1", "\u22121", "1_000", "1e3", "\uff13", "0x10", "12?", "nan", "#N/A", "46.0"]
    )
)


def outcome(reader: Callable[[object], int | None], cell: object) -> tuple[int | None, str]:
    try:
        return reader(cell), ""
    except ValueError as error:
        return None, str(error)


@given(anything)
def test_any_cell_is_a_line_of_text(cell: object) -> None:
    words = text(cell)
    assert words == words.strip()
    assert "\n" not in words


@given(anything)
def test_any_cell_is_a_frame_number_missing_or_refused(cell: object) -> None:
    for reader in (frame_number, later_frame):
        value, refusal = outcome(reader, cell)
        assert refusal == "" or "is not a frame number" in refusal
        assert value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


@given(anything)
def test_any_cell_is_an_objective_class_missing_or_refused(cell: object) -> None:
    value, refusal = outcome(objective_class, cell)
    assert refusal == "" or "objective class" in refusal
    assert value is None or 1 <= value <= 7


@given(st.integers(1, 10**7), st.floats(-9e-7, 9e-7))
def test_numbers_are_read_however_they_are_kept(number: int, noise: float) -> None:
    assert frame_number(number) == frame_number(str(number)) == frame_number(f" {number}.0 ") == number
    assert frame_number(number + noise) == number
    assert later_frame(float(number)) == number


@pytest.mark.parametrize("cell", ["/", "", "  ", None, math.nan, -1, "-1", -1.0, "-1.0", "NaN", "None"])
def test_left_out_in_every_way_the_sheets_know(cell: object) -> None:
    assert frame_number(cell) is None
    assert later_frame(cell) is None


@pytest.mark.parametrize("cell", [0, "0", 0.0])
def test_zero_is_an_onset_but_no_apex(cell: object) -> None:
    assert frame_number(cell) == 0
    assert later_frame(cell) is None


@pytest.mark.parametrize(
    "cell", [True, "soon", "12?", -5, "1_000", 10**12, math.inf, datetime.datetime(2013, 2, 1)]
)
def test_what_is_no_number_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match="is not a frame number"):
        frame_number(cell)


@given(st.integers(1, 10**7), st.floats(2e-6, 1 - 2e-6), st.booleans())
def test_a_fraction_is_no_frame_but_where_the_release_has_some(
    number: int, fraction: float, written: bool
) -> None:
    cell = f"{number + fraction:.7f}" if written else number + fraction
    with pytest.raises(ValueError, match=r"is not a frame number: it has a fraction"):
        frame_number(cell)
    assert frame_number(cell, rounded=True) == round(number + fraction)


@pytest.mark.parametrize(
    ("cell", "mark", "frame"), [("46,0", ";", 46), ("1.000", ",", 1), ("46.0000", "\t", 46), (1.0, ";", 1)]
)
def test_a_decimal_point_is_read_where_it_can_be_nothing_else(cell: object, mark: str, frame: int) -> None:
    assert frame_number(cell, mark) == frame


@pytest.mark.parametrize("cell", ["1.200", "1,200", "46.000"])
@pytest.mark.parametrize("mark", [";", "\t", ""])
def test_thousands_or_decimals_are_refused(cell: str, mark: str) -> None:
    with pytest.raises(ValueError, match=r"is not a frame number: it may be \d+ or 1.2|or 46: write whole"):
        frame_number(cell, mark)


@pytest.mark.parametrize(("cell", "number"), [("VII", 7), ("iv", 4), (3, 3), (3.0, 3), ("1", 1), ("", None)])
def test_objective_classes(cell: object, number: int | None) -> None:
    assert objective_class(cell) == number


def test_action_units_keep_their_spelling() -> None:
    assert text(12) == text(12.0) == "12"
    assert text(" (R6 or R12)  + R15 ") == "(R6 or R12) + R15"
    assert text(datetime.datetime(2013, 2, 1)) == "2013-02-01"


def test_the_last_number_of_a_name_counts() -> None:
    assert [last_number(w) for w in ("img46", "reg_img46", "006_05562", "355", "image559748")] == [
        *(46, 46, 5562, 355, 559748)
    ]
    with pytest.raises(ValueError, match="holds no number"):
        last_number("Thumbs")
