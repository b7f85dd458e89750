"""The types that all folders share (sample, clip, event, fold and others): frozen, self-validating values.

Each public one shows by an example how it is made, which takes the file over 300 lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from fleeting.errors import FoldError, LeakError, OptionError, some

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Image = npt.NDArray[np.uint8]
"""One or several pictures, uint8: (height, width), (height, width, channels) or (time, ...)."""
Kind = Literal["micro", "macro"]
Progress = Callable[[str, int, int], None]
"""Called with the name of the task, the number of steps done, and the number of all steps."""
Predict = Callable[[Sequence[FloatArray]], npt.NDArray[np.float64]]
"""From the input arrays of n samples, one array for each input of a model, to probabilities (n, classes)."""


def silent(what: str, done: int, of: int) -> None:
    """A `Progress` that does nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The annotation of one labelled clip, without its pictures.

    ``id`` is ``<subject>/<clip>``, or ``<subject>/<clip>#<frame>`` for a single frame of a clip. ``subject``
    is unique over all datasets: ``<cohort>/<id>`` (SAMM and SAMM Long Videos are one cohort; CASME II's 03
    and MMEW's 03 are two people). Onset, apex and offset are frame numbers as the files on disk count them,
    None where the annotators left them out. ``label`` is the dataset's own word until a label set maps it;
    ``objective`` is the class 1 to 7 of the objective (action unit) grouping. Raises OptionError on an empty
    id and on a subject of another form.

    >>> one = fleeting.Sample("casme2/sub01/EP02_01f", "casme2", "casme2/sub01", "happiness", 46, 59, 86)
    >>> one.apex, one.kind
    (59, 'micro')
    """

    id: str
    dataset: str
    subject: str
    label: str
    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    fps: float | None = None
    kind: Kind = "micro"
    action_units: str = ""
    objective: int | None = None

    def __post_init__(self) -> None:
        cohort, _, person = str(self.subject).partition("/")
        if not cohort or not person:
            found = f"sample {self.id!r}: the subject is {self.subject!r}, expected '<cohort>/<id>'"
            raise OptionError(f"{found}; name the dataset's cohort and the person")
        if not self.id:
            raise OptionError(f"a sample of {self.subject} has no id, expected '<subject>/<clip>'; give one")


@dataclass(frozen=True, slots=True)
class ArrayKind:
    """The meaning of an input array's channels, which code that rotates or mirrors the array has to know.

    ``channels`` names each channel: ``u`` and ``v`` are horizontal and vertical displacement, ``strain`` is
    how much the skin stretched, ``change`` is a difference of two pictures (0 where nothing changed), any
    other name is a picture. ``rest`` is the value that means "no displacement": 0 for flow in pixels, 127.5
    for a map scaled to 0..255, whose mirrored u is ``2 * rest - u = 255 - u``.

    ``tiles`` is 2 where the array is a square of 2 x 2 pictures of parts of the face, else 1. ``pixel`` is
    the height of a pixel over its width, not 1 where a resize stretched the face; displacements are in pixels
    from before the resize.
    """

    channels: tuple[str, ...]
    rest: float = 0.0
    tiles: int = 1
    pixel: float = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One decoded picture of a video: ``image`` is RGB uint8 (height, width, 3).

    ``number`` counts the decoded frames from 0; ``time`` is the presentation time in seconds. ``file`` is the
    name of the picture's file in a folder of pictures, "" elsewhere. ``key`` is whether the file codes it
    without reference to others, which it does now and then.

    >>> import numpy as np
    >>> fleeting.Frame(3, 0.1, np.zeros((480, 640, 3), np.uint8))
    Frame(3 at 0.100 s, 640 x 480)
    """

    number: int
    time: float
    image: npt.NDArray[np.uint8]
    file: str = ""
    key: bool = False

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return (
            f"Frame({self.number} at {self.time:.3f} s, {width} x {height}{self.file and f', {self.file}'})"
        )


@dataclass(frozen=True, eq=False)
class Clip:
    """The aligned face frames of one movement with their times and its onset, apex and offset.

    Every frame is the crop that `fleeting.faces.landmarks` defines: the eyes' centres lie where that module
    says. ``frames`` is (time, height, width, channels) uint8 with 1 (gray) or 3 (RGB) channels, ``times`` is
    (time,) in seconds; ``onset``, ``apex`` and ``offset`` index the first axis. Raises OptionError on other
    shapes, and where onset, apex and offset are not in this order inside the clip.

    >>> import numpy as np
    >>> frames = np.zeros((5, 64, 48, 3), np.uint8)
    >>> fleeting.Clip(frames, np.arange(5) / 30, onset=0, apex=2, offset=4)
    Clip(5 RGB frames of 48 x 64, 0.133 s; onset 0, apex 2, offset 4)
    """

    frames: npt.NDArray[np.uint8]
    times: npt.NDArray[np.float64]
    onset: int
    apex: int
    offset: int

    def __post_init__(self) -> None:
        shape: tuple[int, ...] = getattr(self.frames, "shape", ())
        kind = getattr(self.frames, "dtype", type(self.frames).__name__)
        if len(shape) != 4 or shape[3] not in (1, 3) or kind != np.uint8:
            raise OptionError(f"clip frames are {kind} {shape}, expected uint8 (time, height, width, 1 or 3)")
        if len(self.times) != len(self.frames):
            found = f"clip has {len(self.frames)} frames and {len(self.times)} times"
            raise OptionError(f"{found}; expected one time for each frame; cut both alike")
        if not 0 <= self.onset <= self.apex <= self.offset < len(self.frames):
            found = f"onset {self.onset}, apex {self.apex}, offset {self.offset}"
            raise OptionError(
                f"clip of {len(self.frames)} frames: {found}, expected 0 <= onset <= apex <= offset <"
                f" {len(self.frames)}; count them from the clip's first frame"
            )

    def __repr__(self) -> str:
        count, height, width, channels = self.frames.shape
        kind = "gray" if channels == 1 else "RGB"
        span = f"onset {self.onset}, apex {self.apex}, offset {self.offset}"
        lasts = self.times[-1] - self.times[0]
        return f"Clip({count} {kind} frames of {width} x {height}, {lasts:.3f} s; {span})"

    def _repr_html_(self) -> str:
        from fleeting.display.values import clip_html

        return clip_html(self)

    def plot(self) -> Figure:
        """The frames of onset, apex and offset side by side, as a matplotlib figure."""
        from fleeting.display.figures import of_clip

        return of_clip(self)


@dataclass(frozen=True, slots=True)
class Event:
    """One movement found in a face: its onset, apex, offset and kind, and its class if one was recognised.

    ``number`` counts a session's events from 1, ``face`` is the person's id. Frames count from 0, times are
    presentation times in seconds. A ``micro`` event lasts up to half a second. ``label`` is "" without a
    recogniser, for macro events, and where no clip could be cut. ``confidence`` is the label's probability,
    ``probabilities`` has every class, ``unsure`` says that the label should not be relied on, ``doubt`` why.
    ``strength`` is the movement's size over the video's own noise, ``regions`` are the parts of the face that
    moved, the surest first. ``likelihood``, 0 to 1, is how probable it is that this is a brief movement of
    facial muscles of its own; None for macro events, and where the spotter does not judge. ``action_units``
    are the units of FACS that change from onset to apex, the surest first, as in ``AU12+ lip corner puller``:
    a plus says that the muscle contracts, a minus that it lets go. Raises OptionError where onset, apex and
    offset are not in this order, on a label without a probability, and on a likelihood that is not 0 to 1.

    >>> fleeting.Event(1, 0, "micro", 30, 36, 44, onset_s=1.0, apex_s=1.2, offset_s=1.467, strength=5.0)
    Event(1, micro, 1.000 to 1.467 s, apex 1.200 s)
    """

    number: int
    face: int
    kind: Kind
    onset_frame: int
    apex_frame: int
    offset_frame: int
    onset_s: float
    apex_s: float
    offset_s: float
    strength: float
    regions: tuple[str, ...] = ()
    label: str = ""
    confidence: float | None = None
    unsure: bool = False
    probabilities: Mapping[str, float] = field(default_factory=dict)
    likelihood: float | None = None
    action_units: tuple[str, ...] = ()
    doubt: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise OptionError(f"event {self.number}: kind {self.kind!r}, expected micro or macro; give one")
        for what in ("frame", "s"):
            onset, apex, offset = (getattr(self, f"{name}_{what}") for name in ("onset", "apex", "offset"))
            if not onset <= apex <= offset:
                found = f"onset {onset}, apex {apex}, offset {offset}"
                raise OptionError(f"event {self.number}: {found} are not in this order; swap them")
        if self.label and self.label not in self.probabilities:
            known = ", ".join(self.probabilities) or "none"
            raise OptionError(
                f"event {self.number}: label {self.label!r} has no probability; there are {known}"
            )
        if self.likelihood is not None and not 0 <= self.likelihood <= 1:
            found = f"event {self.number}: likelihood {self.likelihood}"
            raise OptionError(f"{found}, expected 0 to 1; give a probability, or None")

    def __repr__(self) -> str:
        said = f"; {self.label} {self.probabilities[self.label]:.2f}" if self.label else ""
        unsure = ", unsure" if self.unsure else ""
        when = f"{self.onset_s:.3f} to {self.offset_s:.3f} s, apex {self.apex_s:.3f} s"
        return f"Event({self.number}, {self.kind}, {when}{said}{unsure})"

    def _repr_html_(self) -> str:
        from fleeting.display.values import event_html

        return event_html(self)

    def plot(self) -> Figure:
        """Its time from onset over apex to offset, and its class probabilities, as a matplotlib figure."""
        from fleeting.display.figures import of_event

        return of_event(self)


@dataclass(frozen=True)
class Recognition:
    """A clip's class with its confidence, 0 to 1, and the probability of each class by the class's name.

    ``unsure`` says that the class is better not shown: the confidence is not above the recogniser's
    threshold, or the movement is none of these classes, as far as can be told. In the latter case ``known``
    is False, and ``label`` is only what it resembles most. ``doubt`` says in words why an answer is unsure.
    ``typical`` is the share of real micro-expressions of unseen people whose inputs are as unusual as this
    one's or more so, 0 to 1; ``extent`` is how far the face moved, in percent of the distance between the
    outer eye corners. Each is None where nothing was measured.
    """

    label: str
    confidence: float
    unsure: bool
    probabilities: Mapping[str, float]
    known: bool = True
    doubt: str = ""
    typical: float | None = None
    extent: float | None = None


@dataclass(frozen=True)
class Fold:
    """One train/test split; it cannot be built with a subject on both sides unless that is declared.

    Raises LeakError on a sample that occurs twice and on an undeclared shared subject, FoldError on an empty
    side. Frames of one clip (``clip#frame``) are different samples of one subject: having them on both sides
    needs ``subjects_shared``, and then no score of the fold is ever called clean.

    >>> first, second = (fleeting.Sample(f"mine/P1/{clip}", "mine", "mine/P1", "joy") for clip in "ab")
    >>> fleeting.Fold("P1", train=(first,), test=(second,))
    Traceback (most recent call last):
        ...
    fleeting.errors.LeakError: fold 'P1' trains and tests on mine/P1; split by subject, or ...
    """

    name: str
    train: tuple[Sample, ...]
    test: tuple[Sample, ...]
    subjects_shared: bool = False

    def __post_init__(self) -> None:
        for side, samples in (("train", self.train), ("test", self.test)):
            if not samples:
                raise FoldError(f"fold {self.name!r} has nothing to {side} on; use fewer folds or more data")
        ids = [sample.id for sample in (*self.train, *self.test)]
        if len(set(ids)) != len(ids):
            found = f"fold {self.name!r} has {some(_repeated(ids))} twice"
            raise LeakError(f"{found}; expected each once, on one side; leave the repeated ones out")
        shared = {s.subject for s in self.train} & {s.subject for s in self.test}
        if shared and not self.subjects_shared:
            raise LeakError(
                f"fold {self.name!r} trains and tests on {some(shared)}; split by subject, or declare the"
                " fold subjects_shared and its score will not be called clean"
            )


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's answer for one test sample: true and predicted class index, a probability for each class.

    Raises OptionError on a class that has no probability.

    >>> one = fleeting.Prediction("mine/P1/a", "mine", "mine/P1", fold="P1", truth=0, predicted=1,
    ...                           probabilities=(0.4, 0.6))
    >>> one.predicted == one.truth
    False
    """

    id: str
    dataset: str
    subject: str
    fold: str
    truth: int
    predicted: int
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, value in (("truth", self.truth), ("predicted", self.predicted)):
            if not 0 <= value < len(self.probabilities):
                count = len(self.probabilities)
                found = f"{self.id}: {name} is class {value} and there are {count} probabilities"
                raise OptionError(f"{found}; expected a class below {count}; count classes from 0")


def _repeated(ids: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    return {i for i in ids if i in seen or seen.add(i)}  # type: ignore[func-returns-value]
