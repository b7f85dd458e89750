"""Recipes as nobody expects them: read or refused in one line."""

from __future__ import annotations

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

import fleeting
from fleeting.errors import FleetingError
from tests.fixtures.fuzzing import examples

WORDS = [
    "data",
    "dataset",
    "labels",
    "apex",
    "model",
    "name",
    "inputs",
    "modality",
    "protocol",
    "training",
    "epochs",
    "seed",
    "seeds",
    "optimiser",
    "augmentations",
    "quick",
    "title",
    "paper",
    "trace_oracle",
    "crop",
    "unit",
]
KEYS = st.sampled_from(WORDS) | st.text(max_size=5)
TAILS = st.sampled_from(["", "[", "a=", "\ud7ff", "\x00"])
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["drawn", "megc3", "linear-flow", "loso", "flow-map", "raw", "sgd", "../x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def refusal(recipe, **options):
    """The line in which a recipe is refused, "" where it is read."""
    try:
        fleeting.read_recipe(recipe, **options)
    except FleetingError as error:
        return str(error)
    return ""


@examples(60)
@given(table=st.dictionaries(KEYS, VALUES, max_size=5), tail=TAILS)
def test_any_table_is_a_recipe_or_refused(tmp_path_factory, table, tail):
    path = tmp_path_factory.mktemp("recipe") / "wild.toml"
    path.write_text(tomli_w.dumps(table) + tail, encoding="utf-8")
    assert "\n" not in refusal(str(path))


@examples(60)
@given(data=st.binary(max_size=80))
def test_any_bytes_are_a_recipe_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("recipe") / "wild.toml"
    path.write_bytes(data)
    assert "\n" not in refusal(str(path))


@examples(60)
@given(key=st.lists(KEYS, min_size=1, max_size=3).map(".".join), value=VALUES.map(str), quick=st.booleans())
def test_any_change_of_a_recipe_is_applied_or_refused(key, value, quick):
    for change in (f"{key}={value}", key, value):
        assert "\n" not in refusal("drawn/linear-flow", changes=[change], quick=quick)
