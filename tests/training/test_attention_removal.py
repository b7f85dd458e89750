"""Which attention layers entropy chooses for removal, and what a network does without them."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from fleeting.errors import OptionError
from fleeting.models import build
from fleeting.models.htnet import HTNet
from fleeting.training.attention_removal import (
    Fading,
    Silent,
    entropy,
    layer_entropies,
    least_telling,
    left_out,
    removable,
    silence,
)
from fleeting.training.fitted import Fitted
from fleeting.training.fitting import fit, refuse_removal
from fleeting.training.options import Training
from fleeting.training.training_set import TrainingSet
from fleeting.types import ArrayKind
from tests.fixtures.small_models import small

WAITING = {"size": 56, "dim": 12, "repeats": (1, 1, 2), "attention": "agent-after-removal"}


class Adds(nn.Module):
    """Adds so many times what it sees."""

    removable = True

    def __init__(self, times):
        super().__init__()
        self.times = nn.Parameter(torch.tensor(times))

    def forward(self, seen):
        return self.times * seen


class Tower(nn.Module):
    def __init__(self, *times):
        super().__init__()
        self.layers = nn.ModuleList(Adds(t) for t in times)
        self.head = nn.Linear(2, 3)

    def forward(self, seen):
        for layer in self.layers:
            seen = seen + layer(seen)
        return self.head(seen)


def vectors():
    return torch.randn(200, 2, generator=torch.Generator().manual_seed(0))


def test_entropy_is_the_sum_of_log_deviations():
    table = torch.tensor([[0.0, 10.0], [2.0, 30.0]])  # deviations 1 and 10
    assert entropy(table) == pytest.approx(math.log(10), abs=1e-5)
    picture = torch.stack([table.T.reshape(2, 2, 1)])  # the same as a map: channels first
    assert entropy(picture) == pytest.approx(math.log(10), abs=1e-5)


def test_transfer_entropy_is_what_the_output_loses():
    """Without a layer that doubles what it sees, each of three class scores loses log 2."""
    found = {layer.name: layer.transfer for layer in layer_entropies(Tower(1.0, 0.1, 3.0), [vectors()])}
    assert found["layers.0"] == pytest.approx(3 * math.log(2), abs=1e-4)
    assert found["layers.1"] == pytest.approx(3 * math.log(1.1), abs=1e-4)
    assert found["layers.2"] == pytest.approx(3 * math.log(4), abs=1e-4)


def test_the_least_telling_go_first_and_no_more_than_there_are():
    tower = Tower(1.0, 0.1, 3.0)
    assert least_telling(tower, [vectors()], 2) == ["layers.1", "layers.0"]
    with pytest.raises(OptionError, match="has 3"):
        least_telling(tower, [vectors()], 4)


def test_a_set_is_measured_as_a_whole_against_the_complete_network():
    """By factors 1.3, 1.32 and 1 / 1.35: the first and the last make up for each other."""
    tower = Tower(0.3, 0.32, 1 / 1.35 - 1)
    assert least_telling(tower, [vectors()], 2) == ["layers.0", "layers.2"]


def test_only_layers_of_that_name_go():
    tower = Tower(1.0, 0.1, 3.0)
    assert least_telling(tower, [vectors()], 1, among="layers.2") == ["layers.2"]
    with pytest.raises(OptionError, match=r"has 1 that can whose name begins with 'layers\.2', of layers\.0"):
        least_telling(tower, [vectors()], 2, among="layers.2")


@pytest.mark.parametrize("name", ["htnet", "inception-cbam-vit", "mobilevit", "vit"])
def test_every_transformer_can_do_without_some_attention(name):
    """Silenced for good, a layer leaves the same network as left out for a while, and a lighter one."""
    shapes, options = small(name)
    model = build(name, 3, shapes, options, seed=0)
    draw = torch.Generator().manual_seed(0)
    seen = [torch.randn(8, *shape, generator=draw) for shape in shapes]
    gone = least_telling(model.eval(), seen, 1)
    with torch.inference_mode(), left_out(model, gone):
        without = model(*seen)
    weights = sum(p.numel() for p in model.parameters())
    silence(model, gone)
    with torch.inference_mode():
        torch.testing.assert_close(model(*seen), without)
    assert sum(p.numel() for p in model.parameters()) < weights


def test_a_silenced_layer_is_the_identity_and_weighs_nothing():
    tower, seen = Tower(1.0, 0.1, 3.0), vectors()
    with left_out(tower, ["layers.0"]):
        without = tower(seen)
    assert not torch.allclose(without, tower(seen))
    silence(tower, ["layers.0"])
    torch.testing.assert_close(tower(seen), without)
    assert [*removable(tower)] == ["layers.1", "layers.2"]
    assert "layers.0.times" not in tower.state_dict()


def test_fading_goes_from_all_to_nothing():
    tower, seen = Tower(1.0, 0.1), vectors()
    whole = tower(seen)
    fading = Fading(tower, ["layers.0"])
    torch.testing.assert_close(tower(seen), whole)
    fading.fade(0.5)
    torch.testing.assert_close(tower(seen), tower.head(1.1 * 1.5 * seen))
    fading.fade(0.0)
    torch.testing.assert_close(tower(seen), tower.head(1.1 * seen))
    assert isinstance(tower.layers[0], Silent)


def test_measuring_leaves_the_model_as_it_was():
    model = HTNet(3, size=56, dim=12, repeats=(1, 1, 2)).train()
    maps = torch.randn(6, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    before = model(maps)
    found = layer_entropies(model, [maps])
    assert [layer.name for layer in found] == [
        "levels.0.blocks.0.attention",
        "levels.1.blocks.0.attention",
        "levels.2.blocks.0.attention",
        "levels.2.blocks.1.attention",
    ]
    assert all(math.isfinite(layer.entropy) and layer.transfer > 0 for layer in found)
    assert model.training
    assert torch.equal(model(maps), before)


def trained(**options):
    """A small HTNet whose agents wait, trained for eight epochs in which two of its layers go."""
    model = build("htnet", 3, [(3, 56, 56)], {**WAITING, **options}, seed=0)
    maps = np.random.default_rng(0).normal(size=(12, 3, 56, 56)).astype(np.float32)
    kind = ArrayKind(("u", "v", "strain"), rest=127.5, tiles=2)
    data = TrainingSet((maps,), (kind,), np.arange(12) % 3, tuple("abcdefghijkl"), 3)
    waits = []

    def watch(epoch, _predict):
        waits.append([layer.waiting for layer in removable(model).values()])

    return fit(model, data, Training(epochs=8, remove_attention=2, batch=6), 0, watch), waits, maps


def test_agents_are_put_in_when_the_others_are_gone():
    """Half of the epochs whole, a quarter fading, then two layers of four, with agents that learn."""
    fitted, waits, _ = trained()
    assert waits == [[True] * 4] * 5 + [[False] * 2] * 3
    assert all(layer.local.weight.any() for layer in removable(fitted.model).values())


def test_agents_that_were_put_in_are_there_after_loading():
    fitted, _, maps = trained()
    fresh = build("htnet", 3, [(3, 56, 56)], WAITING, seed=1)
    loaded = Fitted.of(fresh, fitted.state())
    np.testing.assert_array_equal(loaded.probabilities([maps]), fitted.probabilities([maps]))


def test_an_attention_that_waits_begins_as_softmax_attention():
    maps = torch.randn(4, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    waits = build("htnet", 3, [(3, 56, 56)], WAITING, seed=0).eval()
    plain = build("htnet", 3, [(3, 56, 56)], {**WAITING, "attention": "softmax"}, seed=0).eval()
    plain.load_state_dict({k: v for k, v in waits.state_dict().items() if ".local." not in k})
    torch.testing.assert_close(waits(maps), plain(maps))


def test_agents_that_wait_for_nothing_are_refused():
    model = build("htnet", 3, [(3, 56, 56)], WAITING, seed=0)
    with pytest.raises(OptionError, match=r"set training\.remove_attention"):
        refuse_removal(model, Training())
