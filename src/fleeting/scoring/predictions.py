"""Writes and reads ``predictions.csv``, a model's answers for every test sample; nothing else does."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

from fleeting.errors import LogError, OptionError
from fleeting.scoring.lines import cells_of, read_lines, refuse
from fleeting.types import Prediction

COLUMNS = ("id", "dataset", "subject", "fold", "truth", "predicted")
"""The first columns; a column ``p_<index>`` for each class follows, and with several seeds, ``seed``."""
Seeds = tuple[tuple[Prediction, ...], ...]
"""The predictions of each seed."""


def predictions_csv(predictions: Iterable[Prediction], seeds: Sequence[int] = ()) -> str:
    """Predictions as CSV text, sorted by id; equal predictions give equal bytes.

    ``seeds`` holds the seed of each prediction, where there are several seeds; it becomes a last column
    ``seed``.
    """
    given = list(predictions)
    numbers: Sequence[int | None] = seeds or [None] * len(given)
    rows = sorted(zip(given, numbers, strict=True), key=lambda row: (row[0].id, row[1] or 0))
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    width = len(given[0].probabilities) if given else 0
    writer.writerow([*COLUMNS, *(f"p_{i}" for i in range(width)), *(["seed"] if seeds else [])])
    for p, seed in rows:
        facts = (p.id, p.dataset, p.subject, p.fold, p.truth, p.predicted)
        shares = (f"{share:.9g}" for share in p.probabilities)
        writer.writerow([*facts, *shares, *([seed] if seeds else [])])
    return text.getvalue()


def read_predictions(path: Path) -> Seeds:
    """The predictions in a file that `predictions_csv` wrote, by seed. Raises LogError, naming the line."""
    return parse_predictions(path, read_lines(path))


def has_predictions(lines: Sequence[tuple[int, str]]) -> bool:
    """Whether the lines of a file begin like those of a ``predictions.csv``."""
    return lines[0][1].lower().startswith(",".join(COLUMNS[:3]))


def parse_predictions(path: Path, lines: Sequence[tuple[int, str]]) -> Seeds:
    """The predictions of each seed, from the lines of a ``predictions.csv``. Raises LogError.

    There is one row for each id, or with a last column ``seed`` one for each id and seed.
    """
    header, *rows = cells_of(path, lines)
    last = ["seed"] if header[-1] == "seed" else []
    width = len(header) - len(COLUMNS) - len(last)
    if header != [*COLUMNS, *(f"p_{i}" for i in range(max(1, width))), *last]:
        refuse(path, lines[0][0], ",".join(header), f"the columns {','.join(COLUMNS)},p_0,p_1,...")
    seeds: dict[int, dict[str, Prediction]] = {}
    for (line, text), row in zip(lines[1:], rows, strict=True):
        if len(row) != len(header):
            refuse(path, line, text, f"{len(header)} columns")
        try:
            seed = int(row[-1]) if last else 0
            numbers = int(row[4]), int(row[5]), tuple(float(cell) for cell in row[6 : 6 + width])
            prediction = Prediction(row[0], row[1], row[2], row[3], *numbers)
        except (ValueError, OptionError) as error:
            found = f"{path}, line {line}: {error}"
            raise LogError(f"{found}; expected class indices and probabilities") from error
        if row[0] in seeds.setdefault(seed, {}):
            refuse(path, line, text, f"each id once{' for each seed' if last else ''}")
        seeds[seed][row[0]] = prediction
    return tuple(tuple(seeds[seed].values()) for seed in sorted(seeds)) or ((),)


def classes_in(lines: Sequence[tuple[int, str]]) -> int:
    """The number of classes of a ``predictions.csv``, by its header."""
    return sum(cell.startswith("p_") for cell in lines[0][1].split(","))
