"""Making the next items while somebody works on this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T], most: int = 4) -> Generator[T]:
    """The same items in their order, up to ``most`` of them made early, by a thread of its own.

    What making one raises is raised in its place. Where the iteration ends early, the thread ends with the
    item it is making.
    """
    making = iter(items)
    pool = ThreadPoolExecutor(1)
    due = deque(pool.submit(next, making, _END) for _ in range(most))
    try:
        while (item := due.popleft().result()) is not _END:
            due.append(pool.submit(next, making, _END))
            yield item  # type: ignore[misc]  # it is no _END
    finally:
        pool.shutdown(cancel_futures=True)
