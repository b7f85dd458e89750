"""The training options of a recipe: its ``[training]`` table and the tables in it, without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Diffusion(BaseModel):
    """A recipe's ``[training.diffusion]`` table."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(default=0, ge=0, description="0: no samples are drawn")
    lr: float = Field(default=1e-3, gt=0, description="learning rate at its highest")
    batch: int = Field(default=64, ge=1)
    width: int = Field(default=32, ge=8, multiple_of=8, description="channels of the U-Net's first level")
    steps: int = Field(default=1000, ge=2, description="steps from a picture to noise")
    sampling_steps: int = Field(default=50, ge=2, description="how many of them are gone back (our reading)")
    fill: float = Field(
        default=1.0, gt=0, le=10, description="each class is filled up to this share of the largest"
    )


class Episodes(BaseModel):
    """A recipe's ``[training.episodes]`` table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(default=0, ge=0, description="episodes an epoch; 0: ordinary batches")
    shots: int = Field(default=5, ge=1, description="clips of each class that make its prototype")
    queries: int = Field(default=5, ge=1, description="further clips of each class, which are named by it")


class Pretraining(BaseModel):
    """A recipe's ``[training.pretraining]`` table."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(default=0, ge=0, description="0: the network starts to learn from labels at once")
    lr: float = Field(default=1e-4, gt=0, description="learning rate of the first epoch; a cosine follows")
    weight_decay: float = Field(default=0.05, ge=0)
    batch: int = Field(default=32, ge=2)


class Training(BaseModel):
    """A recipe's ``[training]`` table."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = Field(default=1e-3, gt=0, description="learning rate of the first epoch")
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1, description="for sgd")
    batch: int = Field(default=64, ge=1)
    epochs: int = Field(default=100, ge=1)
    layer_decay: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="the learning rate of a layer over that of the next one; the head has the whole rate",
    )
    warm_up: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of the epochs in which the rate rises to lr, before the schedule begins",
    )
    schedule: Literal["constant", "exponential", "step", "cosine"] = "constant"
    decay: float = Field(
        default=0.97, gt=0, le=1, description="factor an epoch (exponential) or a step (step)"
    )
    step_epochs: int = Field(default=10, ge=1, description="epochs between two steps of schedule=step")
    loss: Literal["cross-entropy", "focal"] = "cross-entropy"
    focal_gamma: float = Field(default=2.0, ge=0)
    class_weights: Literal["none", "balanced"] = "none"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    normalize: Literal["train", "unit", "none"] = Field(
        default="train",
        description="train: each channel by the training side's mean and deviation; unit: 0..255 to 0..1",
    )
    augment: tuple[str, ...] = Field(
        default=(), description="changes to training samples, drawn anew for each batch"
    )
    augmented_copies: int = Field(
        default=0,
        ge=0,
        le=100,
        description="copies of each sample, augmented once before training; 0: anew for each batch",
    )
    order: Literal["shuffled", "balanced", "by-class"] = Field(
        default="shuffled",
        description="of samples: drawn anew each epoch; with replacement, each class equally often; or class"
        " after class, the same batches in each epoch",
    )
    units: tuple[int, ...] = Field(
        default=(), description="action units learnt beside the class, from the sheets; none: the class alone"
    )
    units_weight: float = Field(default=1.0, gt=0, description="of their loss, beside the class's")
    episodes: Episodes = Episodes()
    diffusion: Diffusion = Diffusion()
    pretraining: Pretraining = Pretraining()
    remove_attention: int = Field(
        default=0, ge=0, description="how many attention layers go: those that tell the output least"
    )
    remove_among: str = Field(
        default="", description="only attention layers whose name begins so, for example levels.2"
    )
    remove_from: float = Field(default=0.5, ge=0, lt=1, description="after which share of the epochs")
    remove_over: float = Field(default=0.25, gt=0, le=1, description="they fade over this share of epochs")
    selection: Literal["fixed", "inner"] = Field(
        default="fixed", description="fixed: the last epoch; inner: the best on validation subjects"
    )
    patience: int = Field(default=10, ge=1, description="epochs without improvement before inner stops")
    validation_share: float = Field(default=0.2, gt=0, lt=1, description="share of samples held out by inner")
    trace_oracle: bool = Field(default=False, description="also record the epoch best on the test side")
    oracle_ties: Literal["first", "last"] = Field(
        default="first", description="which of equally good epochs the oracle keeps"
    )
    trace_loss: bool = Field(
        default=False, description="also record the test side's loss and accuracy after each epoch"
    )
    keep_weights: bool = Field(default=False, description="write each fold's weights")
    seed: int = Field(default=0, ge=0, le=2**31)
    seeds: int = Field(default=1, ge=1, le=1000, description="how many seeds, counted up from seed")
    threads: int = Field(
        default=1, ge=1, le=256, description="threads a process; scores repeat for the same number"
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"
    autocast: bool = Field(default=True, description="bfloat16 where it is safe, on a GPU only")

    @property
    def traced(self) -> bool:
        """Whether the test side is looked at after each epoch, for the record alone."""
        return self.trace_oracle or self.trace_loss
