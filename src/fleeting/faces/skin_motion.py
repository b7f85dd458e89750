"""Measures how the skin of one followed face moves: where 45 small regions of it are, frame by frame.

Each region is one square of skin, found again in every frame against one earlier view of the same face, the
reference (`fleeting.faces.skin_reference`). This is less noisy and far cheaper than the mean of a dense flow.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from fleeting.faces.cover import Cover
from fleeting.faces.disturbances import Disturbances, Disturbed
from fleeting.faces.face_cut import FaceCut, face_cut
from fleeting.faces.head_fit import Array, turn
from fleeting.faces.landmarks import outer_distance
from fleeting.faces.skin_reference import Compared, Reference
from fleeting.faces.tracking import Face
from fleeting.types import FloatArray, Frame

PAIRS = {
    "inner brow": (66, 296),
    "middle brow": (105, 334),
    "outer brow": (63, 293),
    "inner forehead": (108, 337),
    "outer forehead": (104, 333),
    "upper lid": (159, 386),
    "lower lid": (145, 374),
    "under eye": (230, 450),
    "eye corner": (226, 446),
    "cheek": (117, 346),
    "inner cheek": (101, 330),
    "lower cheek": (205, 425),
    "nose side": (49, 279),
    "nose root": (122, 351),
    "nose fold": (206, 426),
    "smile fold": (207, 427),
    "mouth corner": (61, 291),
    "upper lip": (37, 267),
    "above the lip": (167, 393),
    "below the corner": (204, 424),
    "jaw": (212, 432),
}
"""The mesh point at the centre of each region on the person's right, and of its counterpart on the left."""
MIDDLE = {"between the brows": 9, "lower lip": 17, "chin": 199}
REGIONS = (*(f"{side} {name}" for name in PAIRS for side in ("right", "left")), *MIDDLE)
"""Names of the regions, in the order of `Motion.places`: right and left of each pair in turn, then MIDDLE."""
LASTS, CALM = 2.0, 1.0
"""LASTS: seconds after which the reference is renewed, as soon as the eyes are open (OPEN) and no region has
moved by CALM percent of the eye distance within the last 0.2 seconds. After five times LASTS it is renewed in
any case."""
HANDOVER = 0.12
"""Seconds for which the old and the new reference are both compared with, so that places continue without a
step."""
SPARE = 0.3
"""Seconds after which a spare reference is taken, which a frame is compared with when the reference fails."""
LOST = 0.5
"""Seconds without a usable face, or without a frame that can be compared, after which a stretch ends."""
OPEN = 0.2
"""`Motion.shut`, 0 to 2, below which the eyes count as open enough to take a new reference."""
JUMP, FARTHEST, CONFUSED = 4.0, 20.0, 0.4
"""Percent of the eye distance that a region can move per frame since it was last found (JUMP), and at most
(FARTHEST). A region that moves further, or whose likeness is below CONFUSED, was confused with other skin,
and keeps its last place."""
AVERAGED = 1.0
"""Time constant, in seconds, of the running mean of places that `Motion.amount` is measured from."""
COVERED = "a part of the face is covered (hand, hair, caption)"
UNLIKE = "the skin could not be followed: it does not look like it did (fast turn, blur, cover or cut)"
OUTSIDE = "the skin could not be followed: the face lies outside the picture"
"""Reasons for which a usable face gives no places."""
_UPPER_LIP, _LOWER_LIP = 37, 17
_CENTRES = (*(point for pair in PAIRS.values() for point in pair), *MIDDLE.values())
_COUNT = len(_CENTRES)


