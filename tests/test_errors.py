"""Errors keep their text on the way from another process, and the drawn tree of errors has all of them."""

import inspect
import pickle

import pytest

from fleeting import errors
from fleeting.errors import DamagedDataError, FleetingError, MissingExtraError, Problem, UnknownNameError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, FleetingError)]
SPECIAL = {
    UnknownNameError: UnknownNameError("model", "x", ["y"]),
    MissingExtraError: MissingExtraError("opencv", "video"),
    DamagedDataError: DamagedDataError([Problem("clip", "is gone", "restore it")]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_comes_back_whole_from_another_process(kind):
    error = SPECIAL.get(kind) or kind("found; do")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_damage_names_the_first_clip_and_counts_the_rest():
    problems = [Problem(f"clip{i}", "is gone", "restore it") for i in range(3)]
    assert str(DamagedDataError(problems)).startswith("clip0: is gone; restore it (and 2 more;")
    assert DamagedDataError(problems).problems == tuple(problems)


def test_every_error_is_in_the_tree_that_is_drawn():
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in KINDS)
