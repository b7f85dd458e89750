"""What a model costs: its parameters and operations, and the time and memory that one sample takes."""

import numpy as np
import pytest
import torch

from fleeting.inventory.model_costs import counted, measured
from fleeting.models import is_network, models

NETWORKS = [name for name in models if is_network(name)]


@pytest.mark.parametrize("name", ["ststnet", "dfrnet"])
def test_counts_the_weights_that_a_network_has(name):
    assert counted(name)["parameters"] == sum(p.numel() for p in models[name](3).parameters())


def test_counts_an_addition_and_a_multiplication_for_each_weight_at_each_place():
    """OFF-ApexNet by hand: two streams of two 5x5 convolutions, then three fully connected layers."""
    streams = 2 * (28 * 28 * 6 * 25 + 14 * 14 * 16 * 6 * 25)
    assert counted("off-apexnet")["flops"] == 2 * (streams + 1568 * 1024 + 1024 * 1024 + 1024 * 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_counted_without_its_memory(name):
    found = counted(name)
    assert found["parameters"] > 0
    assert found["flops"] > 0


def test_what_is_no_network_has_nothing_to_count():
    assert counted("linear-flow") == {"parameters": None, "flops": None}


@pytest.mark.slow
def test_memory_is_that_of_the_model_and_not_of_this_process():
    ballast = torch.from_numpy(np.ones(60_000_000, np.float32))  # 240 MB, which are nobody's model
    small, large, estimator = measured(["ststnet", "alexnet", "linear-flow"])
    weights = 4 * counted("alexnet")["parameters"] / 1024**2
    assert 0 < small["peak_memory_mb"] < 40
    assert weights < large["peak_memory_mb"] < weights + 100
    assert estimator["peak_memory_mb"] is None
    assert small["latency_ms"] < large["latency_ms"]
    assert all(0 < cost["latency_ms"] <= cost["latency_p95_ms"] for cost in (small, large, estimator))
    assert len(ballast)
