"""Times `fleeting analyze` as a video gets longer, and with more workers: time and memory a frame.

The video is the footage, repeated: its packets are copied, so that every join is a cut as an edited interview
has it. Each analysis is a process of its own; its processor time and memory are those of the whole process
tree's finished parts, as the system counts them. The first line is what the ratios are ratios to.

    python benchmarks/length.py [--video FILE] [--minutes 1 2] [--workers 1 2] [--executor processes]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av

from fleeting.synthetic.draw import draw


def repeated(footage: Path, minutes: float, target: Path) -> int:
    """Write the footage as often as it takes for so many minutes; return how many frames that are."""
    with av.open(str(footage)) as source:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.size]
        base, rate = stream.time_base or Fraction(1, 1000), Fraction(stream.average_rate or 30)
        shown = [packet.pts for packet in packets]
        first, period = min(shown), 1 / rate / base
        late = max(when - pts for when, pts in zip(sorted(shown), shown, strict=True))
        times = max(1, round(Fraction(minutes) * 60 * rate / len(packets)))
        with av.open(str(target), "w") as out:
            copy = out.add_stream_from_template(stream)
            for turn in range(times):
                shift = round(turn * len(packets) * period) - first
                for packet, when in zip(packets, sorted(shown), strict=True):
                    one = av.Packet(bytes(packet))
                    one.stream, one.time_base, one.is_keyframe = copy, base, packet.is_keyframe
                    one.pts, one.dts = packet.pts + shift, when - late + shift
                    out.mux(one)
    return times * len(packets)


def analysed(video: Path, workers: int, executor: str, out: Path) -> tuple[float, float, float]:
    """Seconds, seconds of processor time, and MiB of the largest process of one analysis."""
    words = ["analyze", str(video), "--out", str(out), "--formats", "csv,json"]
    words += ["--workers", str(workers), "--executor", executor]
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "fleeting", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"fleeting {' '.join(words)} ended with status {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def compare(footage: Path, minutes: Sequence[float], workers: Sequence[int], executor: str) -> None:
    """Print a line for each length and number of workers."""
    heads = ("minutes", "workers", "seconds", "ms a frame", "of processor", "MiB", "speed")
    print("".join(f"{head:>13}" for head in heads))
    first: float | None = None
    with TemporaryDirectory() as folder:
        for length in minutes:
            video = Path(folder) / f"{length:g}.mkv"
            frames = repeated(footage, length, video)
            for count in workers:
                out = Path(folder) / f"out-{length:g}-{count}"
                seconds, processor, memory = analysed(video, count, executor, out)
                (summary,) = out.glob("*/summary.json")
                decoded = json.loads(summary.read_text(encoding="utf-8"))["frames_decoded"]
                if decoded != frames:
                    sys.exit(f"{decoded} of {frames} frames were decoded")
                each = 1000 * seconds / frames
                first = first or each
                figures = f"{seconds:13.1f}{each:13.1f}{1000 * processor / frames:13.1f}{memory:13.0f}"
                print(f"{length:13g}{count:13}{figures}{first / each:13.2f}", flush=True)


def main() -> None:
    """Draw the footage unless one is named, measure and print."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--video", type=Path)
    options.add_argument("--minutes", type=float, nargs="+", default=[1.0, 2.0])
    options.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options.add_argument("--executor", default="processes")
    chosen = options.parse_args()
    with TemporaryDirectory() as folder:
        footage = chosen.video
        if footage is None:
            draw(Path(folder), videos=1, seconds=8, fps=30, seed=3, flows=0, workers=1)
            (footage,) = Path(folder).glob("*.mp4")
        compare(footage, chosen.minutes, chosen.workers, chosen.executor)


if __name__ == "__main__":
    main()
