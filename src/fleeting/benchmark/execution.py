"""How recipes are carried out: by whom, how many at once, what happens to damaged clips, who is told."""

from __future__ import annotations

from dataclasses import dataclass

from fleeting.errors import OptionError
from fleeting.types import Progress, silent


@dataclass(frozen=True)
class Execution:
    """How recipes are carried out; of this, only ``skip_damaged`` can change a number.

    ``executor`` is one of `fleeting.executors`, ``workers`` how many jobs it does at once (None: one for each
    core). With ``skip_damaged`` clips that cannot be used are left out and named, without it they stop a run
    before it begins. Raises OptionError on fewer workers than one.
    """

    executor: str = "serial"
    workers: int | None = None
    skip_damaged: bool = False
    progress: Progress = silent

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise OptionError(f"{self.workers} workers cannot do anything; use 1 or more")
