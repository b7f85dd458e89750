"""Limits native linear algebra (BLAS) to one thread while a session works: its matrices are small."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def _libraries() -> Any:
    """The native libraries of this process; looking for them takes 2 ms, setting a limit 0.01 ms."""
    return ThreadpoolController()


class _OneThread:
    """A context in which BLAS has one thread; the last of several threads to leave it lifts the limit."""

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._limit = _libraries().limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limit.restore_original_limits()


one_thread = _OneThread()
