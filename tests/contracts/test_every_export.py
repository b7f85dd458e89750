"""What every network that says it runs in real time promises: an ONNX file that answers as torch does."""

import numpy as np
import onnx
import pytest
import torch

from fleeting.models import is_network, models
from fleeting.recognition.onnx import Deployed, graph, run
from fleeting.training.fitted import Fitted
from tests.fixtures.networks import batch, network

REAL_TIME = [name for name in models if is_network(name) and getattr(models[name], "real_time", False)]


def deployed(name):
    """A fresh network with a scaling of its inputs that is not trivial, and a temperature."""
    model, shapes = network(name)
    means = [torch.full((1, shape[0], 1, 1), 0.5) for shape in shapes]
    deviations = [torch.full((1, shape[0], 1, 1), 2.0) for shape in shapes]
    return Deployed(Fitted(model, means, deviations, torch.device("cpu")), temperature=1.7), shapes


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL_TIME)
def test_the_exported_file_answers_as_torch_does_for_any_number_of_samples(name):
    whole, shapes = deployed(name)
    names = list(models[name].inputs)
    content = graph(whole, [array.numpy() for array in batch(shapes)], names, {"who": "a test"})
    for count in (1, 4, 7):
        arrays = batch(shapes, count)
        found = run(content, [array.numpy() for array in arrays])
        assert found.shape == (count, 3)
        np.testing.assert_allclose(found, whole(*arrays).numpy(), atol=1e-5)
    written = onnx.load_from_string(content)
    onnx.checker.check_model(written, full_check=True)
    assert [item.name for item in written.graph.input] == names
    assert b"/site-packages/" not in content


def test_some_networks_are_for_real_time():
    assert {"dfrnet", "ststnet", "off-apexnet"} <= set(REAL_TIME)
