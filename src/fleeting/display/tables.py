"""Results as pandas tables, which the extra `tables` brings; nothing else needs pandas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fleeting import optional


def table_of(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """A pandas DataFrame with these columns, also without rows; what a row lacks is missing in the table.

    Raises MissingExtraError without pandas.
    """
    return optional.pandas().DataFrame(list(rows), columns=list(columns))
