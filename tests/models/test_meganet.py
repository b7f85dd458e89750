"""MEGANet's parts against small cases counted by hand, and self-attention against loops."""

import math

import numpy as np
import pytest
import torch

from fleeting.errors import OptionError, UnknownNameError
from fleeting.models import build
from fleeting.models.meganet import GradientAttention, SelfAttention
from fleeting.models.micro_attention import MicroAttentionUnit

SHAPE = (3, 64, 64)


def network(**options):
    return build("meganet", 3, [SHAPE], {"width": 8, **options}, seed=0).eval()


def pictures(seed=0, count=2, shape=SHAPE):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


def test_gradient_attention_on_a_picture_counted_by_hand():
    picture = torch.tensor([[0.0, 1, 3, 3], [0, 1, 3, 3], [2, 1, 0, 3], [2, 1, 0, 3]])[None, None]
    across = torch.tensor([[1.0, 2, 0, 0], [1, 2, 0, 0], [1, 1, 3, 0], [1, 1, 3, 0]])
    down = torch.tensor([[0.0, 0, 0, 0], [2, 0, 3, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    block = GradientAttention(channels=1)
    with torch.no_grad():
        block.conv.weight.zero_()
        block.conv.weight[0, 0, 1, 1] = 0.5  # looks at the place itself
        block.conv.weight[0, 0, 1, 2] = -1.0  # less at the place to its right
    gradients = across + down
    seen = 0.5 * gradients - torch.nn.functional.pad(gradients, (0, 1))[:, 1:]
    assert seen[1].tolist() == [-0.5, -2, 1.5, 0]
    expected = picture[0, 0] / (1 + torch.exp(-seen))
    torch.testing.assert_close(block(picture)[0, 0], expected)
    assert block(picture)[0, 0, 1, 2].item() == pytest.approx(3 / (1 + math.exp(-1.5)))


def test_gradient_attention_sums_its_channels_into_one_map():
    block = GradientAttention(channels=3)
    picture = pictures(shape=(3, 6, 5))
    let_through = block(picture) / picture
    torch.testing.assert_close(let_through, let_through[:, :1].expand_as(picture))
    even = torch.full((1, 3, 6, 5), 2.0)
    torch.testing.assert_close(block(even), even / 2)  # no gradient, sigmoid of 0


@pytest.mark.parametrize("reading", ["sagan", "printed"])
def test_self_attention_is_that_of_loops(reading):
    torch.manual_seed(0)
    layer, x = SelfAttention(16, reading).eval(), torch.randn(2, 16, 3, 4)
    with torch.no_grad():
        layer.gamma.fill_(0.7)
        found = layer(x).numpy()
    matrices = {
        name: (getattr(layer, name).weight[:, :, 0, 0].detach().numpy(), getattr(layer, name).bias.detach())
        for name in ("queries", "keys", "values")
    }
    for clip, picture in enumerate(x.numpy()):
        places = [picture[:, row, column] for row in range(3) for column in range(4)]
        q, k, v = ([matrix @ p + bias.numpy() for p in places] for matrix, bias in matrices.values())
        for here, place in enumerate(places):
            energies = [float(np.dot(q[here], key)) for key in k]
            shares = [math.exp(energy) / sum(map(math.exp, energies)) for energy in energies]
            attended = sum(share * value for share, value in zip(shares, v, strict=True))
            expected = 0.7 * attended + (place if reading == "sagan" else 0)
            np.testing.assert_allclose(found[clip, :, here // 4, here % 4], expected, rtol=1e-4, atol=1e-5)


def test_with_its_sum_self_attention_starts_as_nothing_and_as_printed_it_does_not():
    x = pictures(shape=(16, 5, 5))
    torch.testing.assert_close(SelfAttention(16, "sagan")(x), x)
    layer = SelfAttention(16, "printed")
    assert layer.gamma.item() == 1
    assert not torch.allclose(layer(x), x)
    assert layer(x).std(dim=(2, 3)).mean() < x.std(dim=(2, 3)).mean(), "a mean over places alone"


def test_readings_have_the_same_weights_and_other_scores():
    sagan, printed = network(reading="sagan"), network(reading="printed")
    assert sagan.state_dict().keys() == printed.state_dict().keys()
    assert not torch.allclose(sagan(pictures()), printed(pictures()))


@pytest.mark.parametrize(
    ("off", "gone"),
    [
        ({"gradient_attention": False}, "gradient_attention."),
        ({"self_attention": False}, ".gamma"),
        ({"residual": False}, ".shortcut."),
        ({"residual": False, "self_attention": False}, "blocks."),
    ],
)
def test_a_part_left_out_takes_its_weights_along(off, gone):
    whole, less = set(network().state_dict()), set(network(**off).state_dict())
    assert any(gone in name for name in whole)
    assert not any(gone in name for name in less)
    assert network(**off)(pictures()).shape == (2, 3)


@pytest.mark.parametrize("blocks", [2, 3, 4])
def test_each_block_halves_the_picture_and_doubles_the_features(blocks):
    model = network(blocks=blocks)
    shapes = []
    for block in model.blocks:
        block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    model(pictures())
    assert shapes == [(8, 8, 8), (16, 4, 4), (32, 2, 2), (64, 1, 1)][:blocks]


def test_at_full_size_no_place_is_compared_with_more_than_784():
    model = build("meganet", 3, [(3, 224, 224)], {}, seed=0).eval()
    shapes = []
    for block in model.blocks:
        block[1].attention.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape)))
    with torch.inference_mode():
        model(pictures(count=1, shape=(3, 224, 224)))
    assert shapes == [(1, 1, 784, 784), (1, 1, 196, 196), (1, 1, 49, 49)]


def test_unknown_readings_and_no_blocks_are_refused():
    with pytest.raises(UnknownNameError, match="'printed'"):
        network(reading="print")
    with pytest.raises(OptionError, match="blocks is 0"):
        network(blocks=0)


def test_micro_attention_weighs_each_place_by_all_maps_of_its_unit():
    torch.manual_seed(0)
    unit, x = MicroAttentionUnit(4, 8, stride=2).eval(), torch.randn(2, 4, 6, 6)
    seen, gates = [], []
    unit.look.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    unit.gate.register_forward_hook(lambda _, __, out: gates.append(out))
    with torch.no_grad():
        found = unit(x)
    first, second, shortcut = seen[0].split(8, dim=1)
    assert gates[0].shape == (2, 1, 3, 3)
    torch.testing.assert_close(found, torch.relu((second + shortcut) * (1 + gates[0])))
    torch.testing.assert_close(second, unit.bn2(unit.conv2(first)))


def test_micro_attention_hardly_adds_weights():
    model = build("micro-attention", 3, [(3, 224, 224)], {}, seed=0)
    added = sum(w.numel() for name, w in model.named_parameters() if ".look." in name)
    assert added < 0.001 * sum(w.numel() for w in model.parameters())
