"""Further systems that papers compare with: their published sizes, and what each of their parts computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fleeting.errors import OptionError
from fleeting.faces.landmarks import LEFT_MOUTH_AT, RIGHT_MOUTH_AT
from fleeting.models import build, models
from fleeting.models.dual_atme import CBAM
from fleeting.models.fgrl_auf import BROWS, FGRLAUF, MOUTH, SIDE
from fleeting.models.learnet import LEARNet
from fleeting.models.originet import OrigiNet, Refined
from fleeting.models.sssnet import SSSNet

LAYERS = {
    "sssnet": 3 * 32 * 25 + 32 + 64 + 32 * 64 * 9 + 64 + 128 + 81 * 64 * 256 + 256 + 256 * 3 + 3,
    "macnn": 70_573_923,
    "learnet": 1_865_539,
}
"""Weights with three classes, counted by hand from the described layers."""


def weights(name, classes=3):
    return sum(weight.numel() for weight in models[name](classes).parameters())


@pytest.mark.parametrize(
    ("name", "millions", "digits"),
    [
        ("macnn", 70.6, 1),
        ("learnet", 1.87, 2),
        ("originet", 1.87, 2),
        ("dual-atme", 4.8, 1),
        ("fgrl-auf", 1.05, 2),
    ],
)
def test_a_network_has_the_size_that_its_description_gives(name, millions, digits):
    assert round(weights(name) / 1e6, digits) == millions


@pytest.mark.parametrize("name", LAYERS)
def test_weights_counted_by_hand(name):
    assert weights(name) == LAYERS[name]


def test_sssnet_enlarges_published_maps_and_takes_its_own_as_they_are():
    model, _ = build("sssnet", 3, ((3, 28, 28),), {}, seed=0), None
    maps = torch.randn(2, 3, 28, 28)
    larger = torch.nn.functional.interpolate(maps, size=(64, 64), mode="bilinear", align_corners=False)
    assert torch.equal(model.eval()(maps), model(larger))
    assert model.features(larger).shape == (2, 64, 9, 9)
    with pytest.raises(OptionError, match="16 or more"):
        SSSNet(3, side=12)


def test_refined_activation_by_hand():
    x = torch.tensor([-2.0, 0.0, 3.0])
    share = 1 / (1 + np.exp(-x.numpy()))
    slope = np.where(x.numpy() < 0, 0.1 * x.numpy(), x.numpy())
    np.testing.assert_allclose(Refined()(x).numpy(), share + share * slope, rtol=1e-6)


def test_originets_second_branch_sees_the_sum_before_it_is_normalised():
    model = OrigiNet(3, size=32, width=4, hidden=8).eval()
    image = torch.randn(2, 1, 32, 32)
    before = model(image)
    with torch.no_grad():
        model.levels[2].norm.weight.zero_()  # shuts the normalised branch, whatever the picture is
        model.levels[2].norm.bias.zero_()
    assert not torch.allclose(before, model(image))
    assert not torch.allclose(model(image), model(torch.randn(2, 1, 32, 32)))


def test_learnets_first_and_third_lane_do_not_hear_their_neighbours():
    model = LEARNet(3, size=32, width=4, hidden=16).eval()
    x = torch.randn(1, 4, 16, 16)
    loud = [100 * torch.randn(1, width, side, side) for width, side in ((4, 8), (8, 4), (16, 2))]
    quiet = [torch.zeros_like(maps) for maps in loud]
    for number, lane in enumerate(model.lanes):
        same = torch.equal(lane(x, loud)[-1], lane(x, quiet)[-1])
        assert same == (number in (0, 2))


def test_cbam_without_weights_leaves_a_quarter():
    attention = CBAM(48, reduction=16, kernel=3)
    for weight in attention.parameters():
        torch.nn.init.zeros_(weight)
    maps = torch.randn(2, 48, 7, 7)
    torch.testing.assert_close(attention(maps), maps / 4)  # two gates of a half


def test_patches_lie_where_brows_and_mouth_are():
    """A map that is its own x and y shows where each patch was taken from."""
    model = FGRLAUF(3, reach=0.1)
    side = 100
    steps = (torch.arange(side) + 0.5) / side
    maps = torch.stack(torch.meshgrid(steps, steps, indexing="xy"))[None]
    grid = model.grid.reshape(len(BROWS) + len(MOUTH), SIDE, SIDE, 2)
    sampled = torch.nn.functional.grid_sample(
        maps, model.grid, padding_mode="border", align_corners=False
    ).reshape(2, -1, SIDE, SIDE)
    middle = sampled[:, :, SIDE // 2, SIDE // 2].T
    inside = torch.tensor([*BROWS, *MOUTH]).clamp(0.01, 0.99)
    torch.testing.assert_close(middle, inside, atol=0.011, rtol=0)
    spread = grid[:, :, -1, 0] - grid[:, :, 0, 0]
    torch.testing.assert_close(spread, torch.full_like(spread, 0.2))  # 0.1 of a side that counts 2
    corners = MOUTH[0], MOUTH[6]
    np.testing.assert_allclose(corners, [RIGHT_MOUTH_AT, LEFT_MOUTH_AT], atol=0.02)


@pytest.mark.parametrize(
    ("name", "channels", "sides"),
    [("fgrl-auf", 1, 28), ("featref", 1, 28), ("macnn", 3, 8), ("featref", 3, 3)],
)
def test_what_a_system_cannot_see_is_refused(name, channels, sides):
    with pytest.raises(OptionError):
        build(name, 3, ((channels, sides, sides),), {}, seed=0)


def test_featref_has_a_branch_for_each_expression():
    model = build("featref", 5, ((3, 28, 28),), {}, seed=0).eval()
    assert len(model.proposals) == 5
    maps = torch.randn(2, 3, 28, 28)
    before = model(maps)
    with torch.no_grad():
        model.proposals[1].yes.bias += 1
    torch.testing.assert_close(model(maps) - before, torch.eye(5)[1].expand(2, -1), atol=1e-5, rtol=0)
    maps[:, 2] = 0  # the strain is not used
    torch.testing.assert_close(model(maps), before + torch.eye(5)[1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("part", ["full_first", "full_deeper"])
def test_affectivenet_takes_features_at_two_depths(part):
    model = build("affectivenet", 3, ((3, 32, 32),), {"width": 4, "hidden": 16}, seed=0).eval()
    image = torch.randn(2, 3, 32, 32)
    before = model(image)
    with torch.no_grad():
        getattr(model, part).weight.zero_()
    assert not torch.allclose(model(image), before)


def test_a_face_that_moves_as_a_whole_has_no_high_order():
    model = build("gts-gn", 3, ((3, 28, 28),), {"width": 8, "hidden": 16}, seed=0).eval()
    given = []
    for stream in (model.low, model.high):
        stream.register_forward_hook(lambda _, inputs, __: given.append(inputs[0]))
    shifted = torch.tensor([0.7, -0.2, 0.0])[None, :, None, None].expand(1, 3, 28, 28)
    model(shifted)
    low, high = given
    assert low.shape == (1, 30, 2)
    torch.testing.assert_close(low[0, 0] / low[0, 0, 0], torch.tensor([1.0, -0.2 / 0.7]))
    torch.testing.assert_close(high, torch.zeros(1, 30, 4))
