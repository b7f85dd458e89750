"""The Broadbent network: its attention against slow code, the paper's numbers, and what it refuses."""

import math

import numpy as np
import pytest
import torch

from fleeting.errors import OptionError
from fleeting.experiments.recipe import read_recipe
from fleeting.models import build
from fleeting.models.broadbent import BroadbentAttention
from fleeting.training.fitting import begun
from fleeting.training.training_set import TrainingSet
from fleeting.types import ArrayKind


@torch.no_grad()
def test_its_attention_is_that_of_the_slow_way():
    torch.manual_seed(0)
    attention = BroadbentAttention(channels=3, width=2)
    features = torch.randn(3, 2, 4)
    places = [features[:, row, column] for row in range(2) for column in range(4)]
    query, value = (
        [part.weight[:, :, 0, 0] @ place + part.bias for place in places]
        for part in (attention.query, attention.value)
    )
    key = [attention.key.weight[:, :, 0, 0] @ place for place in places]
    for i in range(8):
        scores = [math.exp(float(query[i] @ key[j]) / math.sqrt(2)) for j in range(8)]
        expected = sum(score / sum(scores) * value[j] for j, score in enumerate(scores))
        torch.testing.assert_close(attention(features[None])[0, :, i // 4, i % 4], expected)


@torch.no_grad()
def test_its_attention_passes_on_the_place_it_is_tuned_to():
    """Two places, 1 and 2, are their own query, key and value: 1 weighs them e to e^2, 2 e^2 to e^4."""
    attention = BroadbentAttention(channels=1, width=1)
    for part in (attention.query, attention.key, attention.value):
        part.weight.fill_(1)
    attention.query.bias.zero_()
    attention.value.bias.zero_()
    mixed = attention(torch.tensor([[[[1.0, 2.0]]]]))
    first, second = (
        (1 * math.exp(q) + 2 * math.exp(2 * q)) / (math.exp(q) + math.exp(2 * q)) for q in (1, 2)
    )
    torch.testing.assert_close(mixed, torch.tensor([[[[first, second]]]]))


def test_the_papers_numbers():
    model = build("broadbent", 8, ((1, 64, 64),), {}, seed=0)
    convolutions = [layer[0] for layer in model.convolutions]
    assert [layer.out_channels for layer in convolutions] == [16, 32, 64]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    pooled = []
    model.dense.register_forward_pre_hook(lambda _, given: pooled.append(given[0]))
    assert model.eval()(torch.randn(2, 1, 64, 64)).shape == (2, 8)
    assert pooled[0].shape == (2, 16)


@pytest.mark.parametrize("name", ["kfold", "stratified-kfold", "by-subject"])
def test_its_recipes_scale_pictures_to_between_0_and_1(name):
    recipe = read_recipe(f"broadbent/{name}").training
    pictures = np.random.default_rng(0).integers(0, 256, size=(6, 1, 64, 64)).astype(np.float32)
    data = TrainingSet((pictures,), (ArrayKind(("picture",)),), np.arange(6) % 3, tuple("aabbcc"), 3)
    model = build("broadbent", 3, ((1, 64, 64),), {}, seed=0)
    (scaled,) = begun(model, data, recipe, seed=0)[0].scaled([pictures])
    np.testing.assert_allclose(scaled.cpu(), pictures / 255, atol=1e-6)


def test_there_may_be_more_dense_layers():
    model = build("broadbent", 8, ((1, 64, 64),), {"dense": 3, "hidden": 20}, seed=0)
    sizes = [(m.in_features, m.out_features) for m in model.dense if isinstance(m, torch.nn.Linear)]
    assert sizes == [(16, 20), (20, 20), (20, 20)]
    assert sum(isinstance(module, torch.nn.ReLU) for module in model.dense) == 3
    with pytest.raises(OptionError, match="0 dense layers"):
        build("broadbent", 8, ((1, 64, 64),), {"dense": 0}, seed=0)


def test_a_picture_too_small_to_be_pooled_thrice_is_refused():
    with pytest.raises(OptionError, match="side of 7"):
        build("broadbent", 3, ((1, 7, 7),), {}, seed=0)
