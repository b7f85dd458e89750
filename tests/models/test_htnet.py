"""HTNet: the published network's size, and attention against a slow reference computation."""

import pytest
import torch

from fleeting.errors import OptionError, UnknownNameError
from fleeting.models.htnet import HTNet, SelfAttention


def maps(size, count=3):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def count(**options):
    with torch.device("meta"):
        return sum(weight.numel() for weight in HTNet(3, **options).parameters())


def test_it_is_the_published_network():
    assert round(count() / 1e6, 1) == 114.4
    attention = sum(w.numel() for w in SelfAttention(1024, 12, 0.0, "softmax").parameters())
    assert 5 * attention / count() == pytest.approx(0.183, abs=0.001)  # five of eight: the claimed 18 %


def test_at_28_pixels_no_block_has_a_choice():
    """One place a block: queries and keys change nothing, and get no gradient."""
    model = HTNet(3, dim=12, repeats=(1, 1, 1))
    model(maps(28)).square().sum().backward()
    for level in model.levels:
        gradient = level.blocks[0].attention.qkv.weight.grad
        queries_and_keys, values = gradient[: 2 * len(gradient) // 3], gradient[2 * len(gradient) // 3 :]
        assert queries_and_keys.abs().max() == 0
        assert values.abs().max() > 0


@pytest.mark.parametrize("size", [56, 112])
def test_larger_inputs_give_attention_something_to_choose(size):
    model = HTNet(3, size=size, dim=12, repeats=(1, 1, 1))
    model(maps(size)).square().sum().backward()
    gradient = model.levels[0].blocks[0].attention.qkv.weight.grad
    assert gradient[: len(gradient) // 3].abs().max() > 0


def test_attention_agrees_with_the_slow_way():
    layer = SelfAttention(6, 2, 0.0, "softmax")
    seen = torch.randn(1, 6, 2, 2, generator=torch.Generator().manual_seed(1))
    layer.requires_grad_(False)
    q, k, v = layer.qkv(layer.norm(seen)).chunk(3, dim=1)
    mixed = torch.zeros(1, 6, 2, 2)
    places = [(0, 0), (0, 1), (1, 0), (1, 1)]
    for head in range(2):
        part = slice(3 * head, 3 * head + 3)
        for here in places:
            scores = [float(q[0, part, *here] @ k[0, part, *there]) / 3**0.5 for there in places]
            weights = torch.softmax(torch.tensor(scores), dim=0)
            for weight, there in zip(weights, places, strict=True):
                mixed[0, part, *here] += weight * v[0, part, *there]
    torch.testing.assert_close(layer(seen), layer.project(mixed))


def test_agents_agree_with_the_slow_way():
    layer = SelfAttention(4, 1, 0.0, "agent")
    seen = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(2))
    query, key, value = layer.qkv(layer.norm(seen)).chunk(3, dim=1)
    q, k, v = (part[0].flatten(1).T for part in (query, key, value))  # (16, 4) each
    agents = torch.stack(
        [query[0, :, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2].mean(dim=(1, 2)) for r in (0, 1) for c in (0, 1)]
    )
    heard = torch.softmax(agents @ k.T / 2, dim=1) @ v
    mixed = (torch.softmax(q @ agents.T / 2, dim=1) @ heard).T.reshape(1, 4, 4, 4) + layer.local(value)
    torch.testing.assert_close(layer(seen), layer.project(mixed))


def test_blocks_do_not_see_each_other_on_the_first_level():
    model = HTNet(3, size=112, dim=12, repeats=(1, 1, 1))
    features = torch.randn(1, 12, 16, 16, generator=torch.Generator().manual_seed(3))
    changed = features.clone()
    changed[:, 0, 0, 0] += 1
    away = (model.levels[0](features) - model.levels[0](changed)).abs().amax(dim=(0, 1))
    assert (away[:4, :4] > 0).all()
    assert away[4:].max() == away[:, 4:].max() == 0


def test_lape_is_a_vector_for_each_patch():
    assert count(size=56, lape=True) - count(size=56) == 256 * 8 * 8


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(OptionError, match="multiple of 28"):
        HTNet(3, size=30)
    with pytest.raises(UnknownNameError):
        HTNet(3, attention="none")
