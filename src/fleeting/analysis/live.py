"""Events while they happen: from a camera, or from a file as fast as it plays and no faster."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Event as Flag
from threading import Thread

from fleeting.recognition.recogniser import SHIPPED, Recogniser
from fleeting.session.session import Session
from fleeting.spotting import DEFAULT
from fleeting.types import Event, Frame
from fleeting.video.reader import Video, VideoReport, open_video

WAITING = 32
"""Frames that may wait for their turn; what comes then is dropped, so that events stay on time."""


class Live:
    """Events of a camera or a video, to be iterated once; `stop`, from anywhere, ends it with what is due.

    ``frames`` counts those that were looked at, ``dropped`` those for which there was no time; ``latency`` is
    how many seconds after its offset an event comes, on a machine that is fast enough.
    """

    def __init__(self, video: Video, session: Session, paced: bool) -> None:
        self._video, self._session, self._paced = video, session, paced
        self._waiting: SimpleQueue[Frame | Exception | None] = SimpleQueue()
        self._stopped = Flag()
        self.latency = session.latency
        self.frames = self.dropped = 0

    def __iter__(self) -> Iterator[Event]:
        """Events as they become certain. Raises what reading the video raises."""
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
        """What was found in the video so far."""
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
        except Exception as error:  # for whoever iterates to raise
            end = error
        self._waiting.put(end)


def live(
    source: int | str | Path,
    *,
    model: str | Path | None = SHIPPED,
    spotter: str = DEFAULT,
    people: int = 4,
    fps: float | None = None,
) -> Live:
    """Watch a camera (by its number), or a video or folder of pictures at its own pace.

    ``model`` is a recogniser's name or file, None for none; ``fps`` is as `fleeting.open_video` takes
    it, ``spotter`` and ``people`` as `fleeting.Session` does. Raises what these raise.
    """
    recogniser = None if model is None else Recogniser.load(model)
    session = Session(recogniser=recogniser.recognise if recogniser else None, spotter=spotter, people=people)
    return Live(open_video(source, fps=fps), session, paced=not isinstance(source, int))
