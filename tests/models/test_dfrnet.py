"""DFR-Net: its attention by hand, what each ablation has and lacks, and how large it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fleeting.errors import OptionError
from fleeting.experiments.recipe import read_recipe, recipe_names
from fleeting.modalities import modalities
from fleeting.models import Attention, Gate, build
from fleeting.models.dfrnet import (
    BRANCHES,
    AttentionFusion,
    ChannelAttention,
    DFRNet,
    PlainFusion,
    ResidualBlock,
    SpatialAttention,
    TransformerLayer,
)
from tests.fixtures.moving_clips import moving_clip


def parameters(model):
    return sum(weight.numel() for weight in model.parameters())


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def small(**options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return DFRNet(3, width=8, size=28, **options).eval()


def inputs(count=2, side=28):
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(count, 3, side, side, generator=generator) for name in BRANCHES}


def fill(layer, *numbers):
    layer.weight.data = torch.tensor(numbers).reshape(layer.weight.shape)
    layer.bias.data.zero_()


def test_channel_attention_by_hand():
    attention = ChannelAttention(2, inner=1)
    fill(attention.squeeze, 1.0, 0.5)
    fill(attention.excite, 1.0, -1.0)
    x = torch.tensor([[[[1.0, 3.0], [0.0, 0.0]], [[-1.0, -1.0], [-1.0, -1.0]]]])
    # mean + maximum: 1 + 3 and -1 - 1; squeezed to 4 - 1; excited to 3 and -3
    wanted = x * torch.tensor([sigmoid(3), sigmoid(-3)]).reshape(1, 2, 1, 1)
    torch.testing.assert_close(attention(x), wanted)


def test_spatial_attention_by_hand():
    attention = SpatialAttention()
    kernel = torch.zeros(1, 2, 7, 7)
    kernel[0, 0, 3, 3], kernel[0, 1, 3, 4] = 2.0, -1.0  # the mean here, the maximum one to the right
    fill(attention.conv, *kernel.flatten().tolist())
    x = torch.tensor([[[[1.0, 4.0]], [[3.0, -2.0]]]])
    # means 2, 1; maxima 3, 4 and nothing beyond the edge: 2 * 2 - 4 and 2 * 1 - 0
    wanted = x * torch.tensor([sigmoid(0), sigmoid(2)])
    torch.testing.assert_close(attention(x), wanted)


def test_a_block_attends_to_channels_first_and_adds_its_input():
    torch.manual_seed(0)
    block = ResidualBlock(4, 4, 1, channel=True, spatial=True).eval()
    x = torch.randn(2, 4, 6, 6)
    wanted = torch.relu(x + block.spatial(block.channel(block.convs(x))))
    torch.testing.assert_close(block(x), wanted)
    assert not torch.allclose(wanted, torch.relu(x + block.channel(block.spatial(block.convs(x)))))
    bare = ResidualBlock(4, 8, 2, channel=False, spatial=False).eval()
    torch.testing.assert_close(bare(x), torch.relu(bare.shortcut(x) + bare.convs(x)))
    assert bare(x).shape == (2, 8, 3, 3)


def test_motion_weighs_channels_by_its_average_alone():
    torch.manual_seed(0)
    fusion = AttentionFusion(BRANCHES, 4)
    maps = {name: torch.rand(2, 4, 5, 5) for name in BRANCHES}
    fused = fusion(maps)
    turned = {**maps, "temporal": maps["temporal"].flip(2, 3)}
    torch.testing.assert_close(fusion(turned), fused)
    assert not torch.allclose(fusion({**maps, "temporal": 3 * maps["temporal"]}), fused)
    assert not torch.allclose(fusion({**maps, "differential": maps["differential"].flip(2, 3)}), fused)


def test_plain_fusions_by_hand():
    maps = {
        name: torch.full((1, 1, 1, 1), value) for name, value in zip(BRANCHES, (2.0, 3.0, 5.0), strict=True)
    }
    assert PlainFusion("add")(maps).item() == 10
    assert PlainFusion("multiply")(maps).item() == 30
    assert PlainFusion("concatenate")(maps).flatten().tolist() == [2, 3, 5]


def test_self_attention_against_a_reference_written_the_slow_way():
    torch.manual_seed(0)
    layer = TransformerLayer(6, heads=2)
    x = torch.randn(1, 4, 6)
    q, k, v = layer.qkv(layer.norms[0](x))[0].split(6, dim=1)  # (tokens, 6) each
    found = torch.zeros(4, 6)
    for head in (slice(0, 3), slice(3, 6)):
        for token in range(4):
            scores = torch.stack([q[token, head] @ k[other, head] / math.sqrt(3) for other in range(4)])
            weights = scores.exp() / scores.exp().sum()
            found[token, head] = sum(weights[other] * v[other, head] for other in range(4))
    after = x[0] + layer.out(found)
    torch.testing.assert_close(layer(x)[0], after + layer.mlp(layer.norms[1](after)))


def test_three_stages_have_just_over_three_million_parameters():
    sizes = [parameters(DFRNet(3, stages=stages)) for stages in (1, 2, 3, 4)]
    assert 2_900_000 < sizes[2] < 3_600_000
    assert sizes == sorted(sizes)
    assert sizes[3] > 3 * sizes[2], "a fourth stage costs several times as much"
    assert parameters(DFRNet(3, backbone="alexnet")) < sizes[2] < parameters(DFRNet(3, backbone="vit"))
    with torch.device("meta"):
        assert parameters(DFRNet(3, backbone="vit-base")) > 20 * sizes[2]


@pytest.mark.parametrize("left_out", BRANCHES)
def test_a_branch_that_is_left_out_has_no_weights_and_no_say(left_out):
    branches = tuple(name for name in BRANCHES if name != left_out)
    model, whole = small(branches=branches), small()
    assert parameters(model) < parameters(whole)
    assert set(model.shallow) == set(branches)
    assert (model.fusion.weigh is None) == (left_out == "temporal")
    assert (model.fusion.join is None) == (left_out != "temporal")
    given = inputs()
    with torch.inference_mode():
        before = model(**given)
        assert torch.equal(model(**{**given, left_out: torch.zeros(2, 3, 28, 28)}), before)
        for kept in branches:
            assert not torch.allclose(model(**{**given, kept: -given[kept]}), before)


@pytest.mark.parametrize("name", ["add", "multiply", "concatenate"])
def test_other_fusions_have_no_weights_of_their_own(name):
    model = small(fusion=name)
    assert parameters(model.fusion) == 0
    assert model(**inputs()).shape == (2, 3)


def test_attention_can_be_left_out():
    def kinds(**options):
        found = [type(module) for module in small(**options).modules()]
        return {kind: found.count(kind) for kind in (ChannelAttention, SpatialAttention, Gate)}

    assert kinds() == {ChannelAttention: 6, SpatialAttention: 6, Gate: 12}
    assert kinds(channel_attention=False) == {ChannelAttention: 0, SpatialAttention: 6, Gate: 6}
    assert kinds(spatial_attention=False, stages=1) == {ChannelAttention: 2, SpatialAttention: 0, Gate: 2}
    assert kinds(backbone="vit") == {ChannelAttention: 0, SpatialAttention: 0, Gate: 0}


@pytest.mark.parametrize("gate", ["relu", "sigmoid"])
def test_the_printed_gate_shuts_channels_for_good_and_a_sigmoid_none(gate):
    model = DFRNet(3, width=64, size=28, gate=gate).eval()
    seen = []
    model.fusion.weigh.register_forward_hook(lambda _module, _given, out: seen.append(out))
    model(**inputs(8)).sum().backward()
    shut = (seen[0] == 0).all(dim=0).flatten()
    assert (0.2 < shut.float().mean() < 0.8) if gate == "relu" else not shut.any()
    learns = model.fusion.weigh[1][0].weight.grad.abs().amax(dim=(1, 2, 3)) > 0
    assert torch.equal(learns, ~shut)


@pytest.mark.parametrize(("backbone", "size"), [("alexnet", 64), ("vit", 28), ("vit", 30), ("vit-base", 28)])
def test_other_backbones_learn_in_every_weight(backbone, size):
    torch.manual_seed(0)
    model = DFRNet(3, width=8, size=size, backbone=backbone)
    torch.nn.functional.cross_entropy(model(**inputs(4, size)), torch.tensor([0, 1, 2, 0])).backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name
    layers = {"alexnet": 0, "vit": 6, "vit-base": 12}[backbone]
    assert sum(isinstance(module, Attention) for module in model.modules()) == layers


def test_pictures_may_be_gray():
    shapes = [(3, 28, 28), (1, 28, 28), (1, 28, 28)]
    model = build("dfrnet", 3, shapes, {"width": 8}, seed=0)
    assert model(*(torch.zeros(2, *shape) for shape in shapes)).shape == (2, 3)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"stages": 5}, "5 stages"),
        ({"fusion": "subtract"}, "add, multiply"),
        ({"gate": "tanh"}, "relu, sigmoid"),
        ({"branches": ("temporal", "audio")}, "temporal, spatial, differential"),
        ({"branches": ()}, "one or more"),
        ({"backbone": "vgg"}, "residual, alexnet, vit or vit-base"),
        ({"backbone": "alexnet", "size": 56}, "63 or more"),
    ],
)
def test_what_it_does_not_know_is_refused(options, match):
    with pytest.raises(OptionError, match=match):
        DFRNet(3, **options)


def test_its_motion_is_flow_and_strain_as_they_are():
    clip = moving_clip()
    found = modalities["flow-strain"](clip)
    np.testing.assert_array_equal(found[:2], modalities["flow"](clip))
    np.testing.assert_array_equal(found[2:], modalities["strain"](clip))
    printed = modalities["flow-strain"](clip, form="printed")
    np.testing.assert_array_equal(printed[2:], modalities["strain"](clip, form="printed"))


def test_each_row_of_its_tables_is_another_network():
    recipes = [read_recipe(name) for name in recipe_names() if name.startswith("dfrnet/")]
    built = [
        (recipe.data.dataset, tuple(sorted(recipe.completed().model.model_extra.items())))
        for recipe in recipes
    ]
    assert len(recipes) == 19
    assert len(set(built)) == len(built)
    assert all(recipe.training.lr == 1e-5 and recipe.training.batch == 32 for recipe in recipes)