@dataclass(frozen=True, eq=False)
class Motion:
    """Where the skin of a face is in one frame, relative to its head.

    ``places`` is (regions, 2), how far to the right and down each of `REGIONS` is from where it was at the
    start of its stretch, in percent of the distance between the outer eye corners; None where the frame shows
    no usable face, or where its skin could not be followed, for which ``reason`` says why. A ``stretch`` is a
    run of frames through which the face could be followed, numbered from 0; places of two stretches cannot be
    compared. ``amount`` is the mean distance of the regions from their mean places over the last second, in
    the same unit: a curve to plot. ``shut`` is how different the eyes look from when they were open, 0 to 2:
    it shows a blink however small the eyes are. ``likeness``, -1 to 1, is how well the regions' squares match
    the view they are compared with. ``head`` is (4,), how the head has turned since the stretch began: yaw,
    pitch and roll in hundredths of a radian, and the logarithm of its scale in percent.

    ``mouth`` is how far the lower lip is below the upper in shares of the outer eye distance, ``size`` that
    distance in pixels of the picture, ``pitch`` and ``sharpness`` are as in `fleeting.faces.quality`; they
    are NaN where there is no usable face. ``amount``, ``shut`` and ``likeness`` are NaN, and ``head`` is
    None, where places are None.

    ``cut`` is whether a cut was found in this frame: with the next one, a stretch begins. ``other`` is
    whether the face looks like another one since. ``since`` is the number of the frame from which on the
    reason holds, where that is an earlier one, because a cut is known only some frames later.
    """

    frame: int
    time: float
    places: FloatArray | None
    stretch: int
    amount: float
    shut: float
    reason: str = ""
    likeness: float = math.nan
    head: FloatArray | None = None
    mouth: float = math.nan
    size: float = math.nan
    pitch: float = math.nan
    sharpness: float = math.nan
    cut: bool = False
    other: bool = False
    since: int | None = None


class FaceMotion:
    """Follows the skin of one face from frame to frame.

    The face's mesh is used only to place it roughly, and may be some frames old.
    """

    def __init__(self) -> None:
        self._followed: _Followed | None = None
        self._stretch = -1
        self._usual = np.zeros((_COUNT, 2))
        self._time = 0.0
        self._absent: float | None = None
        self._disturbances = Disturbances()

    def push(self, frame: Frame, face: Face | None) -> Motion:
        """The motion in the next frame; ``face`` is always the same person's, or None where it is not seen.

        A face that `fleeting.faces.quality` finds unusable counts as not seen.
        """
        nothing = Motion(frame.number, frame.time, None, max(self._stretch, 0), math.nan, math.nan)
        disturbed = self._disturbances.push(frame, face)
        nothing = replace(nothing, since=disturbed.since, cut=disturbed.cut)
        if face is None or face.reason:
            self._absent = frame.time if self._absent is None else self._absent
            return self._ended(nothing, disturbed)
        known = _known(nothing, face)
        if (cut := face_cut(frame, face.mesh)) is None:
            return self._ended(replace(known, reason=OUTSIDE), disturbed)
        seen = self._seen(cut, frame.time)
        if disturbed.reason:
            ended = self._ended(replace(known, reason=disturbed.reason), disturbed)
            return replace(ended, other=disturbed.cut and seen is None)
        if seen is None:
            return replace(known, reason=UNLIKE)
        if self._followed is not None and self._followed.is_covered:
            return replace(known, reason=COVERED)
        share = 1 - np.exp(-(frame.time - self._time) / AVERAGED)
        self._usual += share * (seen.places - self._usual)
        self._time = frame.time
        return replace(
            known,
            places=seen.places.astype(np.float32),
            stretch=self._stretch,
            amount=float(np.linalg.norm(seen.places - self._usual, axis=1).mean()),
            shut=seen.shut,
            likeness=seen.likeness,
            head=seen.head.astype(np.float32),
        )

    def _ended(self, motion: Motion, disturbed: Disturbed) -> Motion:
        """The motion; after a cut, a stretch begins with the next frame."""
        if not disturbed.cut:
            return motion
        self._followed = None
        return replace(motion, reason=motion.reason or disturbed.reason)

    def _seen(self, cut: FaceCut, time: float) -> _Seen | None:
        """The skin in the next frame, if need be at the start of a new stretch."""
        gone, self._absent = self._absent is not None and time - self._absent > LOST, None
        if self._followed is not None and not gone:
            if (seen := self._followed.seen(cut, time)) is not None:
                return seen
            if not self._followed.is_lost(time):
                return None
        self._followed = _Followed(cut, time)
        self._stretch += 1
        self._usual = np.zeros((_COUNT, 2))
        return _Seen(np.zeros((_COUNT, 2)), 0.0, 1.0, np.zeros(4))


@dataclass(frozen=True, eq=False)
class _Seen:
    """What `Motion` says of the skin, where it could be followed."""

    places: Array
    shut: float
    likeness: float
    head: Array


