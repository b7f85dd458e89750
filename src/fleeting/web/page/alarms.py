"""Which likelihood goes with how many false alarms: what the spotter that ships was measured to give."""

from __future__ import annotations

from functools import cache

import numpy as np

from fleeting.errors import UnknownNameError
from fleeting.spotting import spotters

RATES = np.exp2(np.arange(-4 * 12, 6 * 12 + 1) / 12)
"""False alarms a minute that the spotter is asked about: 1/16 to 64, twelve steps for twice as many."""


@cache
def points(spotter: str) -> tuple[tuple[float, float], ...]:
    """Pairs of false alarms a minute, rising, and the likelihood from which on they come, falling.

    Rates at which the spotter was not measured are left out: there it repeats its first or last likelihood. A
    spotter that does not judge has no pairs.
    """
    try:
        asked = spotters[spotter]()
    except UnknownNameError:
        return ()
    known = np.array([asked.point(float(rate)) for rate in RATES])
    inside = np.flatnonzero(np.diff(known))
    if not len(inside):
        return ()
    kept = slice(inside[0], inside[-1] + 2)
    pairs = zip(RATES[kept].tolist(), known[kept].tolist(), strict=True)
    return tuple((round(rate, 4), round(likelihood, 6)) for rate, likelihood in pairs)
