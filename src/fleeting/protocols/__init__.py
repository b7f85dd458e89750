"""A protocol says who is tested after training on whom: samples in, folds out.

A protocol is a generator function ``(samples, *, options) -> folds``; a recipe's ``[protocol]`` table may set
its keyword options, which all have defaults. Every test sample is tested once. A `Fold` refuses a subject on
both sides unless the protocol declares it; the score of declared folds is reported as ``shared``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fleeting.registry import Registry
from fleeting.types import Fold

Protocol = Callable[..., Iterator[Fold]]

protocols: Registry[Protocol] = Registry("protocol", "fleeting.protocols")
