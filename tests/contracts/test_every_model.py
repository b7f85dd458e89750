"""What every network promises: shapes, gradients, determinism, and weights that travel."""

import inspect

import pytest
import torch
from safetensors.torch import load, save

from fleeting.errors import OptionError
from fleeting.models import build, is_network, models

NETWORKS = [name for name in models if is_network(name)]


def network(name, classes=3):
    shapes = tuple(models[name].inputs.values())
    return build(name, classes, shapes, {}, seed=0), shapes


def batch(shapes, count=4):
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(count, *shape, generator=generator) for shape in shapes]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_gives_finite_logits_for_each_class(name, classes):
    model, shapes = network(name, classes)
    logits = model.eval()(*batch(shapes))
    assert logits.shape == (4, classes)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_can_learn(name):
    model, shapes = network(name)
    model.train()
    torch.nn.functional.cross_entropy(model(*batch(shapes)), torch.tensor([0, 1, 2, 0])).backward()
    for key, weight in model.named_parameters():
        assert weight.grad is not None, f"{key} takes no part"
        assert torch.isfinite(weight.grad).all(), key


@pytest.mark.parametrize("name", NETWORKS)
def test_one_sample_scores_alike_alone_and_in_company(name):
    model, shapes = network(name)
    model.eval()
    inputs = batch(shapes)
    together, alone = model(*inputs)[:1], model(*(array[:1] for array in inputs))
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_seed_alone_decides_the_first_weights(name):
    torch.manual_seed(5)
    first, shapes = network(name)
    torch.manual_seed(6)
    second, _ = network(name)
    other = build(name, 3, shapes, {}, seed=1)
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)]
    changed = [not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True)]
    assert all(same)
    assert any(changed)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_travel_as_safetensors(name):
    model, shapes = network(name)
    other = build(name, 3, shapes, {}, seed=9)
    other.load_state_dict(load(save({key: t.contiguous() for key, t in model.state_dict().items()})))
    inputs = batch(shapes)
    assert torch.equal(model.eval()(*inputs), other.eval()(*inputs))


@pytest.mark.parametrize("name", NETWORKS)
def test_can_be_exported(name):
    model, shapes = network(name)
    inputs = tuple(batch(shapes))
    exported = torch.export.export(model.eval(), inputs)
    torch.testing.assert_close(exported.module()(*inputs), model(*inputs))


@pytest.mark.parametrize("name", sorted(models))
def test_says_where_it_comes_from_and_what_it_takes(name):
    kind = models[name]
    assert inspect.getdoc(kind)
    assert kind.paper
    assert all(len(shape) == 3 for shape in kind.inputs.values())
    if is_network(name):
        assert list(inspect.signature(kind.forward).parameters)[1:] == list(kind.inputs)


@pytest.mark.parametrize("name", sorted(models))
def test_inputs_that_do_not_fit_are_refused(name):
    shapes = tuple(models[name].inputs.values())
    with pytest.raises(OptionError, match="inputs"):
        build(name, 3, (*shapes, shapes[0]), {}, seed=0)
    with pytest.raises(OptionError, match="inputs"):
        build(name, 3, tuple((c, h + 1, w + 3) for c, h, w in shapes), {}, seed=0)


def test_there_are_networks_to_test():
    assert {"ststnet", "off-apexnet"} <= set(NETWORKS)
