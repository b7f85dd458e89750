"""SODA4MER: where it splits a clip, what its mask lets through, and what key points carry in pretraining."""

from __future__ import annotations

import pytest
import torch

from fleeting.errors import OptionError
from fleeting.models import build
from fleeting.models.soda4mer import MARGIN, Mask, Motion, apart, grid, halves, inverse, origins

SMALL = {"width": 4, "hidden": 8}


def moving(*steps):
    """Key points that are all so far to the right in each frame, and unbent: of one clip."""
    points = torch.zeros(1, len(steps), 10, 2)
    points[..., 0] = torch.tensor(steps)[None, :, None]
    return points, torch.eye(2).expand(1, len(steps), 10, 2, 2)


def test_a_clip_is_split_where_its_points_are_farthest_from_the_onset():
    points, bends = moving(0.0, 0.1, 0.4, 0.3, 0.2)
    far = apart(points, bends)
    torch.testing.assert_close(far[0, :, 0], torch.tensor([-0.2, -0.1, 0.2, 0.1, 0.0]))
    assert not far[..., 1].any()
    bent = bends.clone()
    bent[:, 3] *= 2
    torch.testing.assert_close(apart(points, bent)[0, :, 1], torch.tensor([0, 0, 0, 2**0.5, 0]))
    time = torch.arange(8.0)[None, :, None].expand(2, 8, 1)
    rising, falling = halves(time, torch.tensor([3, 5]))
    assert rising[..., 0].tolist() == [[0, 1, 2, 3], [0, 2, 3, 5]]
    assert falling[..., 0].tolist() == [[3, 4, 6, 7], [5, 6, 6, 7]]


def test_its_own_loss_asks_the_middle_to_be_farther_than_the_end(monkeypatch):
    model = build("soda4mer", 3, [(6, 32, 32)], SMALL, seed=0).eval()

    def loss(*steps):
        points, bends = moving(*steps)
        monkeypatch.setattr(model.motion, "forward", lambda _: (points[0], bends[0]))
        clip, none = torch.randn(1, 6, 32, 32), torch.zeros(())
        _, found = model.objective()([clip], torch.tensor([0]), lambda *_: none)
        return float(found.detach())

    assert loss(0.0, 0.0, 0.0, 0.5, 0.0, 0.0) == pytest.approx(MARGIN)  # what bends are short of
    assert loss(0.0, 0.0, 0.0, 0.5, 0.0, 0.6) == pytest.approx(2 * MARGIN + 0.1)


def test_its_mask_lets_through_what_changes_near_landmarks():
    features = torch.ones(1, 4, 2, 20, 20)
    mask = Mask()
    assert not mask(features).any(), "nothing changes"
    features[:, 1::2] = 3
    x, y = (int(10 * (1 + share)) for share in mask.landmarks[-1].tolist())
    with torch.no_grad():
        mask.gains.zero_()
        mask.gains[-1] = 1
    let = mask(features)[0, 0, 0].detach()
    assert let[y, x] == let.max()
    assert let[y, x] > 0.9
    assert let[0, 0] < 0.01


def test_a_new_key_point_is_unbent_and_in_the_picture():
    points, bends = Motion(4)(torch.randn(3, 1, 32, 32))
    torch.testing.assert_close(bends, torch.eye(2).expand(3, 10, 2, 2))
    assert points.abs().max() < 1


def test_what_follows_a_point_comes_from_where_it_was():
    places = grid(torch.zeros(4, 6))
    points, bends = torch.rand(2, 10, 2), torch.eye(2).expand(2, 10, 2, 2)
    still = origins((points, bends), (points, bends), places)
    torch.testing.assert_close(still, places.expand(2, 10, 4, 6, 2))
    shifted = origins((points - 0.5, bends), (points, bends), places)
    torch.testing.assert_close(shifted, still - 0.5)
    wider = origins((points, bends), (points, 2 * bends), places)
    middle = points[:, :, None, None]
    torch.testing.assert_close(wider, middle + (places - middle) / 2)


def test_inverse_by_hand_and_of_what_has_none():
    bends = torch.randn(5, 2, 2) + 2 * torch.eye(2)
    torch.testing.assert_close(inverse(bends) @ bends, torch.eye(2).expand(5, 2, 2), atol=1e-4, rtol=0)
    assert torch.isfinite(inverse(torch.zeros(2, 2))).all()


def test_a_clip_that_cannot_be_split_is_refused():
    with pytest.raises(OptionError, match="3 frames"):
        build("soda4mer", 3, [(3, 32, 32)], SMALL, seed=0)
    with pytest.raises(OptionError, match="multiple of 16"):
        build("soda4mer", 3, [(6, 40, 40)], SMALL, seed=0)
