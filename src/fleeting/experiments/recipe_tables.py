"""The tables of a recipe's file, one class each; ``[training]`` is `fleeting.training.options`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fleeting.errors import OptionError
from fleeting.faces.clips import Crop

HARMLESS = tuple(
    f"training.{key}" for key in ("seed", "seeds", "trace_oracle", "trace_loss", "keep_weights", "threads")
)
"""Keys of a recipe that may be changed without making it another experiment."""
_RUNS_ALIKE = ("training.device", "training.autocast", "training.selection")
_FIXED = ("model.inputs", "model.size", "model.pretrained", *_RUNS_ALIKE, *HARMLESS)
"""Keys that all candidates of ``[choose]`` have in common."""


class Data(BaseModel):
    """A recipe's ``[data]`` table; the dataset's folder is given on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: str = "drawn"
    labels: str = "megc3"
    release: str = Field(
        default="",
        coerce_numbers_to_str=True,
        description="labels as of this release (casme2: 2014, 2019); none: the sheet that is there",
    )
    leave_out: tuple[str, ...] = Field(default=(), description="ids of clips that do not count")
    apex: str = Field(
        default="annotated",
        description="annotated: the sheet's, else the middle; annotated-or-FINDER; or a finder alone",
    )
    crop: Crop = Field(default="auto", description="auto: align faces, keep tight crops; face; as-is")
    height: int = Field(default=170, ge=32, le=2048, description="rows of an aligned face")
    equalise: bool = Field(default=False, description="spread each frame's histogram of brightness")
    moments: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="frames about the apex that training takes for the apex, each for a sample of its own",
    )
    unit: Literal["clip", "frame"] = Field(default="clip", description="frame: every frame is a sample")
    color: Literal["rgb", "gray"] = "rgb"
    shuffle_labels: bool = Field(
        default=False, description="a control: labels dealt out anew over all clips, so nothing can be learnt"
    )


class ProtocolChoice(BaseModel):
    """A recipe's ``[protocol]`` table: a name, and the options that protocol takes."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = "loso"


class ModelChoice(BaseModel):
    """A recipe's ``[model]`` table: a name, its inputs, and the options that model takes."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = "linear-flow"
    inputs: tuple[str, ...] = ("flow-map",)
    size: int = Field(default=0, ge=0, le=1024, description="side of the input pictures; 0: the model's own")
    pretrained: str = Field(
        default="",
        description="file of weights that a network starts from (.safetensors, .pth, .pt), or imagenet: the"
        " published file that `fleeting weights` names",
    )


class Choice(BaseModel):
    """A recipe's ``[choose]`` table: settings that each fold chooses among, on its training side alone.

    Each of ``among`` is a table of changes to the recipe's ``[model]`` and ``[training]``. Every candidate is
    trained and scored in an inner k-fold over the people of the training side; the one with the best UF1 is
    then trained on the whole training side (nested cross-validation, Varma and Simon 2006).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    among: tuple[dict[str, Any], ...] = Field(
        default=(), description="changes to model and training, a table each; none: nothing is chosen"
    )
    folds: int = Field(default=5, ge=2, description="inner folds over the people of a training side")

    @staticmethod
    def refuse_other(change: Mapping[str, Any], where: str) -> None:
        """Raise OptionError where a candidate changes more than a model's options and its training."""
        keys = [
            f"{table}.{key}" if isinstance(found, Mapping) else table
            for table, found in change.items()
            for key in (found if isinstance(found, Mapping) else [table])
        ]
        for key in keys:
            if key in _FIXED or not key.startswith(("model.", "training.")):
                raise OptionError(
                    f"{where} changes {key}; candidates see the same inputs and run alike, so change the"
                    " model's options or its training"
                )


class Reported(BaseModel):
    """The numbers that a paper printed, for all data and for its parts.

    Parts are datasets. A recipe whose own dataset is one of them reports by dataset: it may be run on any of
    them, one at a time, and is then compared with that part. Otherwise they are the parts of a composite.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    uf1: float | None = None
    uar: float | None = None
    f1: float | None = None
    accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    mse: float | None = None
    mae: float | None = None
    auc: float | None = None
    weighted_precision: float | None = None
    weighted_recall: float | None = None
    weighted_f1: float | None = None
    brier: float | None = None
    probability_mae: float | None = None
    training_loss: float | None = None
    test_loss: float | None = None
    labels: str = Field(default="", description="of a part: its label set, where it is not the recipe's")
    note: str = ""
    parts: dict[str, Reported] = {}
