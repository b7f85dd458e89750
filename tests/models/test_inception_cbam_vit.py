"""Inception-CBAM-ViT: the branches of each variant, and its attentions against slow code and by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from fleeting.errors import OptionError, UnknownNameError
from fleeting.experiments.recipe import read_recipe
from fleeting.experiments.samples import view_of
from fleeting.inputs.view import arrays_of
from fleeting.modalities import kind_of
from fleeting.models import build
from fleeting.models.inception_cbam_vit import (
    BRANCHES,
    READINGS,
    ChannelAttention,
    EightBranches,
    HeadDropout,
    Inception,
    SelfAttention,
    SpatialAttention,
)
from fleeting.training.fitting import begun
from fleeting.training.options import Training
from fleeting.training.training_set import TrainingSet
from tests.fixtures.bumps import bumped_clip

SMALL = {"dim": 16, "depth": 1, "hidden": 16}
PICTURES = ((3, 28, 28), (3, 28, 28))
SEQUENCE = ((12, 28, 28), (3, 28, 28))


def network(branches, shapes=PICTURES, **options):
    return build("inception-cbam-vit", 3, shapes, {**SMALL, "branches": branches, **options}, seed=0).eval()


def of(branches):
    return SEQUENCE if branches == "dual-lstm" else PICTURES


def inputs(shapes, count=2):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(count, *shape, generator=generator) for shape in shapes]


@pytest.mark.parametrize(
    ("branches", "parts"),
    [
        ("inception", {Inception}),
        ("inception-cbam", {Inception, ChannelAttention, SpatialAttention}),
        ("vit", {SelfAttention}),
        ("dual", {Inception, ChannelAttention, SpatialAttention, SelfAttention}),
        ("dual-lstm", {Inception, ChannelAttention, SpatialAttention, SelfAttention, nn.LSTM}),
    ],
)
def test_a_variant_has_the_parts_of_its_name_and_no_others(branches, parts):
    found = {type(module) for module in network(branches, of(branches)).modules()}
    everything = {Inception, ChannelAttention, SpatialAttention, SelfAttention, nn.LSTM}
    assert found & everything == parts


@pytest.mark.parametrize("branches", BRANCHES)
@pytest.mark.parametrize("reading", READINGS)
def test_every_weight_of_every_variant_takes_part(branches, reading):
    model = network(branches, of(branches), mask=True, pre_logits=8, reading=reading)
    model(*inputs(of(branches), 4)).square().sum().backward()
    idle = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert not idle


@pytest.mark.parametrize("branches", BRANCHES)
def test_a_branch_alone_sees_the_motion_and_both_see_the_face_too(branches):
    model = network(branches, of(branches))
    motion, position = inputs(of(branches))
    same = torch.equal(model(motion, position), model(motion, position + 1 + position.square()))
    assert same == (not branches.startswith("dual"))
    assert not torch.equal(model(motion, position), model(motion.flip(3), position))


def test_the_lstm_sees_in_which_order_pictures_come():
    model = network("dual-lstm", SEQUENCE)
    sequence, position = inputs(SEQUENCE)
    swapped = sequence.unflatten(1, (4, 3))[:, [1, 0, 3, 2]].flatten(1, 2)
    assert not torch.allclose(model(swapped, position), model(sequence, position), atol=1e-4)


def brighter(clip, by):
    return replace(clip, frames=clip.frames // 2 + np.uint8(by))


def test_how_bright_a_clip_is_never_reaches_the_lstm():
    """Through the recipe's inputs and their scaling, learnt from clips of which each is brighter."""
    view = view_of(read_recipe("inception-cbam-vit/dual-lstm", quick=True))
    clip = bumped_clip(frames=6, apex=3)
    rows = [arrays_of(brighter(bumped_clip(frames=6, apex=3, seed=n), 20 * n), view) for n in range(5)]
    arrays = tuple(map(np.stack, zip(*rows, strict=True)))
    kinds = tuple(kind_of(i.modality, a.shape[1]) for i, a in zip(view.inputs, arrays, strict=True))
    data = TrainingSet(arrays, kinds, np.arange(5) % 3, tuple("abcde"), 3)
    model = network("dual-lstm", tuple(array.shape[1:] for array in arrays))
    fitted, _ = begun(model, data, Training(), seed=0)
    dark, bright = (fitted.scaled([a[None] for a in arrays_of(brighter(clip, by), view)]) for by in (0, 100))
    assert not torch.allclose(dark[1], bright[1])
    torch.testing.assert_close(model.motion(dark[0]), model.motion(bright[0]))


