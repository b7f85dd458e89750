"""Makes the next items of an iterable in a separate thread while the current one is being used."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T], most: int = 4) -> Generator[T]:
    """The same items in the same order, with up to ``most`` of them made ahead of use in one thread.

    An error while an item is made is raised in that item's place. Where the iteration is stopped early, the
    thread ends after the item that it is making.
    """
    making = iter(items)
    pool = ThreadPoolExecutor(1)
    due = deque(pool.submit(next, making, _END) for _ in range(most))
    try:
        while (item := due.popleft().result()) is not _END:
            due.append(pool.submit(next, making, _END))
            yield item  # type: ignore[misc]  # never _END
    finally:
        pool.shutdown(cancel_futures=True)
