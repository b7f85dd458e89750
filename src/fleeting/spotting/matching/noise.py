"""Learns the noise of a video: how much templates find in it by chance, without any movement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.spotting.matching.patches import patches
from fleeting.spotting.matching.templates import BLOCK, DURATIONS
from fleeting.spotting.matching.timeline import RATE

Array = npt.NDArray[np.float64]
FLOOR = 0.02
"""Smallest deviation of the noise, in percent of the eye distance, even where nothing moves at all."""
MEMORY, OUTLIER = 20.0, 2.5
"""MEMORY: seconds over which the noise is averaged (time constant). OUTLIER: deviations at which values are
clipped before they are averaged."""
GROWS = 2.0
"""Largest deviation of a template in the first estimate, as a multiple of the smallest among the five
shortest templates."""
UNSEEN = 0.1
"""Percent of the eye distance: first estimate of the deviation where the templates saw nothing but blinks."""
SHUTS = 0.25
"""Change of `Motion.shut` above which somebody blinks."""
ECHO = {
    "under eye": 1.0,
    "eye corner": 2.0,
    "inner brow": 0.3,
    "middle brow": 0.2,
    "outer brow": 0.3,
    "cheek": 0.2,
    "inner cheek": 0.2,
    "nose root": 0.2,
}
"""Percent of the eye distance by which a blink moves each region, assumed until blinks are seen, for a change
of 1 in `Motion.shut`. Other regions do not move."""
USUAL = 3.5
"""Score that a part of the face usually reaches, in deviations, assumed until the video has shown its own."""
GUESSED, BLINKS, SAFETY = 10.0, 200.0, 4.0
"""GUESSED: steps with eyes shut that ECHO counts as. BLINKS: most of these steps that an echo is averaged
over (some ten blinks). SAFETY: factor on an echo's variance, because blinks differ from one another."""


class Noise:
    """Running variances of the heights that each template finds in each patch, (templates, patches, 2).

    The echo of a blink in the skin around the eyes is a second noise, which grows with how far the eyes shut.
    """

    def __init__(self) -> None:
        names = (regions[0] for regions in patches().names)
        usual = np.array([ECHO.get(name.partition(" ")[2], 0.0) for name in names])
        self._near_eyes = usual[:, None] > 0
        self.variance: Array | None = None
        self._echo = np.tile(GUESSED * usual[None, :, None] ** 2, (len(DURATIONS), 1, 2))
        self._blinks = np.full(len(DURATIONS), GUESSED)
        self.usual = np.full((len(DURATIONS), patches().parts), USUAL)
        """Running median of the highest score in a block, in deviations: (templates, parts)."""

    def learn(self, heights: Array, shut: Array) -> None:
        """Take in the next steps: ``heights`` (steps, templates, patches, 2), ``shut`` (steps, templates)."""
        blinking = shut > SHUTS
        calm = ~blinking[..., None, None]
        self._learn_echo(heights, np.where(blinking, shut, 0))
        if self.variance is None:
            self.variance = _first(np.where(calm, heights, np.nan))
            return
        share = 1 - np.exp(-len(heights) / RATE / MEMORY)
        now = np.minimum(heights**2, OUTLIER**2 * self.variance)
        change = np.where(calm, now - self.variance, 0).mean(axis=0)
        self.variance = np.maximum(self.variance + share * change, FLOOR**2)

    @property
    def deviation(self) -> Array:
        """Standard deviation of the heights that each template finds in each patch by chance."""
        return np.sqrt(np.zeros_like(self._echo) if self.variance is None else self.variance)

    def standing_out(self, heights: Array, shut: Array) -> Array:
        """Heights in deviations of the noise, of the same shape."""
        if self.variance is None:
            return np.zeros_like(heights)
        over = np.where(shut > SHUTS, shut, 0)[..., None, None]
        return np.asarray(heights / np.sqrt(self.variance + SAFETY * self._echo_of(over**2)))

    def learn_scores(self, scores: Array) -> None:
        """Take in the scores of templates at the next steps: (steps, templates, parts)."""
        for furthest in scores.reshape(-1, BLOCK, *self.usual.shape).max(axis=1):
            self.usual = self.usual * np.exp(BLOCK / RATE / MEMORY * np.sign(furthest - self.usual))

    def _learn_echo(self, heights: Array, shut: Array) -> None:
        if self.variance is None:
            return
        square = shut[..., None, None] ** 2
        cut = OUTLIER**2 * (self._echo_of(square) + self.variance)
        self._blinks = self._blinks + (shut**2).sum(axis=0)
        led = (square > 0) & self._near_eyes
        self._echo = self._echo + np.where(led, np.minimum(heights**2, cut), 0).sum(axis=0)
        fade = np.minimum(1, BLINKS / self._blinks)
        self._blinks, self._echo = fade * self._blinks, fade[:, None, None] * self._echo

    def _echo_of(self, square: Array) -> Array:
        return np.asarray(self._echo / self._blinks[:, None, None] * square)


def _first(heights: Array) -> Array:
    """A robust first estimate of the variance from heights, which are nan where somebody blinked."""
    size = np.where(np.isnan(heights), np.inf, np.abs(heights))
    seen = np.isfinite(size).sum(axis=0)
    middle = np.take_along_axis(np.sort(size, axis=0), np.maximum(seen // 2 - 1, 0)[None], axis=0)[0]
    found = (1.4826 * middle) ** 2
    short = np.where(np.isfinite(found[:5]), found[:5], UNSEEN**2).min(axis=0)
    return np.asarray(np.clip(found, FLOOR**2, np.maximum(GROWS**2 * short, FLOOR**2)))
