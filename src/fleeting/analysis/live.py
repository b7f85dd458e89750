"""Finds events while they happen: in a camera's pictures, or in a video that plays at its own pace."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Event as Flag
from threading import Thread

from fleeting.recognition.recogniser import SHIPPED, Recogniser
from fleeting.session.session import ALARMS_PER_MINUTE, Session
from fleeting.spotting import DEFAULT
from fleeting.types import Event, Frame
from fleeting.video.reader import Video, VideoReport, open_video

WAITING = 48
"""Most frames that wait to be analysed; further ones are dropped, so that events are not delayed. In as many
frames of a camera an event's class and action units are found."""


class Live:
    """The events of a camera or a video as they are found; iterate over it once.

    `stop` may be called from any thread: the iteration then yields the events still pending and ends.
    ``frames`` counts the frames that were analysed, ``dropped`` those that were not because the machine was
    too slow; ``latency`` is how many seconds after its offset an event comes, on a machine that is fast
    enough.
    """

    def __init__(self, video: Video, session: Session, paced: bool) -> None:
        self._video, self._session, self._paced = video, session, paced
        self._waiting: SimpleQueue[Frame | Exception | None] = SimpleQueue()
        self._stopped = Flag()
        self.latency = session.latency
        self.frames = self.dropped = 0

    def __iter__(self) -> Iterator[Event]:
        """Each event as soon as it is certain. Raises the errors that reading the video raises."""
        reader = Thread(target=self._read, daemon=True)
        reader.start()
        try:
            for _, found in self._session.read(self._arriving()):
                self.frames += 1
                yield from found
            yield from self._session.finish()
        finally:
            self.stop()
            reader.join()

    @property
    def report(self) -> VideoReport:
        """The facts of the video (frames, damage, frame rate, ...) up to now."""
        return self._video.report

    def stop(self) -> None:
        """Read no more frames."""
        self._stopped.set()

    def _arriving(self) -> Iterator[Frame]:
        while (frame := self._waiting.get()) is not None:
            if isinstance(frame, Exception):
                raise frame
            yield frame

    def _read(self) -> None:
        started: float | None = None
        end: Exception | None = None
        try:
            with self._video as frames:
                for frame in frames:
                    now = clock.monotonic()
                    started = now - frame.time if started is None else started
                    if self._stopped.wait(max(0.0, started + frame.time - now) if self._paced else 0):
                        break
                    if self._waiting.qsize() < WAITING:
                        self._waiting.put(frame)
                    else:
                        self.dropped += 1
        except Exception as error:  # handed to the iterating thread, which raises it
            end = error
        self._waiting.put(end)


def live(
    source: int | str | Path,
    *,
    model: str | Path | None = SHIPPED,
    spotter: str = DEFAULT,
    people: int = 4,
    alarms_per_minute: float = ALARMS_PER_MINUTE,
    fps: float | None = None,
) -> Live:
    """Find events in a camera (given by its number), or in a video or folder of pictures at its own pace.

    ``model`` is a recogniser's name or file; None recognises nothing. ``fps`` is as `fleeting.open_video`
    takes it, ``spotter``, ``people`` and ``alarms_per_minute`` as `fleeting.Session` does. Raises the errors
    that these calls raise.

    >>> [event.kind for event in fleeting.live("interview.mp4", model=None)]
    ['micro']
    """
    recogniser = None if model is None else Recogniser.load(model)
    session = Session(
        recogniser=recogniser.recognise if recogniser else None,
        spotter=spotter,
        people=people,
        alarms_per_minute=alarms_per_minute,
    )
    return Live(open_video(source, fps=fps), session, paced=not isinstance(source, int))
