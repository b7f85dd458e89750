"""A protocol says who is tested after training on whom: samples in, folds out.

A protocol is a generator function ``(samples, *, options) -> folds``; its keyword options (with defaults) are
what a recipe's ``[protocol]`` table may set. Every test sample is tested once. Whatever it does, a `Fold`
refuses a subject on both sides unless the protocol declares it, and then the score stands under ``shared``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fleeting.registry import Registry
from fleeting.types import Fold

Protocol = Callable[..., Iterator[Fold]]

protocols: Registry[Protocol] = Registry("protocol", "fleeting.protocols")
