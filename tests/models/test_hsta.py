"""HSTA: the sizes of its two forms, which frames it sees, and what a class token's visit hears."""

from __future__ import annotations

import pytest
import torch

from fleeting.errors import OptionError
from fleeting.models import build, models
from fleeting.models.hsta import Visit, sinusoids

SMALL = {"dim": 24, "stages": 2, "heads": 4}
SHAPES = ((6, 32, 32), (36, 32, 32))


@pytest.mark.parametrize(
    ("options", "millions"), [({}, 81.9), ({"dim": 96, "stages": 3, "depth": 4}, 6.8)], ids=["whole", "tiny"]
)
def test_it_has_the_size_that_its_description_gives(options, millions):
    with torch.device("meta"):
        model = models["hsta"](3, **options)
        short, long = (
            model.begin[0](torch.zeros(1, 6, 224, 224)),
            model.begin[1](torch.zeros(1, 18, 224, 224)),
        )
    assert round(sum(weight.numel() for weight in model.parameters()) / 1e6, 1) == millions
    assert (short.shape[1], long.shape[1]) == (1 + 324, 1 + 588)


def numbered():
    """Twelve frames, each of which is its own number, for two clips."""
    return torch.arange(12.0).repeat_interleave(3)[None, :, None, None].expand(2, 36, 32, 32)


def test_six_frames_are_drawn_anew_and_keep_their_order():
    model = build("hsta", 3, SHAPES, SMALL, seed=0).train()
    torch.manual_seed(0)
    seen = torch.stack([model.drawn(numbered())[:, ::3, 0, 0] for _ in range(8)]).reshape(16, 6)
    assert (seen.diff(dim=1) > 0).all(), "in order, none twice"
    assert len({tuple(row) for row in seen.tolist()}) > 8
    assert {int(number) for number in seen.flatten()} == set(range(12))
    evenly = model.eval().drawn(numbered())
    assert evenly[0, ::3, 0, 0].tolist() == [0, 2, 4, 7, 9, 11]


def test_a_class_token_hears_the_other_branch_and_the_patches_stay():
    visit = Visit(8, 16, heads=2)
    own, other = torch.randn(1, 4, 8), torch.randn(1, 5, 16)
    louder = other + torch.tensor([0.0, 1, 0, 0, 0])[None, :, None] * torch.randn(16)
    its_class = other + torch.tensor([1.0, 0, 0, 0, 0])[None, :, None] * torch.randn(16)
    before = visit(own, other)
    torch.testing.assert_close(before[:, 1:], own[:, 1:])
    assert not torch.allclose(visit(own, louder)[:, 0], before[:, 0])
    torch.testing.assert_close(visit(own, its_class), before)


def test_positions_by_hand():
    places = sinusoids(3, 4)[0]
    two = torch.tensor([2.0, 0.02])
    torch.testing.assert_close(places[2, ::2], two.sin())
    torch.testing.assert_close(places[2, 1::2], two.cos())
    assert places[0].tolist() == [0, 1, 0, 1]


def test_what_it_cannot_see_is_refused():
    with pytest.raises(OptionError, match="6 frames or more"):
        build("hsta", 3, ((6, 32, 32), (15, 32, 32)), SMALL, seed=0)
    with pytest.raises(OptionError, match="expected 16 pixels"):
        build("hsta", 3, ((6, 12, 12), (36, 12, 12)), SMALL, seed=0)
