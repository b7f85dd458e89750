"""The state of a drawn face in one frame: the pose of its head, the pulls on its skin, its eyelids.

There are three kinds of places, all in pixels, (..., 2) x and y: ``skin`` places lie in the portrait,
``level`` places in the picture with the head at rest, ``seen`` places in the frame. The skin's movement leads
from ``skin`` to ``level``, the head's from ``level`` to ``seen``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from fleeting.drawing.gazes import GAZES, gaze
from fleeting.drawing.portrait import HEIGHT, WIDTH, Portrait, portrait
from fleeting.drawing.script import Script
from fleeting.drawing.units import JAW, Field, field
from fleeting.types import FloatArray

LID = 0.10
"""Distance above the edge of the upper lid from which on the skin stretches as the lid closes, in eye
distances (between the outer eye corners)."""
GAPE = 0.2
"""Upper limit of how far lips part, in eye distances."""
LIP = 2.5
"""Pixels from the lower lip to full darkness behind parted lips."""
BELOW_EYES = 0.35
"""The head turns about a point this many eye distances below the eyes."""
STILL, STEPS = 1e-4, 100
"""The iteration stops once no point moves by this many pixels, or after this many steps."""
Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Posture:
    """The state of a face in one frame.

    ``head`` is the (2, 3) matrix from level to seen places, ``pulls`` are fields of displacement with their
    peaks in pixels, ``parts`` says whether the lips may part, and ``closure`` is how far the lids are shut, 0
    to 1.
    """

    rest: Portrait
    head: FloatArray
    pulls: tuple[tuple[Field, float], ...]
    parts: bool
    closure: float

    @property
    def box(self) -> Box | None:
        """Left, top, right and bottom of the level places where skin may move; None if no skin moves."""
        boxes = [pull.box for pull, _ in self.pulls]
        boxes += [_eye_box(self.rest)] if self.closure else []
        if not boxes:
            return None
        edges = np.array(boxes)
        low, high = edges[:, :2].min(axis=0) - 1, edges[:, 2:].max(axis=0) + 1
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high, (WIDTH, HEIGHT))
        return int(left), int(top), int(right), int(bottom)

    def flow(self, box: Box) -> FloatArray:
        """How far pulls moved the skin that is at each level place of the box, (height, width, 2) pixels."""
        left, top, right, bottom = box
        flow = np.zeros((bottom - top, right - left, 2), np.float32)
        for pull, pixels in self.pulls:
            flow += np.float32(pixels) * pull.flow[top:bottom, left:right]
        return flow


def posture(script: Script, number: int) -> Posture:
    """The state of the face in frame ``number`` of the script."""
    person, time = script.identity, number / script.fps
    pulls, parts = [], False
    for event in script.events:
        since = time - event.apex_frame / script.fps
        if event.moves(since):
            strength = float(event.strength(since))
            pulls.append((field(person, event.action_units), strength * event.amplitude_px))
            parts |= str(JAW) in event.action_units.split("+")
    if script.talking[number] > 0:
        pulls.append((field(person, str(JAW)), float(script.talking[number])))
        parts = True
    for name, path in script.scene.moves if script.scene else ():
        if path[number]:
            pull = gaze(person, name) if name in GAZES else field(person, name)
            pulls.append((pull, float(path[number])))
            parts |= str(JAW) in name.split("+")
    closure = max((blink.closure(time) for blink in script.blinks), default=0.0)
    return Posture(portrait(person), _head(script, number), tuple(pulls), parts, closure)


def _head(script: Script, number: int) -> FloatArray:
    right, down, turn = script.head[number].astype(np.float64)
    cos, sin = np.cos(turn), np.sin(turn)
    turned = np.array([[cos, -sin], [sin, cos]])
    x, y = script.identity.place
    centre = np.array([x, y + BELOW_EYES * script.identity.eye_distance])
    return np.column_stack([turned, centre - turned @ centre + [right, down]])


def _eye_box(rest: Portrait) -> Box:
    points = np.concatenate([lid.points() for eye in rest.eyes for lid in eye])
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    above = LID * rest.unit + 2
    return int(left - 3), int(top - above), int(right + 3), int(bottom + 3)


def skin_at(pose: Posture, level: FloatArray) -> FloatArray:
    """The skin places that are seen at level places (n, 2); an eye that no lid covers counts as skin."""
    skin = level - _flow_at(pose, level)
    if pose.parts:
        skin, _ = part_lips(pose.rest, level, skin)
    if pose.closure:
        lids, cover = open_lids(pose.rest, skin, pose.closure)
        skin = np.where(cover[:, None] > 0.5, lids, skin)
    return skin


def level_of(pose: Posture, skin: FloatArray) -> FloatArray:
    """The level places of skin places (n, 2): the inverse of `skin_at`, to 0.001 pixel."""
    shut = shut_lids(pose.rest, skin, pose.closure) if pose.closure else skin
    level = shut + _flow_at(pose, shut)
    for _ in range(STEPS):
        before, level = level, shut + _flow_at(pose, level)
        if np.abs(level - before).max(initial=0) < STILL:
            break
    return level


def _flow_at(pose: Posture, level: FloatArray) -> FloatArray:
    box = pose.box
    if box is None:
        return np.zeros_like(level)
    flow = pose.flow(box)
    at = (level[:, 1] - box[1], level[:, 0] - box[0])
    return np.column_stack([map_coordinates(flow[..., k], at, order=1, mode="constant") for k in (0, 1)])


def part_lips(rest: Portrait, level: FloatArray, skin: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The gap between parted lips: the skin places, moved to the lip line in the gap, and how dark it is.

    A level place is in the gap if it lies below the line between the lips but would show skin from above
    it. It is the darker, 0 to 1, the farther it is from both lips.
    """
    parted, dark = skin.copy(), np.zeros(skin.shape[:-1], np.float32)
    near = rest.lips.near(level, GAPE * rest.unit)
    _, below = rest.lips.below(level[near])
    _, shown = rest.lips.below(skin[near])
    back = np.where((below > 0) & (shown < 0), -shown, 0)
    parted[near] += back[:, None] * rest.axes[1]
    dark[near] = np.where(back > 0, np.clip(np.minimum(back / LIP, below), 0, 1), 0)
    return parted, dark


