"""Resamples motion to even steps of time, whatever the frame rate, and keeps the steps still needed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fleeting.errors import OptionError

Array = npt.NDArray[np.float64]
RATE = 100
"""Steps per second: the shortest movement, 40 ms, takes four."""


class Timeline:
    """Values of a stretch of frames, resampled to even steps.

    A step's value is the mean over its time of the straight lines from frame to frame. Step i lasts from
    ``start + i / RATE`` to ``start + (i + 1) / RATE`` seconds. The first ``lead`` steps lie before the first
    frame, and have its values. `forget` keeps the last ``keep`` steps.
    """

    def __init__(self, time: float, frame: int, values: Array, lead: int, keep: int) -> None:
        self.start, self._keep = time - lead / RATE, keep
        self.first = 0
        self._steps = np.tile(values, (lead, 1))
        self._new: list[Array] = []
        self.end = lead
        """Number of steps so far, with those that were forgotten."""
        self._times, self._frames = [time], [frame]
        self._last, self._sum, self._at_edge = values, np.zeros_like(values), np.zeros_like(values)

    @property
    def steps(self) -> Array:
        """Values of the steps that are kept, from step ``first`` on: (steps, values)."""
        if self._new:
            self._steps, self._new = np.concatenate([self._steps, *self._new]), []
        return self._steps

    @property
    def period(self) -> float:
        """Mean seconds from frame to frame among the frames that are kept."""
        return (self._times[-1] - self._times[0]) / max(len(self._times) - 1, 1)

    @property
    def last_time(self) -> float:
        """Time of the last frame."""
        return self._times[-1]

    def time(self, step: int) -> float:
        """The middle of a step, in seconds."""
        return self.start + (step + 0.5) / RATE

    def add(self, time: float, frame: int, values: Array) -> None:
        """Add the next frame's values. Raises OptionError on a frame that is not later than the last one."""
        if time <= self._times[-1]:
            found = f"frame {frame} at {time:g} s came after one at {self._times[-1]:g} s"
            raise OptionError(f"{found}, expected a later one; push frames in their order")
        before = self._times[-1]
        span = time - before
        slope = (values - self._last) / span
        edges = self.start + np.arange(self.end + 1, int((time - self.start) * RATE + 1e-6) + 1) / RATE
        since = np.clip(edges - before, 0, span)[:, None]
        sums = self._sum + since * self._last + since**2 / 2 * slope
        if len(sums):
            self._append(np.diff(np.vstack([self._at_edge, sums]), axis=0) * RATE)
            self._sum, self._at_edge = self._sum - sums[-1], np.zeros_like(values)
        self._sum = self._sum + span * (self._last + values) / 2
        self._last = values
        self._times.append(time)
        self._frames.append(frame)

    def hold(self, steps: int) -> None:
        """Append ``steps`` steps of the last values, as if nothing moved any more; no frame may follow."""
        self._append(np.tile(self._last, (steps, 1)))

    def forget(self) -> None:
        """Drop the steps and frames that are older than the last ``keep`` steps."""
        old = self.end - self.first - self._keep
        if old <= 0:
            return
        self._steps, self.first = self.steps[old:], self.first + old
        oldest = self.start + self.first / RATE
        count = int(np.searchsorted(self._times, oldest))
        del self._times[:count], self._frames[:count]

    def _append(self, steps: Array) -> None:
        self._new.append(steps)
        self.end += len(steps)

    def frames(
        self, onset: float, apex: float, offset: float
    ) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
        """Numbers and times of three frames: the first from onset on, the apex, and the last up to offset."""
        times = np.array(self._times)
        last = len(times) - 1
        first = min(int(np.searchsorted(times, onset - 1e-9)), last)
        final = max(int(np.searchsorted(times, offset + 1e-9, side="right")) - 1, first)
        peak = min(max(int(np.abs(times - apex).argmin()), first), final)
        numbers = self._frames[first], self._frames[peak], self._frames[final]
        return numbers, (self._times[first], self._times[peak], self._times[final])
