"""The built-in example dataset: motion maps drawn in memory, the same ones every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from fleeting.datasets import datasets
from fleeting.drawing.maps import draw_maps
from fleeting.errors import DatasetError, Problem
from fleeting.faces.four_regions import four_regions
from fleeting.types import FloatArray, Sample

SUBJECTS, CLIPS, SEED = 10, 12, 7
"""The number of people (drawn, all from one recipe of a face), the clips of each, and the drawing's seed."""


class Drawn:
    """Drawn motion maps of three kinds of movement, of drawn people and with noise."""

    name = "drawn"
    title = f"drawn motion maps: {SUBJECTS} drawn people with {CLIPS} clips each; comparable to nothing real"
    paper = "this project"
    access = "drawn on the spot, nothing to download"
    licence = "Apache-2.0"
    label_sets = ("megc3", "raw")
    ready = ("flow-map", "region-map")
    has_frames = False
    needs_root = False

    def samples(self, root: Path) -> list[Sample]:  # noqa: ARG002 - there is no folder
        """The drawn clips; ``root`` is ignored."""
        return [sample for sample, _ in _drawn().values()]

    def problems(self, root: Path, samples: Sequence[Sample]) -> Iterator[Problem]:  # noqa: ARG002
        """No problems: the maps were just drawn."""
        return iter(())

    def frames(self, root: Path, sample: Sample) -> list[Path]:  # noqa: ARG002
        """Raises DatasetError: these maps have no frames."""
        raise DatasetError(f"{sample.id} is a drawn map without frames; use its flow-map")

    def spare(self, root: Path, sample: Sample) -> list[Path]:  # noqa: ARG002
        """No files: nothing is on a disk."""
        return []

    def ready_array(self, root: Path, sample: Sample, modality: str) -> FloatArray:  # noqa: ARG002
        """The drawn map (3, 28, 28), or its four HTNet regions. Raises DatasetError on an unknown sample."""
        if sample.id not in _drawn():
            raise DatasetError(f"{sample.id} was not drawn; use the samples of this dataset")
        array = _drawn()[sample.id][1]
        return four_regions(array) if modality == "region-map" else array

    def fabricate(self, root: Path, seed: int = 0) -> None:
        """Write nothing: the dataset is its own miniature."""


@cache
def _drawn() -> dict[str, tuple[Sample, FloatArray]]:
    """Samples and their maps, by id."""
    drawn = {}
    for number, item in enumerate(draw_maps(SUBJECTS, CLIPS, SEED)):
        subject = f"drawn/p{item.subject:02d}"
        clip = f"{subject}/{number % CLIPS + 1:02d}_{item.label[:3]}"
        facts = Sample(clip, "drawn", subject, item.label, action_units=item.action_unit.removeprefix("AU"))
        drawn[clip] = facts, item.array
    return drawn


datasets.register("drawn")(Drawn())
