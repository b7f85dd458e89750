"""Fixes the number of threads of torch and BLAS, so that results repeat bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from fleeting.optional import has_torch


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Fix the number of threads of torch and BLAS: sums in another order have other results."""
    with _torch_threads(count), threadpool_limits(count):  # torch brings libraries that are limited too
        yield


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    if not has_torch():
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