def test_the_papers_numbers():
    model = build("inception-cbam-vit", 3, ((3, 56, 56), (3, 56, 56)), {}, seed=0)
    heads = [module for module in model.modules() if isinstance(module, SelfAttention)]
    assert [(module.heads, tuple(module.qkv.weight.shape)) for module in heads] == [(4, (1536, 512))] * 3
    assert model.position.positions.shape == (1, 14 * 14 + 1, 512)
    first, second = (module for module in model.modules() if isinstance(module, Inception))
    pictures = torch.zeros(2, 3, 28, 28)
    assert [branch(pictures).shape[1] for branch in first.branches] == [6] * 4
    assert [branch(first(pictures)).shape[1] for branch in second.branches] == [12] * 4
    assert model.motion.look[1].squeeze.out_channels == 48 // 16
    other = network("inception-cbam", reading="eight-branches").motion.look[0]
    assert [branch.out_channels for branch in (*other.plain, *other.pooled)] == [6] * 8


def test_linear_layers_of_the_transformer_start_as_the_paper_says_they_are_set():
    model = build("inception-cbam-vit", 3, ((3, 56, 56), (3, 56, 56)), {}, seed=0).position
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    assert linears
    for linear in linears:
        assert linear.weight.std().item() == pytest.approx(0.02, rel=0.02)
        assert not linear.bias.any()


def test_the_branches_of_a_level_see_one_three_five_and_the_maxima_of_three_places():
    level = Inception(24, 6).eval()
    for branch, reach in zip(level.branches, (1, 3, 5, 3), strict=True):
        picture = torch.rand(1, 24, 9, 9, generator=torch.Generator().manual_seed(0)).requires_grad_()
        branch(picture)[..., 4, 4].sum().backward()
        assert int((picture.grad.abs().sum(dim=(0, 1, 3)) > 0).sum()) == reach


def test_the_eighth_branch_sees_maxima():
    inception = EightBranches(1).eval()
    with torch.no_grad():
        for branch in (*inception.plain, *inception.pooled):
            branch.weight.zero_()
        inception.plain[0].weight[0] = 1
        inception.pooled[0].weight[0] = 1
    picture = torch.tensor([[0.0, 0, 0, 0], [0, 9, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])[None, None]
    maps = inception(picture)[0] * math.sqrt(1 + inception.norm.eps)
    assert maps.shape == (48, 4, 4)
    torch.testing.assert_close(maps[0], picture[0, 0])
    expected = torch.tensor([[9.0, 9, 9, 0], [9, 9, 9, 0], [9, 9, 9, 0], [0, 0, 0, 0]])
    torch.testing.assert_close(maps[24], expected)


def test_channel_attention_by_hand():
    """Means 2 and 4; squeezed to 2 - 4 = -2, which ReLU stops, and to 4 - 2 = 2; gates of 2 and -2."""
    attention = ChannelAttention(channels=2, reduction=1)
    with torch.no_grad():
        attention.squeeze.weight[:, :, 0, 0] = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
        attention.excite.weight[:, :, 0, 0] = torch.tensor([[5.0, 1.0], [5.0, -1.0]])
        attention.squeeze.bias.zero_()
        attention.excite.bias.zero_()
    features = torch.tensor([[[[1.0, 3.0]], [[4.0, 4.0]]]])
    open_, shut = 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(2))
    expected = torch.tensor([[[[open_, 3 * open_]], [[4 * shut, 4 * shut]]]])
    torch.testing.assert_close(attention(features), expected)


