"""What the API answers and takes, as models: they check what comes in, and describe it in OpenAPI."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Rater = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
Label = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
FrameNumber = Annotated[int, Field(ge=0, le=2**31 - 1)]
Seconds = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]


class Strict(BaseModel):
    """What takes no other fields than its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class JobSettings(Strict):
    """The settings of an analysis that a user may choose; see `fleeting analyze`."""

    model: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        default=None, description="a recogniser's name, or none; without it, the one that is shipped"
    )
    start: Seconds | None = None
    end: Seconds | None = None
    fps: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = None
    blur: bool = False
    people: Annotated[int, Field(ge=1, le=32)] = 4
    alarms_per_minute: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0
    annotated: bool = Field(default=False, description="also write annotated.mp4")
    units: bool = Field(default=False, description="also write units.csv, slow")


class LocalRequest(Strict):
    """A file or a folder of this machine, below the folder that the server was started with."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    settings: JobSettings = JobSettings()


class Media(BaseModel):
    """What is known of a recording: of its header, and once it is analysed, of its frames."""

    width: int | None
    height: int | None
    fps: float | None
    frames: int | None
    duration_s: float | None
    variable_frame_rate: bool | None


class JobAnswer(BaseModel):
    """A recording and how far its analysis is. Times are ISO 8601, UTC."""

    id: str
    name: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str
    progress: float = Field(ge=0, le=1)
    time_left_s: float | None
    position: int | None = Field(description="place in the queue, from 1")
    created: str
    started: str | None
    ended: str | None
    error: str | None
    events: int | None
    warnings: list[str]
    settings: dict[str, Any]
    media: Media | None


class JobList(BaseModel):
    """Several jobs, the last that came first."""

    jobs: list[JobAnswer]


class Frames(BaseModel):
    """Columns of frames; a row stands for ``every`` frames."""

    frame: list[int]
    time_s: list[float]
    motion: list[float | None]
    motion_min: list[float | None]
    motion_max: list[float | None]
    quality: list[float | None]
    faces: list[int]
    x: list[float | None]
    y: list[float | None]
    width: list[float | None]
    height: list[float | None]
    reason: list[str]
    every: int


class Curves(BaseModel):
    """Curves of action units of one face; a value stands for ``every`` frames, and is their largest."""

    face: int | None
    curves: dict[str, list[float | None]]
    largest: dict[str, float | None] = Field(description="of every curve there is, in the whole recording")
    every: int


class ModelFacts(BaseModel):
    """A recogniser that a job can use."""

    name: str
    classes: list[str]
    default: bool


class Models(BaseModel):
    """The recognisers there are."""

    models: list[ModelFacts]


class PictureWeights(BaseModel):
    """Weights that take one frame."""

    name: str
    classes: list[str]


class PictureModels(BaseModel):
    """The weights there are for single pictures, and what a single picture cannot show."""

    models: list[PictureWeights]
    note: str


class Classified(BaseModel):
    """What weights take the face in one picture for, as `fleeting picture --json` has it."""

    file: str
    label: str
    confidence: float
    unsure: bool
    doubt: str
    probabilities: dict[str, float]
    crop: str


class PictureAnswer(BaseModel):
    """The answer for one picture."""

    model: str
    weights_sha256: str
    note: str
    pictures: list[Classified]
    failed: list[str]


class RunFacts(BaseModel):
    """What a run is, without its scores."""

    name: str
    protocol: Any
    selection: Any
    apex: Any
    folds: Any
    seconds: Any
    incomplete: Any
    subjects_shared: Any
    drawn: Any


class RunList(BaseModel):
    """Finished runs by name."""

    runs: list[RunFacts]


class RunAnswer(BaseModel):
    """The scores of a run as its scores.json has them, and the names of its files."""

    name: str
    scores: dict[str, Any]
    files: list[str]


class Health(BaseModel):
    """Whether the server is well, what it takes, and what it keeps."""

    status: Literal["ok"]
    version: str
    jobs: dict[str, int]
    workers: int
    limits: dict[str, float]
    local_folder: bool
    runs: bool
    keep_days: float | None
    keeps: dict[str, str]


class Fault(BaseModel):
    """Why a request was refused, in a sentence."""

    detail: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Fault, "description": what}
    for status, what in {
        401: "a token is needed",
        403: "the request comes from another site",
        404: "there is no such thing",
        409: "it is not at that point yet, or no longer",
        413: "too large",
        422: "it cannot be used",
        429: "too many requests, or too many jobs that wait",
    }.items()
}
"""The refusals that any request may meet."""
