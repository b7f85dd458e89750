"""Parsing the action units of a sheet: which are there, and which the coders left open.

The grammars of CASME II, SAMM, CAS(ME)^2, CAS(ME)^3, MMEW and 4DME differ: units are joined by a plus or a
comma, sides stand before or after the number (``L12``, ``12L``, ``A/L12``), intensities after it (``12C``,
``10A/B``). Left open are alternatives (``L12 or L14``, ``(R6 or R12) + R15``, ``10or11``), questions
(``13?``), references (``ref(24)``) and units that do not move (``4(k)``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from fleeting.types import FloatArray

_JOINTS = re.compile(r"[+,，;](?![^(]*\))")  # noqa: RUF001 - a sheet of CAS(ME)^3 has the full-width comma
_NUMBERS = re.compile(r"(?<!\d)\d{1,2}(?!\d)", re.ASCII)
_OPEN = re.compile(r"\?|\bref\b|\(k\)", re.IGNORECASE)


class Units(NamedTuple):
    """The action units of one clip: those that are there, and those of which the sheet is not sure."""

    present: frozenset[int]
    unsure: frozenset[int]


def units_in(written: str) -> Units | None:
    """The action units that a cell names; None where it names none, so that the clip counts as not coded.

    >>> units_in("(R6 or R12) + R15")
    Units(present=frozenset({15}), unsure=frozenset({12, 6}))
    """
    present: set[int] = set()
    unsure: set[int] = set()
    for part in _JOINTS.split(written):
        numbers = {int(number) for number in _NUMBERS.findall(part)}
        (unsure if len(numbers) > 1 or _OPEN.search(part) else present).update(numbers)
    if not present | unsure:
        return None
    return Units(frozenset(present), frozenset(unsure - present))


def unit_targets(cells: Iterable[str], units: Sequence[int]) -> FloatArray:
    """For each cell whether each unit is there: (n, units), 1 yes, 0 no, NaN where the sheet does not say."""
    return np.array([[_target(units_in(cell), unit) for unit in units] for cell in cells], dtype=np.float32)


def _target(found: Units | None, unit: int) -> float:
    if found is None or unit in found.unsure:
        return float("nan")
    return float(unit in found.present)
