"""Feeds broken videos to `fleeting analyze`, and kills `analyze` and `run` at random moments.

Nothing may print a traceback, no file outside ``--out`` may change, every broken video has to be named, a
sound one beside them has to give the results it gives alone, and what was killed has to end, once the same
command is given again, in the files of a run that nobody killed. Ends with status 1 where that fails.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from fleeting.synthetic.draw import draw

SEED, BATCH = 20_000, 20
FLEETING = (sys.executable, "-m", "fleeting")
BOXES = (b"mvhd", b"tkhd", b"mdhd", b"stts", b"stsz", b"stsc", b"stco", b"avcC", b"ctts")
"""Parts of an MP4's header that state sizes, times, rates and places."""
CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".ts": "mpegts"}
"""Formats by the extension of their files."""
VARYING = {"seconds", "peak_memory_mb", "cpu_percent"}
"""Entries of scores.json that differ between two runs."""
RUN = ("run", "drawn/ststnet", "--set", "training.epochs=10", "--set", "protocol.name=kfold")
ANALYZE = ("--model", "none", "--formats", "csv,json")
LONG, LONG_FPS = 65, 25
"""Seconds, and frames a second, of a video that is worked on in three segments side by side."""
Random = np.random.Generator


def truncated(data: bytes, rng: Random) -> bytes:
    """The file up to a random byte; now and then nothing at all."""
    return data[: max(0, rng.integers(-len(data) // 10, len(data)))]


def flipped(data: bytes, rng: Random) -> bytes:
    """The file with 1 to 1000 bits changed."""
    found = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(0, len(found), int(10 ** rng.uniform(0, 3)))
    found[places] ^= np.uint8(1) << rng.integers(0, 8, len(places)).astype(np.uint8)
    return found.tobytes()


def reordered(data: bytes, rng: Random) -> bytes:
    """The file with two stretches of its second to last part exchanged: packets in a wrong order."""
    first, second = sorted(int(place) for place in rng.integers(100, len(data) * 3 // 4, 2))
    length = min(second - first, len(data) - second, int(rng.integers(1, 8000)))
    one, other = data[first : first + length], data[second : second + length]
    return data[:first] + other + data[first + length : second] + one + data[second + length :]


def lying(data: bytes, rng: Random) -> bytes:
    """The file with one to three numbers of its header replaced, often by enormous ones."""
    found = bytearray(data)
    starts = [data.index(box) + 4 for box in BOXES if box in data] or list(range(0, 1000, 32))
    for start in rng.choice(starts, rng.integers(1, 4)):
        place = int(start) + 4 * int(rng.integers(0, 8))
        value = rng.choice([0, 1, 2**31 - 1, 2**32 - 1, int(rng.integers(0, 2**32))])
        found[place : place + 4] = int(value).to_bytes(4, "big")
    return bytes(found[: len(data)])


def zeroed(data: bytes, rng: Random) -> bytes:
    """The file with a stretch of zeros, as a disk leaves it that lost a block."""
    place, length = int(rng.integers(0, len(data))), int(10 ** rng.uniform(1, 4.5))
    return (data[:place] + bytes(length) + data[place + length :])[: len(data)]


def foreign(data: bytes, rng: Random) -> bytes:
    """Something else that is called a video: noise, text, or a file inside another."""
    noise = rng.bytes(int(rng.integers(1, 5000)))
    return [noise, noise.hex().encode(), noise + data, data + noise + data][rng.integers(0, 4)]


DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    truncated, flipped, reordered, lying, zeroed, foreign
)  # fmt: skip


def contained(video: Path) -> dict[str, bytes]:
    """The same packets in each of several containers, by the extension of its files."""
    found = {}
    for extension, kind in CONTAINERS.items():
        written = BytesIO()
        exact = {"fflags": "+bitexact"}
        with av.open(str(video)) as source, av.open(written, "w", format=kind, options=exact) as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
        found[extension] = written.getvalue()
    return found


def broken(sound: Path, folder: Path, numbers: range) -> dict[Path, str]:
    """Write broken copies of a video; return the kind of damage of each. Equal numbers give equal files."""
    files, kinds = list(contained(sound).items()), {}
    for number in numbers:
        damage = DAMAGES[number % len(DAMAGES)]
        extension, data = files[number // len(DAMAGES) % len(files)]
        path = folder / f"v{number:04d}_{damage.__name__}{extension}"
        path.write_bytes(damage(data, np.random.default_rng((SEED, number))))
        kinds[path] = damage.__name__
    return kinds


def hashes(folder: Path, without: Sequence[Path] = ()) -> dict[str, str]:
    """SHA-256 of every file below a folder by its path, except those below the folders ``without``."""
    return {
        path.relative_to(folder).as_posix(): _hash(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(path.is_relative_to(other) for other in without)
    }


def _hash(path: Path) -> str:
    """The hash of a file; of scores.json without what differs between two runs."""
    data = path.read_bytes()
    if path.name == "scores.json":
        data = json.dumps({k: v for k, v in json.loads(data).items() if k not in VARYING}).encode()
    return hashlib.sha256(data).hexdigest()


def fleeting(*words: str | Path, where: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, to its end."""
    command = [*FLEETING, *map(str, words)]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False, timeout=600)


def soak_videos(work: Path, sound: Path, numbers: range) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Analyse broken videos beside a sound one: how many of each kind ended how, and what went wrong."""
    videos, alone, out = work / "videos", work / "alone", work / "out"
    videos.mkdir(parents=True)
    shutil.copy(sound, neighbour := videos / "sound.mp4")
    fleeting("analyze", neighbour, "--out", alone, *ANALYZE, where=work)
    kinds = broken(sound, videos, numbers)
    before = hashes(work, [out])
    done = fleeting("analyze", videos, "--out", out, *ANALYZE, where=work)
    told = f"{done.stdout}\n{done.stderr}"
    wrong = ["a file outside --out changed"] if hashes(work, [out]) != before else []
    if "Traceback" in told or done.returncode not in (0, 1):
        wrong.append(f"status {done.returncode}: {told[-2000:]}")
    if _tables(out / "sound") != _tables(alone / "sound"):
        wrong.append("the sound video has other results than alone")
    ends: Counter[tuple[str, str]] = Counter()
    for path, kind in kinds.items():
        failed = any(path.name in line for line in done.stderr.splitlines())
        result = (out / path.stem / "summary.json").exists()
        end = "results, warned" if result and failed else "results" if result else "refused"
        ends[kind, end] += 1
        if path.name not in told:
            wrong.append(f"{path.name} is not named")
    return ends, wrong


def _tables(folder: Path) -> dict[str, str]:
    return {name: found for name, found in hashes(folder).items() if name != "summary.json"}


def soak_kills(work: Path, words: Sequence[str | Path], kills: int) -> tuple[Counter[str], list[str]]:
    """Kill a command at random moments of its work, give it again, and compare what it wrote.

    Every second time it is given with --resume. Returns how many ended how, and what went wrong.
    """
    work.mkdir(parents=True)
    rng, ends, wrong = np.random.default_rng(SEED), Counter[str](), []
    _, lasts = _killed([*words, "--out", work / "whole"], work, work / "whole", None)
    whole = _results(work / "whole")
    for number in range(kills):
        out = work / f"out{number}"
        alive, _ = _killed([*words, "--out", out], work, out, rng.uniform(0, lasts))
        left = "finished" if not alive else "begun" if out.exists() else "not begun"
        again = ["--resume"] if number % 2 else []
        done = fleeting(*words, "--out", out, *again, where=work)
        ends[f"{left}, again {'with' if again else 'without'} --resume"] += 1
        if done.returncode or "Traceback" in done.stderr:
            wrong.append(f"kill {number} ({left}): status {done.returncode}: {done.stderr[-1500:]}")
        elif _results(out) != whole:
            wrong.append(f"kill {number} ({left}): {_differing(_results(out), whole)}")
        shutil.rmtree(out, ignore_errors=True)
    return ends, wrong


def _killed(words: Sequence[str | Path], where: Path, out: Path, delay: float | None) -> tuple[bool, float]:
    """Kill the command ``delay`` seconds after its folder appeared; with None let it end.

    Says whether it was still alive, and how many seconds it lived after its folder appeared.
    """
    process = subprocess.Popen(
        [*FLEETING, *map(str, words)], cwd=where, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not out.exists() and process.poll() is None:
        time.sleep(0.005)
    began = time.monotonic()
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() == -signal.SIGKILL, time.monotonic() - began


def _results(folder: Path) -> dict[str, str]:
    """The hashes of what a command wrote; pages, cost and curves hold times, and only their names count."""
    timed = ("report.html", "cost.json", "fold.json", "environment.json")
    return {
        name: "" if name.endswith(timed) else found
        for name, found in hashes(folder).items()
        if name != ".fleeting.json"
    }


def _differing(found: dict[str, str], whole: dict[str, str]) -> str:
    names = sorted(name for name in found.keys() | whole.keys() if found.get(name) != whole.get(name))
    return f"other {', '.join(names[:5])} than unbroken"


def _soak(work: Path, videos: int, kills: int, long_kills: int) -> Iterator[str]:
    """Do all of it, print the tables, yield what went wrong."""
    draw(work / "base", videos=1, seconds=3, fps=30, seed=SEED, flows=0)
    (sound,) = (work / "base").glob("*.mp4")
    ends: Counter[tuple[str, str]] = Counter()
    began = time.monotonic()
    for first in range(0, videos, BATCH):
        numbers = range(first, min(first + BATCH, videos))
        found, wrong = soak_videos(work / f"batch{first}", sound, numbers)
        ends += found
        yield from wrong
    print(f"\n{videos} broken videos, {time.monotonic() - began:.0f} s")
    columns = ("results", "results, warned", "refused")
    print(f"{'damage':12}" + "".join(f"{name:>17}" for name in columns))
    for kind in dict.fromkeys(kind for kind, _ in ends):
        print(f"{kind:12}" + "".join(f"{ends[kind, name]:17}" for name in columns))
    long = work / "long"
    if long_kills:
        draw(long, videos=1, seconds=LONG, fps=LONG_FPS, seed=SEED, flows=0)
    for name, words, times in (
        ("analyze", ("analyze", sound, *ANALYZE), kills),
        ("run", RUN, kills),
        ("analyze of three segments", ("analyze", long, *ANALYZE, "--workers", "2"), long_kills),
    ):
        if not times:
            continue
        began = time.monotonic()
        told, wrong = soak_kills(work / name.replace(" ", "-"), words, times)
        print(f"\n{times} kills of {name}, {time.monotonic() - began:.0f} s", flush=True)
        for left, count in sorted(told.items()):
            print(f"{left:36}{count:4}")
        yield from (f"{name}, {line}" for line in wrong)


def main() -> int:
    """Read the options, soak, and return the exit status."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--videos", type=int, default=200)
    options.add_argument("--kills", type=int, default=50, help="of analyze, and of run")
    options.add_argument("--long-kills", type=int, default=10, help="of analyze, in three segments")
    given = options.parse_args()
    with TemporaryDirectory() as work:
        wrong = list(_soak(Path(work), given.videos, given.kills, given.long_kills))
    print(f"\n{len(wrong)} failures")
    for line in wrong:
        print(f"- {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
