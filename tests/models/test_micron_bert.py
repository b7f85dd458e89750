"""Micron-BERT: the sizes of its parts, its attention by hand, and what its pretraining swaps and follows."""

from __future__ import annotations

import pytest
import torch

from fleeting.errors import OptionError
from fleeting.models import build, models
from fleeting.models.micron_bert import MOMENTUM, MicroAttention, sinusoids

SMALL = {"dim": 16, "depth": 1, "heads": 2}


def test_its_parts_have_the_sizes_that_its_description_gives():
    with torch.device("meta"):
        model = models["micron-bert"](3)
        parts = {"encoder": model.encoder, "micro": model.micro, "decoder": model.pretext().decoder}
    millions = {name: sum(w.numel() for w in part.parameters()) / 1e6 for name, part in parts.items()}
    assert millions["encoder"] == pytest.approx(12.7, abs=0.05)
    assert millions["micro"] == pytest.approx(1.05, abs=0.005)
    assert millions["decoder"] == pytest.approx(13.0, abs=0.05)
    assert model.encoder.places.shape == (1, 785, 512)


def test_only_the_diagonal_of_its_attention_is_kept():
    micro = MicroAttention(8)
    current, reference = torch.randn(2, 5, 8), torch.randn(2, 5, 8)
    weights = (micro.q(current) @ micro.k(reference).mT / 8**0.5).softmax(dim=2)
    by_hand = torch.stack([5 * weights[:, i, i, None] * micro.v(current)[:, i] for i in range(5)], dim=1)
    torch.testing.assert_close(micro(current, reference), micro.out(by_hand))


def test_positions_tell_rows_from_columns():
    places = sinusoids(3, 8)[0]
    assert not places[0].any()
    square = places[1:].reshape(3, 3, 8)
    assert torch.equal(square[:, 0, :4], square[:, 2, :4])
    assert torch.equal(square[0, :, 4:], square[2, :, 4:])
    assert len(square.reshape(9, 8).unique(dim=0)) == 9


def test_pretraining_swaps_whole_patches_for_the_reference():
    pretext = build("micron-bert", 3, [(6, 32, 32)], SMALL, seed=0).pretext()
    given = []
    pretext.model.encoder.register_forward_hook(lambda _, inputs, __: given.append(inputs[0]))
    frames = torch.cat([torch.zeros(4, 3, 32, 32), torch.ones(4, 3, 32, 32)], dim=1)
    torch.manual_seed(0)
    pretext(frames)
    reference, mixed = given
    assert not reference.any()
    patches = mixed.reshape(4, 3, 4, 8, 4, 8)
    assert torch.equal(patches.amin(dim=(1, 3, 5)), patches.amax(dim=(1, 3, 5))), "patches are whole"
    assert 16 < patches.mean(dim=(1, 3, 5)).sum() < 48  # half of 64, give or take four deviations


def test_its_teacher_follows_the_encoder_and_learns_nothing_itself():
    pretext = build("micron-bert", 3, [(6, 32, 32)], SMALL, seed=0).pretext()
    before = pretext.teacher.norm.weight.clone()
    with torch.no_grad():
        pretext.model.encoder.norm.weight += 1
    pretext(torch.randn(2, 6, 32, 32)).backward()
    assert all(weight.grad is None for weight in pretext.teacher.parameters())
    assert pretext.centre.any()
    pretext.follow()
    torch.testing.assert_close(pretext.teacher.norm.weight, before + 1 - MOMENTUM)


def test_a_frame_that_patches_do_not_fill_is_refused():
    with pytest.raises(OptionError, match="patches of 8 in 36 pixels"):
        build("micron-bert", 3, [(6, 36, 36)], SMALL, seed=0)