def test_spatial_attention_by_hand():
    """Mean 2 and maximum 3 in the one place; weighed 1 and -2 that is -4, nothing beside it."""
    attention = SpatialAttention().eval()
    with torch.no_grad():
        attention.mask.weight.zero_()
        attention.mask.weight[0, :, 1, 1] = torch.tensor([1.0, -2.0])
    features = torch.tensor([[[[1.0, 0.0]], [[3.0, 0.0]]]])
    gate = 1 / (1 + math.exp(4 / math.sqrt(1 + attention.norm.eps)))
    torch.testing.assert_close(attention(features), features * gate)


def test_spatial_attention_looks_one_place_around():
    attention = SpatialAttention().eval()
    nn.init.ones_(attention.mask.weight)
    features = torch.zeros(1, 2, 5, 5)
    features[0, :, 2, 2] = 1
    gate = attention.gate(attention.norm(attention.mask(torch.cat([features[:, :1]] * 2, dim=1))))
    assert (gate[0, 0, 1:4, 1:4] > 0.85).all()
    assert (gate[0, 0, 0] == 0.5).all()
    torch.testing.assert_close(attention(features), features * gate)


@torch.no_grad()
def test_self_attention_is_that_of_the_slow_way():
    torch.manual_seed(0)
    dim, heads, count = 8, 2, 5
    attention = SelfAttention(dim, heads, 0.3, 0.3).eval()
    tokens = torch.randn(count, dim)
    slow = torch.zeros(count, dim)
    for head in range(heads):
        rows = slice(head * 4, head * 4 + 4)
        query, key, value = (
            [
                attention.qkv.weight[part * dim :][rows] @ t + attention.qkv.bias[part * dim :][rows]
                for t in tokens
            ]
            for part in range(3)
        )
        for i in range(count):
            scores = [math.exp(float(query[i] @ key[j]) / math.sqrt(4)) for j in range(count)]
            for j in range(count):
                slow[i, rows] += scores[j] / sum(scores) * value[j]
    slow = torch.stack([attention.project.weight @ row + attention.project.bias for row in slow])
    torch.testing.assert_close(attention(tokens[None])[0], slow)


def test_whole_heads_are_dropped_and_the_rest_makes_up_for_it():
    drop = HeadDropout(0.3)
    heads = torch.ones(500, 4, 6, 2)
    torch.manual_seed(0)
    dropped = drop(heads)
    whole = dropped.flatten(2)
    assert (whole == whole[..., :1]).all(), "a head goes or stays as one"
    assert whole[whole > 0].unique().tolist() == [pytest.approx(1 / 0.7)]
    assert float((whole[..., 0] == 0).float().mean()) == pytest.approx(0.3, abs=0.03)
    assert torch.equal(drop.eval()(heads), heads)


@pytest.mark.parametrize(
    ("shapes", "options", "error", "words"),
    [
        (PICTURES, {"branches": "duall"}, UnknownNameError, "did you mean 'dual'"),
        (PICTURES, {"branches": "dual-lstm"}, OptionError, "choose difference-sequence"),
        (((7, 28, 28), (3, 28, 28)), {"branches": "dual-lstm"}, OptionError, "found 7 channels"),
        (PICTURES, {"reading": "two"}, UnknownNameError, "two-levels"),
        (PICTURES, {"heads": 3}, OptionError, "3 heads"),
        (((3, 9, 9), (3, 9, 9)), {}, OptionError, "side of 9"),
    ],
)
def test_what_cannot_be_built_is_refused(shapes, options, error, words):
    with pytest.raises(error, match=words):
        build("inception-cbam-vit", 3, shapes, {**SMALL, **options}, seed=0)
