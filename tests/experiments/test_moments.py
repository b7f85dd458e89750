"""Other moments of a clip: which frames they are, and that a fold's training side alone learns from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fleeting.errors import DatasetError, OptionError
from fleeting.experiments.fold import evaluate
from fleeting.experiments.task import training_set
from fleeting.inputs.loading import Inputs, moments_of
from fleeting.inputs.view import Input, View
from fleeting.types import Sample
from tests.fixtures.tasks import jobs_of, task_of

VIEW = View((Input("flow", (28, 28)),))


class Numbered:
    """A dataset whose clips have the frames 100 to 109."""

    def __init__(self, has_frames=True):
        self.name, self.has_frames = "numbered", has_frames

    def frames(self, root, sample):  # noqa: ARG002
        return [Path(f"img{number}.jpg") for number in range(100, 110)]


def clip(**facts):
    return Sample("d/s1/a", "d", "d/s1", "x", **{"onset": 100, "offset": 109, "fps": 100.0, **facts})


@pytest.mark.parametrize(
    ("view", "apex", "count", "frames"),
    [
        (VIEW, 105, 4, [103, 104, 106]),
        (VIEW, 101, 4, [102, 103, 104]),  # the onset has not moved from itself
        (VIEW, 109, 3, [107, 108]),
        (VIEW, None, 3, [104, 106]),
        (replace(VIEW, apex="middle"), 101, 3, [104, 106]),
        (VIEW, 105, 99, [101, 102, 103, 104, 106, 107, 108, 109]),
    ],
)
def test_moments_lie_about_the_apex_and_never_at_the_onset(view, apex, count, frames):
    found, problems = moments_of(Numbered(), Path(), [clip(apex=apex)], view, count)
    assert [sample.apex for sample in found] == frames
    assert [sample.id for sample in found] == [f"d/s1/a#{number}" for number in frames]
    assert {(sample.subject, sample.label, sample.onset, sample.offset) for sample in found} == {
        ("d/s1", "x", 100, 109)
    }
    assert not problems


def test_moments_that_cannot_be_are_refused():
    with pytest.raises(OptionError, match=r"data\.apex=flow"):
        moments_of(Numbered(), Path(), [clip()], replace(VIEW, apex="flow"), 4)
    with pytest.raises(DatasetError, match="has no frames"):
        moments_of(Numbered(has_frames=False), Path(), [clip()], VIEW, 4)


def with_moments(spoilt=""):
    """The small task, and a second moment of each clip; those of one subject are nonsense if asked."""
    task = task_of(epochs=2)
    samples = tuple(replace(sample, id=f"{sample.id}#7") for sample in task.inputs.samples)
    maps = task.inputs.arrays[0] + 5
    maps[[sample.subject == spoilt for sample in samples]] = 1e3
    return replace(task, moments=Inputs(samples, (maps,), task.inputs.kinds, (), {}, {}))


def test_a_training_side_has_the_moments_of_its_own_clips_behind_them():
    task = with_moments()
    rows = np.array([4, 20, 21])
    found = training_set(task, rows)
    np.testing.assert_array_equal(found.arrays[0][:3], task.inputs.arrays[0][rows])
    np.testing.assert_array_equal(found.arrays[0][3:], task.moments.arrays[0][rows])
    assert found.labels[:3].tolist() == found.labels[3:].tolist()
    assert found.subjects[:3] == found.subjects[3:]


def test_moments_of_tested_clips_reach_nothing():
    task = with_moments()
    job = next(job for job in jobs_of(task) if job.fold.name == "d/s1")
    plain = evaluate(task, job).predictions
    assert evaluate(with_moments(spoilt="d/s1"), job).predictions == plain
    assert evaluate(with_moments(spoilt="d/s2"), job).predictions != plain
    assert len(plain) == len(job.fold.test)