def _known(motion: Motion, face: Face) -> Motion:
    """The motion with what the mesh and the face's measures say."""
    size = outer_distance(face.mesh)
    mouth = float(face.mesh[_LOWER_LIP, 1] - face.mesh[_UPPER_LIP, 1]) / size
    pitch, sharpness = face.measures.pitch, face.measures.sharpness
    return replace(motion, mouth=mouth, size=size, pitch=pitch, sharpness=sharpness)


class _Followed:
    """One face over one stretch of frames: its reference, a spare one, and the one that will take over."""

    def __init__(self, cut: FaceCut, time: float) -> None:
        self._places = np.zeros((_COUNT, 2))
        self._away = np.zeros(_COUNT, np.int64)
        self._recent: deque[tuple[float, Array]] = deque()
        self._reference = _reference(cut, self._places, time)
        self._spare: Reference | None = None
        self._next: Reference | None = None
        self._steps: list[Array] = []
        self._missed: float | None = None
        self._head = np.zeros(4)
        self._turned: tuple[Reference, Array] | None = None
        self._cover = Cover(["lid" in name or "lip" in name or "mouth" in name for name in REGIONS])

    @property
    def is_covered(self) -> bool:
        """Whether a part of the face is covered."""
        return self._cover.is_there

    def is_lost(self, time: float) -> bool:
        """Whether no frame could be compared for so long that the stretch has ended."""
        return self._missed is not None and time - self._missed >= LOST

    def seen(self, cut: FaceCut, time: float) -> _Seen | None:
        """The skin in the next frame; None where it cannot be compared."""
        found = self._reference.compared(cut.picture, cut.mesh)
        if not found.is_alike and self._spare is not None:
            found = self._spare.compared(cut.picture, cut.mesh)
            if found.is_alike:
                self._reference, self._spare, self._next = self._spare, None, None
        if not found.is_alike:
            self._missed = time if self._missed is None else self._missed
            return None
        self._missed = None
        places = self._without_jumps(self._reference.start + found.left, found.likeness[:_COUNT])
        before = self._recent[0][1] if self._recent else places
        self._cover.push(found.likeness[:_COUNT], np.linalg.norm(places - before, axis=1), time)
        shut = self._reference.unlike(found.view)
        self._turn(found, cut.factor)
        self._renew(cut, places, shut, time)
        return _Seen(places, shut, float(found.likeness[:_COUNT].mean()), self._head)

    def _without_jumps(self, places: Array, likeness: Array) -> Array:
        """The places, where a region that jumped (JUMP, FARTHEST, CONFUSED) keeps the place it had before."""
        self._away += 1
        jumped = np.linalg.norm(places - self._places, axis=1) > np.minimum(JUMP * self._away, FARTHEST)
        jumped |= likeness < CONFUSED
        self._away[~jumped] = 0
        self._places = np.where(jumped[:, None], self._places, places)
        return self._places

    def _turn(self, found: Compared, factor: int) -> None:
        """Add how the head turned since the last frame, if both were compared with the same reference."""
        rotation = found.rotation * factor
        if self._turned is not None and self._turned[0] is self._reference:
            self._head = self._head + turn(self._turned[1], rotation)
        self._turned = self._reference, rotation

    def _renew(self, cut: FaceCut, places: Array, shut: float, time: float) -> None:
        """Take a new reference when it is time, and switch to it once HANDOVER has passed."""
        self._recent.append((time, places))
        while self._recent[0][0] < time - 0.2:
            self._recent.popleft()
        if self._next is None:
            age = time - self._reference.time
            calm = shut < OPEN and np.abs(places - self._recent[0][1]).max() < CALM and not self.is_covered
            if age > 5 * LASTS or (age > LASTS and calm):
                self._next, self._steps = _reference(cut, places, time), []
            elif self._spare is None or time - self._spare.time > SPARE:
                self._spare = _reference(cut, places, time)
            return
        self._steps.append(places - self._next.compared(cut.picture, cut.mesh).left)
        if time - self._next.time >= HANDOVER:
            self._reference, self._next = self._next, None
            self._reference.start = np.mean(self._steps, axis=0)


def _reference(cut: FaceCut, start: Array, time: float) -> Reference:
    return Reference(cut.picture, cut.mesh, _CENTRES, start, time)
