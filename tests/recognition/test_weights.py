"""Weights on disk: equal weights are equal bytes, and damaged files or files of others are refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from fleeting.errors import WeightsError
from fleeting.recognition.weights import KEY, read_weights, write_weights
from tests.fixtures.weights_facts import facts_of

ARRAYS = {
    "weight": np.arange(12, dtype=np.float32).reshape(3, 4).T,  # not contiguous
    "bias": np.array([0.5, -np.inf, 1e-300]),
    "seen": np.array(7),  # a number without axes, as batch norm counts
}


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "some" / "weights.safetensors"
    return path, write_weights(path, facts_of(), ARRAYS)


def test_what_was_written_is_read(written):
    path, before = written
    after = read_weights(path)
    assert after.facts == before.facts
    assert after.sha256 == before.sha256
    assert set(after.arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert after.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(after.arrays[name], array)
        assert after.arrays[name].shape == array.shape


def test_equal_weights_are_equal_bytes(written, tmp_path):
    path, before = written
    again = write_weights(tmp_path / "again.safetensors", facts_of(), dict(reversed(ARRAYS.items())))
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()
    assert again.sha256 == before.sha256


def refusal(path):
    with pytest.raises(WeightsError) as refused:
        read_weights(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    return str(refused.value)


@given(st.data())
def test_a_file_with_any_other_byte_is_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "weights.safetensors"
    write_weights(path, facts_of(), ARRAYS)
    content = bytearray(path.read_bytes())
    where = data.draw(st.integers(0, len(content) - 1))
    content[where] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    refusal(path)


@given(st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_is_refused(tmp_path_factory, share):
    path = tmp_path_factory.mktemp("cut") / "weights.safetensors"
    write_weights(path, facts_of(), ARRAYS)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refusal(path)


def test_files_of_others_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    for content in (b"", b"text", pickle.dumps(ARRAYS), save(ARRAYS), save(ARRAYS, metadata={KEY: "[]"})):
        path.write_bytes(content)
        assert "no weights file of fleeting" in refusal(path)
    assert "cannot be read" in refusal(tmp_path / "missing.safetensors")
    assert "cannot be read" in refusal(tmp_path)


def test_a_form_of_later_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    write_weights(path, facts_of().model_copy(update={"format": 2}), ARRAYS)
    assert "format is '2'" in refusal(path)
    write_weights(path, facts_of().model_copy(update={"classes": ("only",)}), ARRAYS)
    assert "classes" in refusal(path)


def test_what_is_no_number_is_not_written(tmp_path):
    for array in (np.array([1.0, np.nan]), np.array(["text"]), np.array([{}])):
        with pytest.raises(WeightsError, match="not numbers; train with"):
            write_weights(tmp_path / "weights.safetensors", facts_of(), {"weight": array})
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="cannot be written"):
        write_weights(tmp_path / "file" / "weights.safetensors", facts_of(), ARRAYS)
