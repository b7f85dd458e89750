"""Drawn data on disk: face videos, or a dataset's folder in its own layout, with the truth beside.

Whatever is drawn follows from its settings: the truth is written first, and a folder that was begun with the
same settings is finished, not begun anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from fleeting.datasets import datasets
from fleeting.datasets._labels import label_sets
from fleeting.datasets._miniature import Drawing
from fleeting.datasets.truth import TRUTH
from fleeting.drawing import TWO_PEOPLE, identity
from fleeting.drawing.rendering import exact_flow, frame, truth_of, write_video
from fleeting.drawing.script import Disturb, Label, Script, ScriptedEvent, script_of_clip, write_script
from fleeting.errors import FaceError, OptionError, UnknownNameError
from fleeting.faces.alignment import crop_matrix, crop_size
from fleeting.faces.tracking import find_face
from fleeting.files import sweep, write_atomically
from fleeting.optional import cv2
from fleeting.types import FloatArray, Image, Progress, Sample, silent
from fleeting.version import __version__

CLASSES: tuple[Label, ...] = ("negative", "positive", "surprise")
FILMED = {"seconds": 60.0, "events_per_minute": 4.0, "macro": 0.0}
OF_VIDEOS = {"videos": 4, "fps": 100.0, **FILMED}
OF_RECORDINGS = {"subjects": 2, **FILMED}
"""Settings of a dataset of long videos; as in all three, a value is what it is unless given."""
OF_CLIPS = {"subjects": 8, "clips": 6}
"""Settings of a dataset of clips."""
PARTIAL = ".partial"
"""Where a long video's pictures are written, until all are there."""


@dataclass(frozen=True, eq=False)
class Take:
    """One video, one clip of a dataset, or one of its long videos: its file below the folder, its script.

    Of the latter two, ``sample`` says which place in the dataset it has, ``rows`` what the sheet will say of
    its events, and ``name`` what it is called. The frames ``first`` to ``last`` of the script are drawn, as
    pictures that count from ``number``: gray, or cut out as crops of ``crop`` rows, where the dataset has
    such frames.
    """

    file: str
    subject: str
    script: Script
    sample: Sample | None = None
    rows: tuple[Sample, ...] = ()
    name: str = ""
    first: int = 0
    last: int = 0
    number: int = 1
    crop: int | None = None
    gray: bool = False
    home: str = ""
    """The folder below that holds the clip's dataset, where several datasets are drawn together."""

    @cached_property
    def to_crop(self) -> FloatArray:
        """The (2, 3) matrix from the whole picture to the crop, the first frame's, for the whole clip."""
        face = find_face(frame(self.script, self.first))
        if face is None or self.crop is None:
            raise FaceError(
                f"{self.file}: no face was found in what was drawn; report this with the settings"
            )
        return np.asarray(crop_matrix(face.mesh, self.crop), dtype=np.float32)


class _Frames(Sequence[Image]):
    """A take's frames, drawn as they are asked for; ``done`` is called at the last one."""

    def __init__(self, take: Take, done: Callable[[], None] = lambda: None) -> None:
        self._take, self._done = take, done

    def __len__(self) -> int:
        return self._take.last - self._take.first + 1

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(index)
        take = self._take
        if index == len(self) - 1:
            self._done()
        image = frame(take.script, take.first + index)
        if take.crop is not None:
            image = cv2().warpAffine(image, take.to_crop, crop_size(take.crop), flags=cv2().INTER_AREA)
        return cv2().cvtColor(image, cv2().COLOR_RGB2GRAY) if take.gray else image


