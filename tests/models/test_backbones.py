"""General backbones: published sizes, names and work, and their layers against slow references."""

from __future__ import annotations

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fleeting.errors import OptionError
from fleeting.models import build, models

PUBLISHED = {
    # parameters with 1000 classes, entries of the state dict, billions of multiply-adds, side of the picture
    "alexnet": (61_100_840, 16, 0.714, 224),
    "vgg19": (143_667_240, 38, 19.632, 224),
    "resnet18": (11_689_512, 122, 1.814, 224),
    "resnet50": (25_557_032, 320, 4.089, 224),
    "efficientnet-b0": (5_288_548, 360, 0.386, 224),
    "vit": (86_567_656, 152, 17.564, 224),
    "mobilevit": (5_578_632, 311, 2.001, 256),
}
NAMES = {
    "alexnet": {
        "features.0.weight": (64, 3, 11, 11),
        "features.10.weight": (256, 256, 3, 3),
        "classifier.1.weight": (4096, 9216),
        "classifier.6.bias": (1000,),
    },
    "vgg19": {
        "features.0.weight": (64, 3, 3, 3),
        "features.34.weight": (512, 512, 3, 3),
        "classifier.0.weight": (4096, 25088),
        "classifier.6.weight": (1000, 4096),
    },
    "resnet18": {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_var": (64,),
        "layer1.0.conv1.weight": (64, 64, 3, 3),
        "layer2.0.downsample.0.weight": (128, 64, 1, 1),
        "layer4.1.bn2.num_batches_tracked": (),
        "fc.weight": (1000, 512),
    },
    "resnet50": {
        "layer1.0.conv1.weight": (64, 64, 1, 1),
        "layer1.0.downsample.1.running_mean": (256,),
        "layer3.5.conv2.weight": (256, 256, 3, 3),
        "layer4.2.conv3.weight": (2048, 512, 1, 1),
        "fc.weight": (1000, 2048),
    },
    "efficientnet-b0": {
        "features.0.0.weight": (32, 3, 3, 3),
        "features.1.0.block.0.0.weight": (32, 1, 3, 3),
        "features.1.0.block.1.fc1.weight": (8, 32, 1, 1),
        "features.2.0.block.0.0.weight": (96, 16, 1, 1),
        "features.2.1.block.2.fc1.bias": (6,),
        "features.7.0.block.3.1.running_var": (320,),
        "features.8.0.weight": (1280, 320, 1, 1),
        "classifier.1.weight": (1000, 1280),
    },
    "vit": {
        "class_token": (1, 1, 768),
        "conv_proj.weight": (768, 3, 16, 16),
        "encoder.pos_embedding": (1, 197, 768),
        "encoder.layers.encoder_layer_0.ln_1.weight": (768,),
        "encoder.layers.encoder_layer_0.self_attention.in_proj_weight": (2304, 768),
        "encoder.layers.encoder_layer_0.self_attention.in_proj_bias": (2304,),
        "encoder.layers.encoder_layer_11.self_attention.out_proj.bias": (768,),
        "encoder.layers.encoder_layer_11.mlp.0.weight": (3072, 768),
        "encoder.layers.encoder_layer_11.mlp.3.bias": (768,),
        "encoder.ln.bias": (768,),
        "heads.head.weight": (1000, 768),
    },
    "mobilevit": {
        "stem.conv.weight": (16, 3, 3, 3),
        "stages.0.0.conv1_1x1.conv.weight": (64, 16, 1, 1),
        "stages.1.2.conv2_kxk.conv.weight": (256, 1, 3, 3),
        "stages.2.1.conv_kxk.bn.running_mean": (96,),
        "stages.2.1.conv_1x1.weight": (144, 96, 1, 1),
        "stages.2.1.transformer.0.attn.qkv.weight": (432, 144),
        "stages.3.1.transformer.3.mlp.fc1.bias": (384,),
        "stages.4.1.norm.weight": (240,),
        "stages.4.1.conv_proj.conv.weight": (160, 240, 1, 1),
        "stages.4.1.conv_fusion.conv.weight": (160, 320, 3, 3),
        "final_conv.bn.weight": (640,),
        "head.fc.weight": (1000, 640),
    },
}