def open_lids(rest: Portrait, places: FloatArray, closure: float) -> tuple[FloatArray, FloatArray]:
    """The lids' skin places at ``places`` when the lids are shut by ``closure``, and how much the lids cover.

    Where no lid covers, the skin places equal ``places``. The cover is 0 to 1, with an edge of one pixel.
    """
    skin, cover = places.copy(), np.zeros(places.shape[:-1], np.float32)
    reach = LID * rest.unit
    for upper, lower in rest.eyes:
        near = upper.near(places, 2 * reach)
        _, below = upper.below(places[near])
        drop = closure * np.maximum(below - lower.below(places[near])[1], 0)
        shown, most = reach + np.clip(below, -reach, drop), reach + 2 * drop
        share = 2 * shown / (most + np.sqrt(most**2 - 4 * drop * shown))
        on_lid = (drop > 0) & (below > -reach) & (below < drop + 0.5)
        down = np.where(on_lid, reach * (share - 1) - below, 0)
        skin[near] += down[:, None] * rest.axes[1]
        cover[near] = np.where(on_lid, np.clip(drop - below + 0.5, 0, 1), 0)
    return skin, cover


def shut_lids(rest: Portrait, skin: FloatArray, closure: float) -> FloatArray:
    """The places to which skin places move when the lids are shut by ``closure``, 0 to 1.

    None of the skin places may be hidden.
    """
    places = skin.copy()
    reach = LID * rest.unit
    for upper, lower in rest.eyes:
        near = upper.near(skin, 2 * reach)
        _, below = upper.below(skin[near])
        drop = closure * np.maximum(below - lower.below(skin[near])[1], 0)
        share = np.where(below <= 0, np.clip(1 + below / reach, 0, 1), 0)
        places[near] += (drop * share * (2 - share))[:, None] * rest.axes[1]
    return places
