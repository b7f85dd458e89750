"""Turns frozen values into columns of arrays, and back: how what was seen in a segment lies on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Columns = dict[str, npt.NDArray[Any]]


def columns_of(name: str, kind: type, values: Sequence[Any], without: Iterable[str] = ()) -> Columns:
    """The fields of values of one ``kind``, a dataclass, as arrays by ``name`` and field.

    A field holds numbers, words, or arrays of one shape; of one that may be None, an array by
    ``name.field.known`` says in which values it is not. Fields in ``without`` are left out.
    """
    found: Columns = {}
    for field in (one.name for one in fields(kind) if one.name not in {*without}):
        column = [getattr(value, field) for value in values]
        known = [one is not None for one in column]
        found[f"{name}.{field}"] = np.array([one for one in column if one is not None])
        if not all(known):
            found[f"{name}.{field}.known"] = np.array(known)
    return found


def values_of(name: str, kind: type[T], columns: Mapping[str, npt.NDArray[Any]], **others: Any) -> list[T]:
    """The values whose fields `columns_of` took apart; ``others`` has those that were left out.

    Raises KeyError, TypeError or ValueError where the columns are not of such values.
    """
    read = {}
    for field in (one.name for one in fields(kind) if one.name not in others):  # type: ignore[arg-type]
        column = columns[f"{name}.{field}"]
        given = iter(column if column.ndim > 1 else column.tolist())
        known = columns.get(f"{name}.{field}.known")
        read[field] = [*given] if known is None else [next(given) if one else None for one in known]
    rows = zip(*read.values(), *others.values(), strict=True)
    names = [*read, *others]
    return [kind(**dict(zip(names, row, strict=True))) for row in rows]
