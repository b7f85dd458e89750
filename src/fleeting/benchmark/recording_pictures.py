"""The numbered pictures of a long video: its frames, and what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fleeting.benchmark.spot_scores import spans
from fleeting.datasets import LEAVE_OUT, RESTORE_FILES, Recording, film_times, pictures
from fleeting.errors import DatasetError, Problem
from fleeting.files import utf8
from fleeting.types import Frame
from fleeting.video.pictures import read_picture
from fleeting.video.reader import open_video


def numbered_of(recording: Recording) -> Mapping[int, Path]:
    """The file of each frame by its number. Raises DatasetError where a video cannot be read."""
    if recording.folder.is_dir():
        return pictures(recording.folder)
    times, _ = film_times(recording.folder, recording.stated_fps)
    return dict.fromkeys(range(len(times)), recording.folder)


def state_of(numbered: Mapping[int, Path]) -> str:
    """SHA-256 of the pictures' names, sizes and modification times."""
    digest = hashlib.sha256()
    for path in dict.fromkeys(numbered.values()):
        try:
            state = path.stat()
            digest.update(utf8(f"{path.name} {state.st_size} {state.st_mtime_ns}\n"))
        except OSError:
            digest.update(utf8(f"{path.name}\n"))
    return digest.hexdigest()


def frames_of(recording: Recording, numbered: Mapping[int, Path], damaged: list[str]) -> Iterator[Frame]:
    """The frames of a recording, with their numbers.

    Pictures that are damaged or of another size than the first are skipped, and their names added to
    ``damaged``; of a video, the places that do not decode.
    """
    if not recording.folder.is_dir():
        with open_video(recording.folder, fps=recording.stated_fps) as video:
            yield from video
            damaged += video.report.damage
        return
    start, size, fps = min(numbered), None, recording.fps
    for number, path in numbered.items():
        try:
            image = read_picture(path)
        except DatasetError:
            damaged.append(path.name)
            continue
        size = size or image.shape
        if image.shape == size:
            yield Frame(number, (number - start) / fps, image)
        else:
            damaged.append(path.name)


def faults(name: str, numbered: Mapping[int, Path], damaged: Sequence[str], faces: int) -> Iterator[Problem]:
    """The problems of a recording's pictures; ``faces`` is the number of frames with a face."""
    if damaged:
        what = f"{len(damaged)} of {len(numbered)} pictures are damaged or of another size"
        yield Problem(name, f"{what} ({', '.join(damaged[:3])})", RESTORE_FILES)
    first, last = min(numbered), max(numbered)
    if gone := last - first + 1 - len(numbered):
        number = next(n for n in range(first, last) if n not in numbered)
        what = f"{gone} pictures are missing between {first} and {last}, {number} is the first"
        yield Problem(name, what, RESTORE_FILES)
    if not faces:
        what = f"no face was found in any of {len(numbered)} pictures"
        yield Problem(name, what, "see what they show", blocks=False)


def beyond(recording: Recording, numbered: Mapping[int, Path]) -> Iterator[Problem]:
    """A problem for each movement in the sheet whose frames are not all among the pictures."""
    first, last = min(numbered), max(numbered)
    for sample, onset, offset in spans(recording.samples):
        if onset < first or offset > last:
            what = (
                f"frames {onset} to {offset} are not all among those of {recording.name}, {first} to {last}"
            )
            yield Problem(sample.id, what, LEAVE_OUT)
