"""Reads a frame number from a cell of a table, and refuses a number that may be something else."""

from __future__ import annotations

import math
import re

NOISE = 1e-6
"""The largest distance from a whole number, in frames, that is rounding noise and no fraction."""
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)


def number_in(cell: str, mark: str = ",") -> float:
    """The number that is written in a cell of a table in which ``mark`` separates the cells.

    A comma is a decimal point, unless commas separate the cells. Raises ValueError on what is no finite
    number, and in tables without commas between the cells on a number such as 1.200 or 1,200: programs write
    that for 1200 and for 1.2.
    """
    plain = cell.strip()
    if mark != "," and _GROUPED.fullmatch(plain):
        whole, decimal = re.sub("[.,]", "", plain), plain.replace(",", ".").rstrip("0").rstrip(".")
        raise ValueError(f"it may be {whole} or {decimal}: write whole numbers without separators")
    try:
        number = float(plain.replace(",", ".") if mark != "," else plain)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("write whole numbers")
    return number


def has_fraction(number: float) -> bool:
    """Whether a number is further from a whole one than rounding noise."""
    return abs(number - round(number)) > NOISE
