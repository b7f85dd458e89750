"""The networks of the `learned` spotter: what they see of a rise, and that numpy computes what torch does."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from fleeting.spotting import spotters
from fleeting.spotting.rising.learnt import learnt
from fleeting.spotting.rising.network import AHEAD, BACK, KERNELS, MOST, POOLED, Network, windows
from fleeting.spotting.rising.parts import LIKENESS, PARTS, PLACES, VALUES
from tests.fixtures.skin import bump, even, motions


def by_torch(weights, i, seen, told):
    """The same log odds, computed by torch."""
    tensors = {name: torch.as_tensor(np.asarray(values[i])) for name, values in weights.items()}
    course = torch.from_numpy(seen)
    for k in range(len(KERNELS)):
        course = torch.relu(functional.conv1d(course, tensors[f"conv{k}.weight"], tensors[f"conv{k}.bias"]))
        course = functional.max_pool1d(course, 2) if k < len(KERNELS) - 1 else course
    joined = torch.cat([course.mean(2), course.amax(2), torch.from_numpy(told)], 1)
    hidden = torch.relu(functional.linear(joined, tensors["hidden.weight"], tensors["hidden.bias"]))
    said = hidden @ tensors["out.weight"] + tensors["out.bias"]
    return (MOST * torch.tanh(said / MOST)).numpy()


def test_numpy_computes_what_torch_does():
    rng = np.random.default_rng(0)
    shapes = {"conv0.weight": (6, 9, 5), "conv1.weight": (6, 6, 5), "conv2.weight": (6, 6, 3)}
    shapes |= {f"conv{k}.bias": (6,) for k in range(3)}
    shapes |= {"hidden.weight": (8, 12 + 4), "hidden.bias": (8,), "out.weight": (8,), "out.bias": ()}
    weights = {name: rng.standard_normal((2, *shape)) for name, shape in shapes.items()}
    seen, features = rng.standard_normal((7, 9, 71)), rng.standard_normal((7, 4))
    mean, spread = rng.standard_normal(4), rng.uniform(0.5, 2, 4)
    network = Network((), mean, spread, weights, (0.0, 1.0, 0.0))
    expected = np.mean([by_torch(weights, i, seen, (features - mean) / spread) for i in (0, 1)], axis=0)
    assert network.corrections(seen, features) == pytest.approx(expected)


def test_a_window_begins_at_rest_and_says_where_no_frame_was():
    known = learnt("learned")
    steps = np.zeros((300, VALUES))
    steps[:, LIKENESS] = 1.0
    steps[160:, :PLACES] = 1.0
    ends, durations = np.array([160, 40]), np.array([4, 4])
    seen = windows(steps, ends, durations, known.directions, known.network.whitening)
    assert seen.shape == (2, sum(map(len, known.directions)) + 4, (BACK + AHEAD) // POOLED)
    before, after = seen[0, :-4, 2 : BACK // POOLED], seen[0, :-4, BACK // POOLED + 1 :]
    assert not before.any()
    assert np.abs(after).max() > 0
    missing = (BACK - 40) // POOLED
    assert not seen[1, :, :missing].any()
    assert (seen[1, -1, missing + 1 :] == 1).all()


def test_parts_share_no_region():
    assert len({int(i) for part in PARTS for i in part}) == sum(map(len, PARTS))


def test_it_judges_otherwise_than_the_trees_alone():
    times = even(9.0)
    pushed = motions(
        times, ("brow", bump(times, 4.0, 4.3), 0.0, -1.0), ("forehead", bump(times, 4.0, 4.3), 0.0, -0.6)
    )

    def best(name):
        spotter = spotters[name]()
        found = [one for motion in pushed for one in spotter.push(motion)] + spotter.finish()
        return max((one for one in found if one.kind == "micro"), key=lambda one: one.likelihood)

    rising, learned = best("rising"), best("learned")
    assert (rising.onset, rising.apex, rising.offset) == (learned.onset, learned.apex, learned.offset)
    assert rising.likelihood != learned.likelihood
