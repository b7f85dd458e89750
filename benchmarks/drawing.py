"""Times drawing a frame, in both styles, stage by stage and beside a plain implementation; and H.264's loss.

The loss is the part of a small movement that compression removes. Everything runs in one thread; times are
without encoding unless the row says so.

    python benchmarks/drawing.py [FRAMES]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import av
import numpy as np

from fleeting.drawing import identity
from fleeting.drawing.portrait import HEIGHT, WIDTH, portrait, to_fine
from fleeting.drawing.posture import posture, skin_at
from fleeting.drawing.rendering import frame, write_video
from fleeting.drawing.script import Script, Style, write_script
from fleeting.drawing.units import pixels
from fleeting.optional import cv2


def plainly(script: Script, number: int, rng: np.random.Generator) -> np.ndarray:
    """A frame drawn the plain way: every pixel by one map, light and noise in floats."""
    pose = posture(script, number)
    turn = pose.head[:, :2].T
    level = (pixels() - pose.head[:, 2]) @ turn.T
    skin = skin_at(pose, level.reshape(-1, 2)).reshape(HEIGHT, WIDTH, 2)
    places = to_fine(skin.astype(np.float32))
    image = cv2().remap(pose.rest.picture, places, None, cv2().INTER_LINEAR).astype(np.float32)
    gain, slope = script.light[number]
    image *= (gain + slope * np.linspace(-1, 1, WIDTH))[None, :, None]
    image += rng.normal(0, script.noise_sigma, image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def milliseconds(draw: Callable[[int], object], numbers: Sequence[int]) -> float:
    """The mean time of a call of ``draw``, in milliseconds."""
    start = perf_counter()
    for number in numbers:
        draw(number)
    return 1000 * (perf_counter() - start) / len(numbers)


def main(count: int = 2000) -> None:
    """Draw ``count`` frames with each disturbance, and again stage by stage."""
    cv2().setNumThreads(1)
    person = identity(1)
    start = perf_counter()
    portrait(person)
    print(f"portrait, once for each person: {1000 * (perf_counter() - start):.0f} ms")
    print(f"{'disturbance':14} {'frames':>7} {'ms a frame':>10} {'a second':>9}")
    both = {style: times_of(style, count) for style in ("flat", "head")}
    times = ", ".join(f"{both['head'][name] / both['flat'][name]:.1f} ({name})" for name in both["flat"])
    print(f"head takes so many times as long as flat: {times}")
    script = write_script(person, 1, count / 100, 100.0, disturb="strong", events_per_minute=12)
    resting = replace(script, events=(), blinks=(), talking=0 * script.talking)
    light = np.float32([[1, 0]]).repeat(script.frames, axis=0)
    dim = replace(resting, light=light, noise_sigma=0.0)
    still, camera = (milliseconds(lambda n, s=s: frame(s, n), range(500)) for s in (dim, resting))
    moving = [n for e in script.events for n in range(e.onset_frame, e.offset_frame + 1)]
    face = milliseconds(lambda n: frame(replace(dim, events=script.events), n), moving)
    shut = [n for n in range(script.frames) if posture(script, n).closure]
    lids = milliseconds(lambda n: frame(replace(dim, blinks=script.blinks), n), shut)
    print(f"by stage: head {still:.2f} ms, light and noise {camera - still:.2f} ms,")
    print(f"where skin moves {face - still:.2f} ms more, where lids do {lids - still:.2f} ms more")
    rng = np.random.default_rng(0)
    print_row("plainly", milliseconds(lambda n: plainly(script, n, rng), range(0, script.frames, 40)), 50)
    with TemporaryDirectory() as folder:
        start = perf_counter()
        write_video(script, Path(folder) / "one.mp4")
        print_row("with H.264", 1000 * (perf_counter() - start) / script.frames, script.frames)
        for amplitude in (0.3, 1.0):
            shares = kept(amplitude, Path(folder) / "small.mp4")
            print(f"of movements of {amplitude} % of the eye distance H.264 keeps {shares}")


def times_of(style: Style, count: int) -> dict[str, float]:
    """Print and return the milliseconds of a frame with each disturbance."""
    found = {}
    for disturb in ("none", "moderate", "strong"):
        script = write_script(
            identity(1), 1, count / 100, 100.0, disturb=disturb, events_per_minute=12, style=style
        )
        for event in script.events:
            frame(script, event.apex_frame)  # computes and caches the field of each combination of units
        every = range(script.frames)
        found[disturb] = milliseconds(lambda n, s=script: frame(s, n), every)
        print_row(f"{style}, {disturb}", found[disturb], script.frames)
    return found


def kept(amplitude: float, path: Path) -> str:
    """The share of each event's change from onset to apex that is left in the file, as text.

    It is the projection of the decoded change on the drawn one; 1 is all of it.
    """
    script = write_script(identity(1), 3, 4.0, 100.0, events_per_minute=60, amplitude=amplitude)
    rest = np.zeros_like(script.head), np.float32([[1, 0]]).repeat(script.frames, axis=0)
    script = replace(script, blinks=(), head=rest[0], light=rest[1])
    write_video(script, path)
    with av.open(str(path)) as file:
        decoded = [picture.to_ndarray(format="rgb24").astype(float) for picture in file.decode(video=0)]
    clean = replace(script, noise_sigma=0.0)
    shares = []
    for event in script.events:
        before, at = event.onset_frame - 4, event.apex_frame
        drawn = frame(clean, at).astype(float) - frame(clean, before)
        shares.append(((decoded[at] - decoded[before]) * drawn).sum() / (drawn**2).sum())
    return ", ".join(f"{share:.2f}" for share in shares)


def print_row(name: str, each: float, count: int) -> None:
    """Print one line of the table: name, frames, milliseconds per frame, frames per second."""
    print(f"{name:14} {count:7d} {each:10.2f} {1000 / each:9.0f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