def small(name, classes=3, seed=0, **changes):
    """A narrow model and three pictures that fit it."""
    chosen = {**models[name].small, **changes}
    shape = (chosen.pop("channels", 3), chosen["size"], chosen["size"])
    del chosen["size"]
    pictures = torch.randn(3, *shape, generator=torch.Generator().manual_seed(2))
    return build(name, classes, [shape], chosen, seed), pictures


@pytest.mark.parametrize("name", PUBLISHED)
def test_has_the_published_size_names_and_work(name):
    parameters, entries, billions, side = PUBLISHED[name]
    with torch.device("meta"):
        model = models[name](1000, size=side).eval()
        with FlopCounterMode(display=False) as counter:
            assert model(torch.zeros(1, 3, side, side)).shape == (1, 1000)
    state = model.state_dict()
    assert sum(weight.numel() for weight in model.parameters()) == parameters
    assert len(state) == entries
    assert {key: tuple(state[key].shape) for key in NAMES[name]} == NAMES[name]
    assert counter.get_total_flops() / 2e9 == pytest.approx(billions, abs=6e-4)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize(("channels", "size"), [(1, 64), (5, 96)])
def test_takes_any_channels_and_other_sides(name, channels, size):
    model, pictures = small(name, channels=channels, size=size)
    with torch.inference_mode():
        assert torch.isfinite(model.eval()(pictures)).all()


@pytest.mark.parametrize("name", sorted(set(PUBLISHED) - {"vit"}))
def test_a_side_in_which_nothing_would_be_left_is_refused(name):
    least = 63 if name == "alexnet" else 32
    with torch.inference_mode():
        small(name, size=least)[0].eval()(torch.zeros(1, 3, least, least))
    with pytest.raises(OptionError, match=f"use model.size={least} or more"):
        small(name, size=least - 1)


@pytest.mark.parametrize(
    ("chosen", "words"), [({"size": 40}, "patches of 16"), ({"heads": 5}, "among 5 heads")]
)
def test_what_vit_cannot_cut_is_refused(chosen, words):
    with pytest.raises(OptionError, match=words):
        small("vit", **chosen)


@pytest.mark.parametrize(
    ("name", "chosen"), [("vit", {"patch": 0}), ("vit", {"heads": 0}), ("resnet18", {"width": -1.0})]
)
def test_options_of_which_nothing_can_be_built_are_refused(name, chosen):
    with pytest.raises(OptionError, match=f"model {name} cannot be built"):
        small(name, **chosen)


def test_attention_of_vit_is_what_loops_give():
    from fleeting.models.vit import SelfAttention

    torch.manual_seed(0)
    layer, tokens = SelfAttention(dim=8, heads=2, dropout=0.0).double(), torch.randn(2, 5, 8).double()
    torch.nn.init.normal_(layer.requires_grad_(False).in_proj_bias)
    expected = torch.zeros(2, 5, 8).double()
    for clip in range(2):
        projected = [layer.in_proj_weight @ token + layer.in_proj_bias for token in tokens[clip]]
        for here in range(5):
            seen = []
            for head in range(2):
                part = slice(4 * head, 4 * head + 4)
                query = projected[here][:8][part]
                closeness = [math.exp(query @ there[8:16][part] / math.sqrt(4)) for there in projected]
                shares = [value / sum(closeness) for value in closeness]
                seen.append(sum(s * there[16:][part] for s, there in zip(shares, projected, strict=True)))
            expected[clip, here] = layer.out_proj.weight @ torch.cat(seen) + layer.out_proj.bias
    torch.testing.assert_close(layer(tokens), expected)


