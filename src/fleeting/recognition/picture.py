"""Classifies single pictures, with a model that takes one frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fleeting.errors import DatasetError, FaceError, OptionError
from fleeting.faces.clips import How, clip_of
from fleeting.inputs.view import View, arrays_of
from fleeting.recognition.recogniser import Recogniser
from fleeting.types import Clip, Image, Progress, silent
from fleeting.video.pictures import UNREADABLE, damage, grey_bits, load_picture, page_count

NOTE = (
    "A micro-expression is a movement and needs time: a single picture cannot show one. The class says what"
    " these weights take this face for, frame by frame."
)


@dataclass(frozen=True)
class Picture:
    """What a model takes the face in one picture for.

    ``unsure`` says that the class should not be relied on, ``doubt`` why. ``crop`` is what was done to the
    picture (see `fleeting.faces.clips.clip_of`): ``as-is`` where it was taken whole.
    """

    file: str
    label: str
    confidence: float
    unsure: bool
    doubt: str
    probabilities: dict[str, float]
    crop: How


@dataclass(frozen=True)
class Pictures:
    """The pictures that were classified, and a line for each that could not be, in the order given."""

    model: str
    weights_sha256: str
    done: tuple[Picture, ...]
    failed: tuple[str, ...]
    note: str = NOTE

    def as_dict(self) -> dict[str, Any]:
        """The answers as a value for JSON."""
        return {
            "model": self.model,
            "weights_sha256": self.weights_sha256,
            "note": self.note,
            "pictures": [asdict(one) for one in self.done],
            "failed": list(self.failed),
        }


def picture(
    files: str | Path | Iterable[str | Path], model: str | Path, *, progress: Progress = silent
) -> Pictures:
    """Classify single pictures with weights whose inputs are one frame (the modality ``apex`` or ``onset``).

    ``model`` is a file or a folder of `fleeting.train`; none of the shipped models takes one frame. The face
    (the largest) is cut and coloured as the clips were from which the weights learnt. Nothing is written. A
    file that is no picture, or shows no face where one is needed, is a line in ``failed``. Raises OptionError
    where no file is named and where the model needs more than one frame, and the errors of
    `Recogniser.load`.

    >>> fleeting.picture("face.png", "megc2019-symmetric-flow")
    Traceback (most recent call last):
    fleeting.errors.OptionError: ...
    """
    paths = [Path(files)] if isinstance(files, (str, Path)) else [Path(file) for file in files]
    if not paths:
        raise OptionError("no picture was named; name one or more picture files")
    recogniser = Recogniser.load(model)
    refuse_movement(recogniser)
    done, failed = list[Picture](), list[str]()
    for number, path in enumerate(paths, start=1):
        try:
            done.append(_classified(path, recogniser))
        except FaceError:
            failed.append(
                f"{path}: no face was found in it; these weights learnt from faces that were cut out"
            )
        except (DatasetError, OptionError) as error:
            failed.append(f"{path}: {error}")
        progress("classifying pictures", number, len(paths))
    return Pictures(recogniser.name, recogniser.sha256, tuple(done), tuple(failed))


def frames_needed(view: View) -> tuple[str, ...]:
    """Which of a movement's onset, apex and offset frames the inputs depend on.

    Found by changing one frame of a small clip at a time, so that it holds for modalities of plug-ins too.
    """
    frames = np.random.default_rng(0).integers(0, 256, (5, 64, 52, 3), dtype=np.uint8)

    def arrays(*order: int) -> list[Any]:
        return arrays_of(Clip(frames[list(order)], np.arange(4) / 100, 0, 1, 3), view)

    plain = arrays(0, 1, 2, 3)
    changed = {"onset": arrays(4, 1, 2, 3), "apex": arrays(0, 4, 2, 3), "offset": arrays(0, 1, 2, 4)}
    return tuple(
        name
        for name, others in changed.items()
        if not all(np.array_equal(one, other) for one, other in zip(plain, others, strict=True))
    )


def refuse_movement(recogniser: Recogniser) -> None:
    """Raise OptionError where weights need more than one frame of a movement."""
    if len(needed := frames_needed(recogniser.view)) > 1:
        inputs = ", ".join(item.modality for item in recogniser.view.inputs)
        raise OptionError(
            f"{recogniser.name} looks at {inputs}, for which it needs {' and '.join(needed)}: a movement, not"
            " one picture; name weights of a recipe whose only input is apex, or give `fleeting analyze` a"
            " video"
        )


def _classified(path: Path, recogniser: Recogniser) -> Picture:
    view = recogniser.view
    clip, how = clip_of([_read(path)], [0.0], 0, 0, 0, crop=view.crop, height=view.height)
    chances = recogniser.probabilities([array[None] for array in arrays_of(clip, view)])[0]
    best, threshold = int(chances.argmax()), recogniser.facts.calibration.threshold
    confidence = float(chances[best])
    doubt = "" if confidence > threshold else f"a confidence of {confidence:.2f} is not above {threshold:.2f}"
    if how == "as-is" and view.crop != "as-is":
        doubt = "no face was found in it, so it was taken whole"
    return Picture(
        file=str(path),
        label=recogniser.classes[best],
        confidence=confidence,
        unsure=bool(doubt),
        doubt=doubt,
        probabilities=dict(zip(recogniser.classes, map(float, chances), strict=True)),
        crop=how,
    )


def _read(path: Path) -> Image:
    """A picture file as RGB (height, width, 3). Raises DatasetError where it holds no single picture."""
    if (pages := page_count(path)) > 1:
        raise DatasetError(f"it has {pages} pages, expected one picture; give it to `fleeting analyze`")
    try:
        return np.asarray(load_picture(path, "RGB", grey_bits([path])[0]))
    except FileNotFoundError as error:
        raise DatasetError("there is no such file; name a picture") from error
    except UNREADABLE as error:
        raise DatasetError(f"it cannot be read as a picture ({damage(error)}); name a picture") from error