def draw(
    folder: Path,
    *,
    layout: str = "video",
    videos: int | None = None,
    seconds: float | None = None,
    events_per_minute: float | None = None,
    subjects: int | None = None,
    clips: int | None = None,
    fps: float | None = None,
    macro: float | None = None,
    amplitude: float | None = None,
    disturb: Disturb = "moderate",
    seed: int = 0,
    flows: int = 4,
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Draw videos (``layout`` "video") or a dataset's folder, and truth.json; what truth.json holds.

    A dataset of long videos gets one of each person, ``seconds`` long. ``macro`` is the share of a video's
    events that are long and large; ``amplitude`` is the peak displacement of all in percent of the distance
    between the outer eye corners, None for log-uniform (micro: from 0.3 to 1.5). Of the first ``flows``
    takes the exact flow from onset to apex of the first event is written too, ``flow/*.npz`` with u and v in
    pixels, (height, width). A folder that this call began is finished.
    Raises UnknownNameError on another layout and OptionError on settings that do not go together, and where
    the folder holds anything else.
    """
    if layout not in layouts():
        raise UnknownNameError("layout", layout, layouts())
    given = {"videos": videos, "seconds": seconds, "events_per_minute": events_per_minute, "fps": fps}
    settings = _settings(layout, {**given, "subjects": subjects, "clips": clips, "macro": macro})
    settings |= {"amplitude": amplitude, "disturb": disturb, "seed": seed, "flows": flows}
    takes = list(_takes(layout, settings))
    for name, value, least in (("workers", workers, 1), ("flows", flows, 0)):
        if value is not None and value < least:
            raise OptionError(f"--{name} {value} means nothing; use {least} or more")
    truth = _truth({"layout": layout, **settings}, takes)
    _begin(Path(folder), truth)
    _write_flows(Path(folder), takes[:flows])
    if layout == "video":
        _write_long(Path(folder), takes, _write_video, workers, progress)
    elif _is_continuous(layout):
        adapter: Any = datasets[layout]
        adapter.write_sheets(Path(folder), [row for take in takes for row in take.rows])
        _write_long(Path(folder), takes, _write_recording, workers, progress)
        shutil.rmtree(Path(folder) / PARTIAL, ignore_errors=True)
    else:
        _write_clips(Path(folder), takes, progress)
    return truth


def layouts() -> list[str]:
    """The layouts that can be drawn: videos, and every dataset that can name clips that are made up."""
    return [
        "video",
        *(name for name in datasets if all(hasattr(a, "invent") for a in _adapters(name).values())),
    ]


def _adapters(layout: str) -> dict[str, Any]:
    """The datasets of a layout, by their folder: itself, or those that it is put together of."""
    members = getattr(datasets[layout], "members", ())
    return {name: datasets[name] for name in members} or {"": datasets[layout]}


def _is_continuous(layout: str) -> bool:
    """Whether a layout is that of a dataset of long videos."""
    return layout != "video" and getattr(datasets[layout], "continuous", False)


def _takes(layout: str, settings: Mapping[str, Any]) -> Iterator[Take]:
    if layout == "video":
        return _videos(**settings)
    return (_recordings if _is_continuous(layout) else _clips)(layout, **settings)


def _settings(layout: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, over the layout's defaults. Raises OptionError on what the layout does not take."""
    clips_or_recordings = OF_RECORDINGS if _is_continuous(layout) else OF_CLIPS
    defaults: dict[str, Any] = dict(OF_VIDEOS if layout == "video" else clips_or_recordings)
    chosen = {name: value for name, value in given.items() if value is not None}
    if layout == "video":
        defaults["subjects"] = chosen.get("videos", defaults["videos"])
    for name, value in chosen.items():
        if name not in defaults:
            word = name.replace("_", "-")
            raise OptionError(f"--{word} {value} does not go with layout {layout}; leave it out")
        if isinstance(value, int) and name in ("videos", "subjects", "clips") and value < 1:
            raise OptionError(f"--{name} {value} draws nothing; use 1 or more")
    return {**defaults, **chosen}


def _videos(
    *,
    videos: int,
    subjects: int,
    seconds: float,
    fps: float,
    seed: int,
    flows: int,  # noqa: ARG001
    **how: Any,
) -> Iterator[Take]:
    for number in range(1, videos + 1):
        person = (number - 1) % subjects + 1
        script = write_script(identity(person, seed), _seed(seed, number), seconds, fps, **how)
        yield Take(f"drawn_{number:03d}.mp4", f"drawn/{person:02d}", script)


def _clips(
    layout: str,
    *,
    subjects: int,
    clips: int,
    seed: int,
    flows: int,  # noqa: ARG001
    **how: Any,
) -> Iterator[Take]:
    """Clips of a dataset: every three of a person are one of each class, in random order."""
    for place, (home, adapter) in enumerate(_adapters(layout).items()):
        for person in range(1, subjects + 1):
            rng = np.random.default_rng([seed, place, person])
            blocks = [rng.permutation(len(CLASSES)) for _ in range(-(-clips // len(CLASSES)))]
            for number, label in enumerate(CLASSES[i] for i in np.concatenate(blocks)[:clips]):
                own = _seed(seed, place, person, number)
                who = identity(place * subjects + person, seed)  # nobody is in two datasets
                script = script_of_clip(who, label, own, adapter.fps, **how)
                yield _clip(home, adapter, person, number, str(rng.choice(_words(adapter, label))), script)


def _clip(home: str, adapter: Any, person: int, number: int, word: str, script: Script) -> Take:
    """A clip as the dataset would name it, with frames around the event where the dataset keeps such."""
    (event,) = script.events
    length = event.offset_frame - event.onset_frame + 1
    apex = event.apex_frame - event.onset_frame
    sample = adapter.invent(person, number, word, apex=apex, length=length)
    sample = replace(sample, action_units=event.action_units)
    first, last = event.onset_frame, event.offset_frame
    if adapter.crop is None:  # crops are cut to the clip; elsewhere frames count from 1
        first -= min(event.onset_frame, sample.onset - 1)
        last = script.frames - 1
    return Take(
        file=str(Path(home, adapter.place(sample))),
        subject=sample.subject,
        script=script,
        sample=sample,
        name=sample.id,
        first=first,
        last=last,
        number=sample.onset - (event.onset_frame - first),
        crop=adapter.crop,
        gray=adapter.gray,
        home=home,
    )


def _recordings(
    layout: str,
    *,
    subjects: int,
    seconds: float,
    seed: int,
    flows: int,  # noqa: ARG001
    **how: Any,
) -> Iterator[Take]:
    adapter: Any = datasets[layout]
    for person in range(1, subjects + 1):
        own = _seed(seed, person)
        yield _recording(
            adapter, person, write_script(identity(person, seed), own, seconds, adapter.fps, **how)
        )


def _recording(adapter: Any, person: int, script: Script) -> Take:
    """A long video as the dataset would name it; a row of the sheet for each of its events."""
    rng = np.random.default_rng(script.seed)

    def row(number: int, event: ScriptedEvent) -> Sample:
        word = str(rng.choice(_words(adapter, event.label)))
        made: Sample = adapter.invent(person, number, word, apex=0, length=1)
        onset, apex, offset = (1 + n for n in (event.onset_frame, event.apex_frame, event.offset_frame))
        return replace(
            made, onset=onset, apex=apex, offset=offset, kind=event.kind, action_units=event.action_units
        )

    place = adapter.invent(person, 0, adapter.words[0], apex=0, length=1)
    return Take(
        file=adapter.place(place),
        subject=place.subject,
        script=script,
        sample=place,
        rows=tuple(row(number, event) for number, event in enumerate(script.events)),
        name=adapter.recording_name(place),
        last=script.frames - 1,
        gray=adapter.gray,
    )


def _words(adapter: Any, label: str) -> list[str]:
    """The dataset's own words for a class."""
    class_of = label_sets["megc3"].class_of
    asked = [(word, Sample("a/b/c", adapter.name, "a/b", word)) for word in adapter.words]
    return [word for word, sample in asked if class_of(sample) == label]


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _truth(settings: Mapping[str, Any], takes: Sequence[Take]) -> dict[str, Any]:
    """What truth.json says: how it was drawn, and of each file its events, frames counted from 0 in it."""
    videos = []
    for number, take in enumerate(takes):
        facts = {"file": take.file, "subject": take.subject, **truth_of(take.script)}
        if take.sample is not None:
            facts |= {"id": take.name, "frames": take.last - take.first + 1, "first": take.number}
            for event in facts["events"]:
                for name in ("onset_frame", "apex_frame", "offset_frame"):
                    event[name] -= take.first
        if number < settings["flows"] and facts["events"]:
            facts["events"][0]["flow"] = str(_flow_file(take))
        videos.append(facts)
    return {
        "drawn": True,
        "people": TWO_PEOPLE,
        "version": __version__,
        **settings,
        "videos": videos,
    }


def _begin(folder: Path, truth: Mapping[str, Any]) -> None:
    """Write the truth, or find that it is already there. Raises OptionError on a folder of something else."""
    path = folder / TRUTH
    sweep(folder)
    text = json.dumps(truth, indent=2) + "\n"
    if path.exists():
        if path.read_text(encoding="utf-8") != text:
            raise OptionError(f"{folder} was drawn with other settings; name another folder, or delete it")
    elif folder.exists() and any(folder.iterdir()):
        raise OptionError(f"{folder} holds something else, expected a new or empty folder; name another")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)


def _flow_file(take: Take) -> Path:
    return Path("flow") / f"{take.file.removesuffix('.mp4').replace('/', '_')}.npz"


def _write_flows(folder: Path, takes: Sequence[Take]) -> None:
    """The exact flow from onset to apex of the first event of each take, as its frames show it."""
    for take in takes:
        for event in take.script.events[:1]:
            u, v = exact_flow(take.script, event.onset_frame, event.apex_frame)
            if take.crop is not None:
                u, v = _cropped(take, u, v)
            (folder / "flow").mkdir(exist_ok=True)
            np.savez_compressed(folder / _flow_file(take), u=u, v=v)


def _cropped(take: Take, u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Flow of the whole picture as it is in the take's crop, in the crop's pixels."""
    size = crop_size(take.crop or 0)
    u, v = (cv2().warpAffine(channel, take.to_crop, size) for channel in (u, v))
    (a, b), (c, d) = take.to_crop[:, :2]
    return a * u + b * v, c * u + d * v


def _write_long(
    folder: Path,
    takes: Sequence[Take],
    write: Callable[[Path, Take], None],
    workers: int | None,
    progress: Progress,
) -> None:
    missing = [take for take in takes if not (folder / take.file).exists()]
    done = len(takes) - len(missing)
    progress("drawing videos", done, len(takes))
    count = min(workers or os.cpu_count() or 1, max(1, len(missing)))
    with ExitStack() as pools:
        carried_out: Any = map
        if count > 1:
            pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"))
            carried_out = pools.enter_context(pool).map
        for number, _ in enumerate(carried_out(partial(write, folder), missing), start=done + 1):
            progress("drawing videos", number, len(takes))


def _write_video(folder: Path, take: Take) -> None:
    write_video(take.script, folder / take.file)


def _write_recording(folder: Path, take: Take) -> None:
    """Write the pictures of a long video aside, and move them to their place when all are there."""
    if take.sample is not None:
        adapter: Any = datasets[take.sample.dataset]
        adapter.write_frames(folder / PARTIAL, Drawing(take.sample, _Frames(take), take.number))
        (folder / take.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / PARTIAL / take.file).replace(folder / take.file)


def _write_clips(folder: Path, takes: Sequence[Take], progress: Progress) -> None:
    homes: dict[str, list[Drawing]] = {}
    for number, take in enumerate(takes, start=1):
        frames = _Frames(take, partial(progress, "drawing clips", number, len(takes)))
        if take.sample is not None:
            homes.setdefault(take.home, []).append(Drawing(take.sample, frames, take.number))
    for home, rows in homes.items():
        writer: Any = datasets[rows[0].sample.dataset]
        writer.write(folder / home, rows)
