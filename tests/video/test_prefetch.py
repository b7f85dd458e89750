"""Items made ahead of use in a thread: their order, how many, errors, and no thread left behind."""

import threading

import pytest

from fleeting.video.prefetch import ahead


@pytest.mark.parametrize("count", [0, 1, 4, 50])
def test_gives_everything_in_its_order(count):
    assert list(ahead(range(count))) == list(range(count))


def test_some_are_made_early_and_never_more():
    made = []
    given = ahead(map(made.append, range(20)), most=3)
    assert next(given) is None
    given.close()
    assert 1 <= len(made) <= 4


def test_an_error_comes_in_its_place():
    def broken():
        yield 1
        raise OSError("gone")

    given = ahead(broken())
    assert next(given) == 1
    with pytest.raises(OSError, match="gone"):
        next(given)


def test_no_thread_stays_behind():
    before = threading.active_count()
    given = ahead(iter(range(10)))
    next(given)
    assert threading.active_count() == before + 1
    given.close()
    assert threading.active_count() == before
