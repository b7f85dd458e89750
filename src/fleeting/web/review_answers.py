"""What the API answers and takes of reviews, as models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from fleeting.web.answers import FrameNumber, Label, Rater, Strict, Text


class EventFacts(BaseModel):
    """An event as it was found; what a blind rater may not see yet is null."""

    kind: Literal["micro", "macro"]
    face: int
    onset_frame: int
    apex_frame: int
    offset_frame: int
    onset_s: float
    apex_s: float
    offset_s: float
    label: str | None
    confidence: float | None
    unsure: bool | None
    likelihood: float | None
    action_units: list[str]
    probabilities: dict[str, float] | None


class ReviewAnswer(EventFacts):
    """An event as a rater has it; ``found`` is how it was found, null of an event that was added."""

    n: int
    origin: Literal["found", "added"]
    candidate: bool = Field(description="whether it lies below the operating point")
    state: Literal["open", "accepted", "rejected"]
    comment: str
    by: str | None
    when: str | None
    found: EventFacts | None


class ReviewList(BaseModel):
    """Events by onset."""

    events: list[ReviewAnswer]


class Signed(Strict):
    """Who asks."""

    rater: Rater = ""


class Addition(Signed):
    """An event that a rater adds."""

    onset_frame: FrameNumber
    apex_frame: FrameNumber
    offset_frame: FrameNumber
    label: Label = ""
    comment: Text = ""


class Correction(Signed):
    """What a rater changes of an event; fields that are not given stay."""

    state: Literal["open", "accepted", "rejected"] | None = None
    onset_frame: FrameNumber | None = None
    apex_frame: FrameNumber | None = None
    offset_frame: FrameNumber | None = None
    label: Label | None = None
    comment: Text | None = None


class Change(BaseModel):
    """One field of one event that was changed; ``undone`` is when that was taken back."""

    number: int
    batch: str
    rater: str
    at: str
    event: int
    field: str
    before: Any
    after: Any
    undone: str | None


class Changes(BaseModel):
    """Changes in their order."""

    changes: list[Change]


class RaterFacts(BaseModel):
    """How far a rater is."""

    rater: str
    decided: int
    of: int
    added: int


class Raters(BaseModel):
    """Who has reviewed a job."""

    raters: list[RaterFacts]


class Judged(BaseModel):
    """Judgements that two raters both gave."""

    n: int
    agreed: int
    kappa: float | None


class IntervalAgreement(BaseModel):
    """Movements that two raters both, or one of them alone, say are there."""

    matched: int
    only_first: int
    only_second: int
    f1: float | None
    mean_iou: float | None
    least_iou: float


class AgreementAnswer(BaseModel):
    """How far two raters agree; ``notes`` say what is too little to mean anything."""

    raters: list[str]
    decisions: Judged
    classes: Judged
    intervals: IntervalAgreement
    notes: list[str]