def test_a_layer_of_vit_is_torchs_own_with_the_same_weights():
    """torch's encoder layer, normed first, has torchvision's arithmetic, and its attention the same names."""
    from fleeting.models.vit import EncoderLayer

    torch.manual_seed(0)
    layer, tokens = EncoderLayer(16, 4, 32, 0.0, 0.0), torch.randn(2, 5, 16)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    theirs = torch.nn.TransformerEncoderLayer(
        16, 4, 32, 0.0, "gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    )
    theirs.self_attn.load_state_dict(layer.self_attention.state_dict())
    theirs.norm1.load_state_dict(layer.ln_1.state_dict())
    theirs.norm2.load_state_dict(layer.ln_2.state_dict())
    theirs.linear1.load_state_dict(layer.mlp[0].state_dict())
    theirs.linear2.load_state_dict(layer.mlp[3].state_dict())
    torch.testing.assert_close(layer(tokens), theirs(tokens), rtol=1e-4, atol=1e-5)


def test_vit_knows_where_a_patch_is():
    model, pictures = small("vit")
    torch.nn.init.normal_(model.heads.head.weight)
    swapped = pictures.roll(16, dims=3)  # the left half for the right
    with torch.inference_mode():
        model.eval()
        assert not torch.allclose(model(pictures), model(swapped), atol=1e-4)
        model.encoder.pos_embedding[:, 1:] = 0
        torch.testing.assert_close(model(pictures), model(swapped))


def test_mobilevit_looks_from_each_pixel_to_its_like_in_other_patches():
    from fleeting.models.mobilevit import PATCH, fold, unfold

    x = torch.randn(2, 3, 4, 6)
    tokens = unfold(x)
    assert tokens.shape == (2 * 4, 6, 3)
    for clip in range(2):
        for place in range(PATCH * PATCH):
            for patch in range(6):
                row = 2 * (patch // 3) + place // PATCH
                column = 2 * (patch % 3) + place % PATCH
                assert torch.equal(tokens[4 * clip + place, patch], x[clip, :, row, column])
    assert torch.equal(fold(tokens, 2, 3), x)


def test_mobilevit_stretches_sides_that_patches_do_not_divide():
    from fleeting.models.mobilevit import MobileViTBlock

    torch.manual_seed(0)
    block = MobileViTBlock(8, 8, depth=1).eval()
    with torch.inference_mode():
        assert block(torch.randn(2, 8, 7, 5)).shape == (2, 8, 7, 5)


def test_resnet50_steps_in_its_3x3_convolution():
    block = models["resnet50"](3, width=0.125).layer2[0]
    assert (block.conv1.stride, block.conv2.stride, block.conv3.stride) == ((1, 1), (2, 2), (1, 1))
    assert block.downsample[0].every == 2


def test_squeeze_and_excitation_by_hand():
    from fleeting.models.efficientnet_b0 import SqueezeExcitation

    layer = SqueezeExcitation(2, 1)
    for weight, values in zip(layer.parameters(), ([1.0, 2.0], [-1.0], [1.0, -1.0], [0.0, 0.5]), strict=True):
        weight.data = torch.tensor(values).reshape(weight.shape)
    x = torch.tensor([[[[1.0, 3.0]], [[0.0, 2.0]]]])  # means 2 and 1
    squeezed = 3 / (1 + math.exp(-3))  # silu of 2 + 2 * 1 - 1
    gates = [1 / (1 + math.exp(-squeezed)), 1 / (1 + math.exp(squeezed - 0.5))]
    expected = torch.tensor([[[[gates[0], 3 * gates[0]]], [[0.0, 2 * gates[1]]]]])
    torch.testing.assert_close(layer(x), expected)


def test_blocks_are_passed_by_in_training_alone_and_keep_their_mean():
    from fleeting.models.efficientnet_b0 import MBConv

    torch.manual_seed(0)
    block, x = MBConv(4, 4, 6, 3, 1, skip=0.25), torch.randn(4000, 4, 1, 1)
    for layer in block.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eval()  # so that what is inside does not depend on the batch
    inside = block.eval().block(x)
    torch.testing.assert_close(block(x), x + inside)
    block.skip.train()
    added = block(x) - x
    passed = added.abs().amax(dim=(1, 2, 3)) < 1e-6
    assert 0.22 < passed.float().mean() < 0.28
    torch.testing.assert_close(added[~passed], inside[~passed] / 0.75, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "efficientnet-b0", "mobilevit"])
def test_a_forward_pass_in_training_moves_running_statistics_and_one_in_use_does_not(name):
    model, pictures = small(name)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items() if "running" in key}
    with torch.inference_mode():
        model.eval()(pictures)
        assert all(torch.equal(model.state_dict()[key], tensor) for key, tensor in before.items())
    with torch.no_grad():
        model.train()(pictures)
    assert not any(torch.equal(model.state_dict()[key], tensor) for key, tensor in before.items())
