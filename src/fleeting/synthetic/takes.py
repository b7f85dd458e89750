"""Plans what to draw: one take for each video, for each clip of a dataset, or for each of its long videos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from fleeting.datasets import Drawable, DrawableVideos, datasets, label_sets
from fleeting.drawing import identity
from fleeting.drawing.rendering import frame
from fleeting.drawing.script import Label, Script, ScriptedEvent, script_of_clip, write_script
from fleeting.errors import FaceError, OptionError
from fleeting.faces.alignment import crop_matrix
from fleeting.faces.tracking import find_face
from fleeting.types import FloatArray, Sample

CLASSES: tuple[Label, ...] = ("negative", "positive", "surprise")
FILMED = {"seconds": 60.0, "events_per_minute": 4.0, "macro": 0.0}
OF_VIDEOS = {"videos": 4, "fps": 100.0, **FILMED}
OF_RECORDINGS = {"subjects": 2, **FILMED}
"""Settings of a dataset of long videos with their defaults."""
OF_CLIPS = {"subjects": 8, "clips": 6}
"""Settings of a dataset of clips with their defaults."""


@dataclass(frozen=True, eq=False)
class Take:
    """One video, one clip of a dataset, or one long video of a dataset, with the script of what it shows.

    ``file`` is its path below the folder. For a clip or a long video of a dataset, ``sample`` is its place in
    the dataset, ``rows`` are the rows of the sheet for a long video's events, and ``name`` is the dataset's
    name for it. The frames ``first`` to ``last`` of the script are drawn, as pictures numbered from
    ``number``. They are gray, or crops of ``crop`` rows, if the dataset's frames are.
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
    """The subfolder of the clip's dataset if several datasets are drawn together, else empty."""

    @cached_property
    def to_crop(self) -> FloatArray:
        """The (2, 3) matrix from the whole picture to the crop, found in the first frame and used for all.

        Raises FaceError if no face is found in that frame.
        """
        face = find_face(frame(self.script, self.first))
        if face is None or self.crop is None:
            raise FaceError(
                f"{self.file}: no face was found in what was drawn; report this with the settings"
            )
        return np.asarray(crop_matrix(face.mesh, self.crop), dtype=np.float32)


def layouts() -> list[str]:
    """The layouts that can be drawn: "video", and every dataset that can make up annotations (``invent``)."""
    return [
        "video",
        *(name for name in datasets if all(hasattr(a, "invent") for a in _adapters(name).values())),
    ]


def _adapters(layout: str) -> dict[str, Drawable]:
    """The datasets of a layout by their subfolder: the dataset itself (""), or the members of a composite."""
    members = getattr(datasets[layout], "members", ())
    named = {name: datasets[name] for name in members} or {"": datasets[layout]}
    return cast(dict[str, Drawable], named)


def is_continuous(layout: str) -> bool:
    """Whether a layout is that of a dataset of long videos."""
    return layout != "video" and getattr(datasets[layout], "continuous", False)


def takes_of(layout: str, settings: Mapping[str, Any]) -> Iterator[Take]:
    """All takes of a layout with these settings, in their order."""
    if layout == "video":
        return _videos(**settings)
    return (_recordings if is_continuous(layout) else _clips)(layout, **settings)


def settings_of(layout: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The layout's default settings, overridden by those given (not None).

    Raises OptionError on a setting that the layout does not take, and on a count below 1.
    """
    clips_or_recordings = OF_RECORDINGS if is_continuous(layout) else OF_CLIPS
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
    """Clips of a dataset: each three clips of a person are one of each class, in random order."""
    for place, (home, adapter) in enumerate(_adapters(layout).items()):
        for person in range(1, subjects + 1):
            rng = np.random.default_rng([seed, place, person])
            blocks = [rng.permutation(len(CLASSES)) for _ in range(-(-clips // len(CLASSES)))]
            for number, label in enumerate(CLASSES[i] for i in np.concatenate(blocks)[:clips]):
                own = _seed(seed, place, person, number)
                who = identity(place * subjects + person, seed)  # nobody is in two datasets
                script = script_of_clip(who, label, own, adapter.fps, **how)
                yield _clip(home, adapter, person, number, str(rng.choice(_words(adapter, label))), script)


def _clip(home: str, adapter: Drawable, person: int, number: int, word: str, script: Script) -> Take:
    """The take of one clip, named as in the dataset, with frames around the event if the dataset has them."""
    (event,) = script.events
    length = event.offset_frame - event.onset_frame + 1
    apex = event.apex_frame - event.onset_frame
    sample = adapter.invent(person, number, word, apex=apex, length=length)
    sample = replace(sample, action_units=event.action_units)
    onset = sample.onset or 1  # an invented clip always has an onset
    first, last = event.onset_frame, event.offset_frame
    if adapter.crop is None:  # datasets of crops have the clip's frames only; others count frames from 1
        first -= min(event.onset_frame, onset - 1)
        last = script.frames - 1
    return Take(
        file=str(Path(home, adapter.place(sample))),
        subject=sample.subject,
        script=script,
        sample=sample,
        name=sample.id,
        first=first,
        last=last,
        number=onset - (event.onset_frame - first),
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
    adapter = cast(DrawableVideos, datasets[layout])
    for person in range(1, subjects + 1):
        own = _seed(seed, person)
        yield _recording(
            adapter, person, write_script(identity(person, seed), own, seconds, adapter.fps, **how)
        )


def _recording(adapter: DrawableVideos, person: int, script: Script) -> Take:
    """The take of one long video, named as in the dataset, with a row of the sheet for each of its events."""
    rng = np.random.default_rng(script.seed)

    def row(number: int, event: ScriptedEvent) -> Sample:
        word = str(rng.choice(_words(adapter, event.label)))
        made = adapter.invent(person, number, word, apex=0, length=1)
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


def _words(adapter: Drawable, label: str) -> list[str]:
    """The dataset's own words for a class of the label set megc3."""
    class_of = label_sets["megc3"].class_of
    asked = [(word, Sample("a/b/c", adapter.name, "a/b", word)) for word in adapter.words]
    return [word for word, sample in asked if class_of(sample) == label]


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
