"""What every network promises: shapes, gradients, determinism, and weights that travel."""

import inspect

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from fleeting.errors import OptionError
from fleeting.models import build, is_network, models
from fleeting.training.fitting import fit
from fleeting.training.options import Training
from fleeting.training.side_by_side import fit_together
from fleeting.training.training_set import TrainingSet
from tests.fixtures.networks import batch, network
from tests.fixtures.small_models import small

NETWORKS = [name for name in models if is_network(name)]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_gives_finite_logits_for_each_class(name, classes):
    model, shapes = network(name, classes)
    logits = model.eval()(*batch(shapes))
    assert logits.shape == (4, classes)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_learns_after_one_step(name):
    """What starts at nought, like SAGAN's gamma, holds others back until it has moved once."""
    model, shapes = network(name)
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(*batch(shapes)), torch.tensor([0, 1, 2, 0])).backward()
        optimizer.step()
    for key, weight in model.named_parameters():
        assert weight.grad is not None, f"{key} takes no part"
        assert torch.isfinite(weight.grad).all(), key
        assert key in getattr(models[name], "idle", ()) or weight.grad.abs().max() > 0, f"{key} never learns"


def learnt_by_heart(model, inputs, labels, rate):
    """Whether the model names every clip after training on nothing else at this rate."""
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(150):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(*inputs), labels)
            loss.backward()
            optimizer.step()
            if loss < 0.02:
                break
    for layer in model.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.reset_running_stats()
            layer.momentum = None  # from here on the plain mean over passes
    for _ in range(20):
        model(*inputs)
    with torch.inference_mode():
        return bool((model.eval()(*inputs).argmax(dim=1) == labels).all())


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_learns_eight_clips_by_heart(name):
    """At one of three usual rates: what suits a shallow network is too fast for a deep one."""
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    for rate in (3e-3, 1e-3, 3e-4):
        model, shapes = network(name)
        if learnt_by_heart(model, batch(shapes, 8), labels, rate):
            return
    pytest.fail(f"{name} does not learn eight clips at any rate")


@pytest.mark.parametrize("name", [name for name in NETWORKS if hasattr(models[name], "pretext")])
def test_a_task_without_labels_teaches_the_network(name):
    model, shapes = network(name)
    before = {key: weight.clone() for key, weight in model.named_parameters()}
    pretext = model.pretext().train()
    loss = pretext(*batch(shapes))
    assert loss.shape == ()
    loss.backward()
    torch.optim.SGD(pretext.parameters(), lr=1.0).step()
    getattr(pretext, "follow", lambda: None)()
    assert any(not torch.equal(weight, before[key]) for key, weight in model.named_parameters())
    assert {*model.state_dict()} == {*network(name)[0].state_dict()}, "nothing of it stays in the network"


@pytest.mark.parametrize("name", [name for name in NETWORKS if hasattr(models[name], "objective")])
def test_a_loss_of_its_own_comes_with_the_logits_of_forward(name):
    model, shapes = network(name)
    model.eval()
    inputs = [*batch(shapes)]
    labels = torch.arange(len(inputs[0])) % 3
    logits, loss = model.objective().eval()(inputs, labels, torch.nn.functional.cross_entropy)
    torch.testing.assert_close(logits, model(*inputs))
    assert loss.shape == ()
    assert torch.isfinite(loss)


@pytest.mark.parametrize("name", NETWORKS)
def test_predicts_the_same_twice_and_pixel_by_pixel_in_memory(name):
    model, shapes = network(name)
    inputs = batch(shapes)
    with torch.inference_mode():
        first = model.eval()(*inputs)
        assert torch.equal(first, model(*inputs))
        model.to(memory_format=torch.channels_last)
        last = model(*(array.contiguous(memory_format=torch.channels_last) for array in inputs))
    torch.testing.assert_close(first, last, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_sample_scores_alike_alone_and_in_company(name):
    model, shapes = network(name)
    model.eval()
    inputs = batch(shapes)
    together, alone = model(*inputs)[:1], model(*(array[:1] for array in inputs))
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_products_in_bfloat16_change_little(name):
    """What `training.autocast` does on a GPU; a processor can do it too."""
    model, shapes = network(name)
    truth = torch.tensor([0, 1, 2, 0])
    losses = []
    for halves in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=halves):
            losses.append(torch.nn.functional.cross_entropy(model.eval()(*batch(shapes)), truth))
    losses[1].backward()
    assert losses[1].item() == pytest.approx(losses[0].item(), abs=0.05)
    assert all(torch.isfinite(w.grad).all() for w in model.parameters() if w.grad is not None)


def flat(model):
    """All weights in a row."""
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


@pytest.mark.parametrize("name", NETWORKS)
def test_learns_beside_a_copy_what_it_learns_alone(name):
    """What the executor `stacked` does on a GPU, for all networks but those with a loss of their own."""
    model, shapes = network(name)
    arrays = tuple(tensor.numpy() for tensor in batch(shapes, 12))
    data = TrainingSet(arrays, ((),) * len(arrays), np.array([0, 1, 2] * 4), ("d/s",) * 12, 3)
    options = Training(epochs=1, batch=12, lr=1e-3, optimizer="sgd", device="cpu")
    copies = [network(name)[0], network(name, seed=1)[0]]
    if hasattr(models[name], "objective"):
        with pytest.raises(OptionError, match="a loss beside"):
            fit_together(copies, [data, data], options, [3, 4])
        return
    both = fit_together(copies, [data, data], options, [3, 4])
    alone = fit(model, data, options, 3)
    assert both[0].curve[0].loss == pytest.approx(alone.curve[0].loss, rel=1e-3)
    first, learnt, other = (flat(model) for model in (network(name)[0], alone.model, both[0].model))
    assert (learnt - other).norm() < 0.05 * (learnt - first).norm()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_seed_alone_decides_the_first_weights(name):
    torch.manual_seed(5)
    first, _ = network(name)
    torch.manual_seed(6)
    second, _ = network(name)
    other, _ = network(name, seed=1)
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)]
    changed = [not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True)]
    assert all(same)
    assert any(changed)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_travel_as_safetensors(name):
    model, shapes = network(name)
    other, _ = network(name, seed=9)
    other.load_state_dict(load(save({key: t.contiguous() for key, t in model.state_dict().items()})))
    inputs = batch(shapes)
    assert torch.equal(model.eval()(*inputs), other.eval()(*inputs))


@pytest.mark.slow
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
        modules = dict(network(name)[0].named_modules())
        assert getattr(kind, "looks_at", "") in modules


@pytest.mark.parametrize("name", sorted(models))
def test_inputs_that_do_not_fit_are_refused(name):
    shapes, chosen = small(name)
    with pytest.raises(OptionError, match="inputs"):
        build(name, 3, (*shapes, shapes[0]), chosen, seed=0)
    with pytest.raises(OptionError, match="inputs"):
        build(name, 3, tuple((c, h + 1, w + 3) for c, h, w in shapes), chosen, seed=0)


@pytest.mark.parametrize(
    ("name", "option"),
    [("mmnet", "width"), ("rcn", "width"), ("resnet18", "width"), ("htnet", "mlp_ratio"), ("vit", "mlp")],
)
def test_layers_without_a_weight_are_refused(name, option):
    shapes, options = small(name)
    with pytest.raises(OptionError, match=rf"model {name} .*; choose"):
        build(name, 3, shapes, {**options, option: 0}, seed=0)


def test_there_are_networks_to_test():
    assert {"ststnet", "off-apexnet"} <= set(NETWORKS)
