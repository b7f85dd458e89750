"""What truth.json says of a script: its events, its disturbances, how the head is held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fleeting.drawing.scene import Scene
from fleeting.drawing.script import Script


def truth_of(script: Script) -> dict[str, Any]:
    """The entries of a video in truth.json except file and subject: fps, frames, events, disturbances."""
    names = "kind", "label", "action_units", "amplitude_px", "onset_frame", "apex_frame", "offset_frame"
    events = [{name: getattr(event, name) for name in names} for event in script.events]
    facts = {"fps": script.fps, "frames": script.frames, "events": events}
    if script.scene is None:
        return {**facts, "disturbances": [*_disturbances(script)]}
    for event, made in zip(events, script.events, strict=True):
        event["amplitude_px"] = script.scene.shrunk * made.amplitude_px
        event["remains"] = float(made.strength((made.offset_frame - made.apex_frame) / script.fps))
    return {
        **facts,
        "disturbances": [*_filmed_disturbances(script, script.scene)],
        "pose": _pose(script.scene),
    }


def _pose(scene: Scene) -> dict[str, list[float]]:
    """How the head is held in each frame: yaw, pitch, roll in degrees, and nearness."""
    values = np.column_stack([np.degrees(scene.pose[:, :3]), scene.pose[:, 3:4]]).astype(np.float64)
    named = zip(("yaw", "pitch", "roll", "nearness"), values.round(3).T.tolist(), strict=True)
    return dict(named)


def _filmed_disturbances(script: Script, scene: Scene) -> Iterator[dict[str, Any]]:
    if script.disturb == "none":
        return
    whole = {"onset_frame": 0, "offset_frame": script.frames - 1}
    yaw, pitch, roll = np.degrees(np.abs(scene.pose[:, :3]).max(axis=0)).tolist()
    yield {"kind": "head", **whole, "yaw_degrees": yaw, "pitch_degrees": pitch, "roll_degrees": roll}
    edges = np.abs(script.light[:, 0] - 1) + np.abs(script.light[:, 1])
    yield {"kind": "light", **whole, "largest_change": float(edges.max())}
    yield from scene.disturbances


def _disturbances(script: Script) -> Iterator[dict[str, Any]]:
    if script.disturb == "none":
        return
    shift, turn = script.head[:, :2], np.degrees(script.head[:, 2])
    rms = float(np.sqrt(((shift - shift.mean(axis=0)) ** 2).sum(axis=1).mean()))
    yield {"kind": "head", "drift_rms_px": rms, "rotation_degrees": float(np.abs(turn).max())}
    edges = np.abs(script.light[:, 0] - 1) + np.abs(script.light[:, 1])
    yield {"kind": "light", "largest_change": float(edges.max())}
    yield {"kind": "noise", "sigma": script.noise_sigma}
    for blink in script.blinks:
        first, last = blink.start * script.fps, (blink.start + blink.close + blink.open) * script.fps
        yield {"kind": "blink", "onset_frame": int(np.ceil(first)), "offset_frame": int(np.floor(last))}
    talks = np.flatnonzero(np.diff(np.concatenate([[0], script.talking > 0, [0]]).astype(int)))
    for first, after in talks.reshape(-1, 2):
        yield {"kind": "talking", "onset_frame": int(first), "offset_frame": int(after) - 1}
