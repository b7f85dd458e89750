"""The systems that papers compare with: what each computes, against slow code and results by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fleeting.errors import OptionError
from fleeting.models import build, models
from fleeting.models.bi_woof import BiWoof
from fleeting.models.capsulenet import CapsuleNet, route, squash
from fleeting.models.lbp_top import BINS, PLANES, LbpTop, codes
from fleeting.models.mmnet import MMNet
from fleeting.models.rcn import RCN, Evidence


def short(vector):
    squared = sum(x * x for x in vector)
    return [x * squared / (1 + squared) / math.sqrt(squared + 1e-8) for x in vector]


def routed_slowly(votes, rounds):
    """Sabour et al. 2017, procedure 1, for one sample: lists votes[capsule][class][pose]."""
    capsules, classes, pose = len(votes), len(votes[0]), len(votes[0][0])
    logits = [[0.0] * classes for _ in range(capsules)]
    for _ in range(rounds):
        out = []
        for c in range(classes):
            gathered = [0.0] * pose
            for i in range(capsules):
                share = math.exp(logits[i][c]) / sum(math.exp(x) for x in logits[i])
                gathered = [s + share * v for s, v in zip(gathered, votes[i][c], strict=True)]
            out.append(short(gathered))
        for i in range(capsules):
            for c in range(classes):
                logits[i][c] += sum(v * o for v, o in zip(votes[i][c], out[c], strict=True))
    return out


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_routing_agrees_with_the_slow_way(rounds):
    votes = torch.randn(2, 3, 2, 4, generator=torch.Generator().manual_seed(0))
    slow = [routed_slowly(sample.tolist(), rounds) for sample in votes]
    torch.testing.assert_close(route(votes, rounds), torch.tensor(slow), rtol=1e-4, atol=1e-5)


def test_capsules_that_agree_win_the_class():
    votes = torch.zeros(1, 3, 2, 2)
    votes[0, :, 0] = torch.tensor([1.0, 0.0])  # all three agree on the first class
    votes[0, :, 1] = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    lengths = route(votes, 3).norm(dim=-1)[0]
    assert lengths[0] > 2 * lengths[1]


def test_squash_keeps_the_direction_and_half_of_a_unit_length():
    squashed = squash(torch.tensor([[0.6, 0.8], [600.0, 800.0], [0.0, 0.0]]))
    torch.testing.assert_close(squashed, torch.tensor([[0.3, 0.4], [0.6, 0.8], [0.0, 0.0]]))


def test_a_face_of_224_and_a_map_of_28_without_strides_have_the_papers_1152_capsules():
    for size, stride in ((224, 8), (28, 1)):
        assert CapsuleNet(3, width=4, size=size, stride=stride).transforms.shape == (1152, 3, 16, 8)


@pytest.mark.parametrize("axes", PLANES)
def test_codes_of_a_patch_by_hand(axes):
    patch = np.array([[9, 1, 5], [0, 5, 7], [4, 6, 2]])
    bits = [1, 0, 1, 1, 0, 1, 0, 0]  # clockwise from the upper left: 9 1 5 7 2 6 4 0 against 5
    volume = np.zeros((3, 3, 3), np.float32)
    across = ({0, 1, 2} - set(axes)).pop()
    np.moveaxis(volume, across, 0)[1] = patch
    assert codes(volume, axes, (1, 1, 1)).item() == sum(bit << place for place, bit in enumerate(bits))


def test_58_uniform_codes_have_a_bin_of_their_own():
    def changes(code):
        ring = [code >> bit & 1 for bit in range(8)]
        return sum(a != b for a, b in zip(ring, ring[1:] + ring[:1], strict=True))

    uniform = [code for code in range(256) if changes(code) <= 2]
    assert len(uniform) == 58
    assert sorted(BINS[uniform]) == list(range(58))
    assert set(BINS[[code for code in range(256) if code not in uniform]]) == {58}


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sides=st.tuples(st.integers(9, 14), st.integers(8, 20), st.integers(8, 20)),
    reach=st.tuples(st.integers(1, 4), st.integers(1, 2), st.integers(1, 2)),
    axes=st.sampled_from(PLANES),
)
def test_codes_agree_with_the_slow_way(seed, sides, reach, axes):
    volume = np.random.default_rng(seed).integers(0, 4, size=sides).astype(np.float32)
    found = codes(volume, axes, reach)
    ring = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    where = tuple(np.random.default_rng(seed).integers(found.shape))
    centre = np.add(where, reach)
    expected = 0
    for bit, steps in enumerate(ring):
        other = centre.copy()
        for axis, step in zip(axes, steps, strict=True):
            other[axis] += step * reach[axis]
        expected |= int(volume[tuple(other)] >= volume[tuple(centre)]) << bit
    assert found[where] == expected


def test_lbp_top_histograms_add_up_to_one_and_do_not_see_brightness():
    clip = np.random.default_rng(0).uniform(0, 200, size=(1, 10, 24, 24)).astype(np.float32)
    model = LbpTop(3, size=24, blocks=2)
    found = model.histograms([clip])
    assert found.shape == (1, 3 * 2 * 2 * 59)
    np.testing.assert_allclose(found.reshape(-1, 59).sum(axis=1), 1)
    np.testing.assert_array_equal(found, model.histograms([2 * clip + 30]))


def test_lbp_top_sees_in_time_what_a_still_clip_has_not():
    rng = np.random.default_rng(0)
    still = np.repeat(rng.uniform(0, 200, size=(1, 1, 24, 24)), 10, axis=1).astype(np.float32)
    model = LbpTop(3, size=24, blocks=1)
    spatial, *temporal = model.histograms([still]).reshape(3, 59)
    assert np.count_nonzero(spatial) > 30
    moving = still + rng.normal(0, 30, size=still.shape).astype(np.float32)
    for plane, moved in zip(temporal, model.histograms([moving]).reshape(3, 59)[1:], strict=True):
        assert np.count_nonzero(plane) < 20 < np.count_nonzero(moved)


def test_colours_are_made_gray():
    gray = np.random.default_rng(0).uniform(0, 200, size=(1, 10, 24, 24)).astype(np.float32)
    colour = np.repeat(gray, 3, axis=1)  # red, green and blue of one frame after another
    plain, coloured = LbpTop(3, size=24), LbpTop(3, size=24, channels=30, colours=3)
    np.testing.assert_allclose(plain.histograms([gray]), coloured.histograms([colour]), atol=1e-2)


def test_histogram_of_a_flow_by_hand():
    """Two blocks move, one up and to the left, one down; the strain says how much each block counts."""
    u, v, strain = np.zeros((3, 4, 4))
    u[:2, :2], v[:2, :2] = (
        -3,
        -4,
    )  # 5 px; atan2(-4, -3) lies in the second of eight sectors
    v[2:, 2:] = 2  # down: atan2(2, 0) is a quarter turn, where the seventh sector begins
    strain[:2, :2], strain[2:, 2:], strain[:2, 2:] = 0.1, 0.4, 9
    (found,) = BiWoof(3, blocks=2, size=4, channels=3).histograms([np.stack([u, v, strain])[None]])
    expected = np.zeros((4, 8))
    expected[0, 1], expected[3, 6] = 4 * 5 * 0.1, 4 * 2 * 0.4
    np.testing.assert_allclose(found, expected.ravel() / expected.sum())


def test_bi_woof_computes_the_strain_of_a_raw_flow():
    rows, columns = np.mgrid[0:16, 0:16].astype(np.float32)
    shifted = np.stack([np.full_like(rows, 2), np.zeros_like(rows)])  # a head that moves has no strain
    stretched = np.stack([0.1 * columns, np.zeros_like(rows)])
    model = BiWoof(3, blocks=2, size=16)
    still, moved = model.histograms(np.stack([shifted, stretched])[None])
    assert not still.any()
    np.testing.assert_allclose(moved.sum(), 1)
    assert set(np.flatnonzero(moved.reshape(4, 8).sum(axis=0))) == {4}  # all to the right


def test_recurrences_share_one_filter():
    counts = {steps: sum(p.numel() for p in RCN(3, steps=steps).parameters()) for steps in (1, 2, 5)}
    assert len(set(counts.values())) == 1
    model = RCN(3, width=8, steps=3, size=28).eval()
    calls = []
    model.layers[0].again.register_forward_hook(lambda *_: calls.append(1))
    model(torch.zeros(1, 3, 28, 28))
    assert len(calls) == 3


def test_the_modules_of_rcn_cost_no_parameters():
    def size(**chosen):
        return sum(p.numel() for p in RCN(3, **chosen).parameters())

    assert size(shortcut=True) == size(attention="last") == size(attention="inside") == size()
    assert size(wide=True) < size()  # 3x3 filters in place of 5x5


@pytest.mark.parametrize("shortcut", [False, True])
def test_a_recurrence_agrees_with_its_equation(shortcut):
    layer = RCN(3, width=8, steps=3, shortcut=shortcut, size=28).eval().layers[0]
    x = torch.randn(2, 8, 12, 12, generator=torch.Generator().manual_seed(0))
    states = [x, layer.feed(x)]
    for _ in range(3):
        states.append(layer.again(sum(states) if shortcut else x + states[-1]))
    torch.testing.assert_close(layer(x, None), torch.nn.functional.max_pool2d(states[-1], 2))


def test_evidence_is_stretched_by_class_and_averaged():
    maps = torch.tensor([[[[0.0, 2.0], [4.0, 4.0]], [[5.0, 5.0], [5.0, 5.0]]]])  # the second class is flat
    torch.testing.assert_close(Evidence()(maps), torch.tensor([[[[0.0, 0.25], [0.5, 0.5]]]]))


def test_attention_of_mmnet_never_grows_from_block_to_block():
    model = MMNet(3, width=8, filters=12, size=64).eval()
    x, first = model.block1(model.stem(torch.randn(2, 3, 64, 64)), None)
    _, second = model.block2(x, first)
    largest = torch.nn.functional.max_pool2d(first, 3, stride=2, padding=1)
    assert second.shape == (2, 1, 16, 16)
    assert (second <= largest).all()


def test_mmnet_places_a_movement_on_the_face():
    torch.manual_seed(0)
    model = MMNet(3, width=8, filters=12, size=32).eval()
    motion, face = torch.randn(2, 1, 3, 32, 32)
    assert not torch.equal(model(motion, face), model(motion, 2 * face))
    assert not torch.equal(model(motion, face), model(2 * motion, face))


@pytest.mark.parametrize("name", ["capsulenet", "rcn", "mmnet"])
def test_what_a_network_is_looked_at_is_a_picture(name):
    chosen = {**models[name].small}
    side = chosen.pop("size")
    shapes = [(c, side, side) for c, _, _ in models[name].inputs.values()]
    model = build(name, 3, shapes, chosen, seed=0).eval()
    seen = []
    model.get_submodule(model.looks_at).register_forward_hook(lambda *call: seen.append(call[2]))
    model(*(torch.zeros(1, *shape) for shape in shapes))
    assert seen[0].ndim == 4
    assert min(seen[0].shape[2:]) > 1


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (CapsuleNet, {"stride": 3}),
        (CapsuleNet, {"size": 12}),
        (RCN, {"attention": "first"}),
        (RCN, {"size": 28, "layers": 5}),
        (MMNet, {"heads": 3}),
        (LbpTop, {"pace": 5}),
        (LbpTop, {"channels": 10, "colours": 3}),
        (LbpTop, {"strength": 0.0}),
        (BiWoof, {"channels": 4}),
        (BiWoof, {"blocks": 200}),
    ],
)
def test_what_cannot_be_built_is_refused(model, options):
    with pytest.raises(OptionError, match=r"expected|takes"):
        model(3, **options)
