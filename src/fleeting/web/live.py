"""Finds movements in the pictures of a socket as they come, in a thread; those too many are dropped."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import Any

import numpy as np
from PIL import Image as Pillow

from fleeting.analysis.event_files import event_row
from fleeting.errors import FleetingError, OptionError
from fleeting.faces.tracking import Face
from fleeting.recognition.recogniser import SHIPPED, Recogniser
from fleeting.session.session import Session
from fleeting.types import Event, Image
from fleeting.video.writer import VideoWriter
from fleeting.web.intake import NONE
from fleeting.web.logs import fault, log

WAITING = 16
"""Most pictures that wait to be looked at; further ones are dropped, so that events are not delayed."""
SIDE = 4096
"""Longest side of a picture, in pixels."""
END = object()


@dataclass(frozen=True)
class LiveSettings:
    """What a socket asks for: as `fleeting.live` takes it, and whether the pictures are kept as a video."""

    model: str | None = None
    people: int = 4
    alarms_per_minute: float = 1.0
    record: bool = False


class LiveSession:
    """A session that is fed from a socket. ``tell`` is called, in its thread, with each message to send.

    ``recording`` is the path of the video that it writes, None if none is wanted. Use `offer` for each
    picture and `end` once; ``frames`` were looked at, ``dropped`` were not. Raises what `fleeting.Recogniser`
    and `fleeting.Session` raise.
    """

    def __init__(
        self, settings: LiveSettings, tell: Callable[[dict[str, Any]], None], recording: Path | None
    ) -> None:
        recogniser = None if settings.model == NONE else Recogniser.load(settings.model or SHIPPED)
        self._session = Session(
            recogniser=recogniser.recognise if recogniser else None,
            people=settings.people,
            alarms_per_minute=settings.alarms_per_minute,
        )
        self._classes = tuple(recogniser.classes) if recogniser else ()
        self._tell, self._recording = tell, recording
        self._waiting: Queue[Any] = Queue(WAITING)
        self._size: tuple[int, int] | None = None
        self.frames = self.dropped = 0
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()
        tell({"kind": "ready", "latency_s": self._session.latency, "classes": list(self._classes)})

    @property
    def alive(self) -> bool:
        """Whether it still takes pictures: a wrong one ends it."""
        return self._thread.is_alive()

    def offer(self, message: bytes) -> None:
        """Have a message looked at, or drop it, and say so, where too many wait."""
        try:
            self._waiting.put_nowait(message)
        except Full:
            self.dropped += 1
            self._tell({"kind": "dropped", "frames": self.dropped})

    def end(self) -> None:
        """Look at no more pictures than those that wait, tell the last events, and return."""
        while self._thread.is_alive():
            with suppress(Full):
                self._waiting.put(END, timeout=0.1)
                break
        self._thread.join()

    def _work(self) -> None:
        try:
            with ExitStack() as files:
                writer = files.enter_context(VideoWriter(self._recording)) if self._recording else None
                self._loop(writer)
            self._told(self._session.finish())
        except FleetingError as error:
            self._tell({"kind": "error", "detail": " ".join(str(error).split())})
        except Exception as error:  # a fault of ours ends this socket, not the server
            log("live session hit a fault", **fault(error))
            self._tell({"kind": "error", "detail": "this program hit a fault; its log says where"})
        self._tell({"kind": "end", "frames": self.frames, "dropped": self.dropped})

    def _loop(self, writer: VideoWriter | None) -> None:
        while (message := self._waiting.get()) is not END:
            moment, image = picture_of(message)
            if self._size not in (None, image.shape[:2]):
                raise OptionError("the pictures change their size; send all of one size")
            self._size = image.shape[:2]
            found = self._session.push(image, moment)
            if writer:
                writer.add(image, moment)
            self._tell(self._frame(moment))
            self.frames += 1
            self._told(found)

    def _frame(self, moment: float) -> dict[str, Any]:
        faces = self._session.faces
        amounts = [motion.amount for motion in self._session.motions.values() if motion.places is not None]
        motion = round(float(max(amounts)), 4) if amounts else None
        return {
            "kind": "frame",
            "frame": self.frames,
            "time_s": round(moment, 6),
            "motion": motion,
            "faces": [_face(face) for face in faces],
        }

    def _told(self, found: list[Event]) -> None:
        for event in found:
            self._tell({"kind": "event", "event": event_row(event, self._classes)})


def _face(face: Face) -> dict[str, Any]:
    box = dict(zip(("x", "y", "width", "height"), (round(float(side), 1) for side in face.box), strict=True))
    return {"face": face.id, **box, "reason": face.reason}


def picture_of(message: bytes) -> tuple[float, Image]:
    """The time in seconds and the picture, uint8 (height, width, 3), of a message: 8 bytes of time, a JPEG.

    The time is a big-endian float64. Raises OptionError on anything else.
    """
    if len(message) <= 8:
        raise OptionError(f"a message has {len(message)} bytes; send 8 bytes of time and a JPEG")
    moment = float(np.frombuffer(message[:8], ">f8")[0])
    if not math.isfinite(moment) or abs(moment) > 1e9:
        raise OptionError("a message begins with no time in seconds; send a big-endian float64")
    try:
        with Pillow.open(BytesIO(message[8:]), formats=["JPEG"]) as picture:
            if max(picture.size) > SIDE:
                found = f"a picture has {picture.width} x {picture.height} pixels"
                raise OptionError(f"{found}, expected sides of at most {SIDE}; scale it down")
            return moment, np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError) as error:
        if isinstance(error, OptionError):
            raise
        raise OptionError("a message holds no JPEG that can be read; send 8 bytes of time, a JPEG") from error
