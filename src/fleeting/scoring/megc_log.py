"""Reads, writes and scores anybody's MEGC log: the true and the predicted class of each clip.

Three forms are read: MEGC's own (a line ``<database> <subject>`` for each fold, then lines ``<clip> <truth>
<prediction>``), the output of some public PyTorch code (``Subject: 006``, then ``Predicted`` and ``Ground
Truth`` as lists), and our ``predictions.csv``, of one seed or several. The people of CASME II, SAMM and SMIC
get the names that MEGC gives them, except in our own form, which has its ids already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fleeting import megc_names
from fleeting.errors import LogError
from fleeting.files import path_of
from fleeting.scoring.claims import doubt
from fleeting.scoring.lines import read_lines, refuse, words_of
from fleeting.scoring.metrics import over_seeds
from fleeting.scoring.predictions import classes_in, has_predictions, parse_predictions
from fleeting.scoring.scores import Scores
from fleeting.types import Prediction

MEGC_CLASSES = ("negative", "positive", "surprise")  # MEGC 2019's labels 0, 1, 2
_LABEL = re.compile(rf"\d{{1,2}}(\.0*)?|{'|'.join(MEGC_CLASSES)}", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,2}(\.0*)?")
_PRINTED = re.compile(r"(subject|predicted|ground truth)\s*:\s*(.*)", re.IGNORECASE)
_CHATTER = re.compile(r"(final evaluation|uf1|uar|war|f1|f1[- ]score|acc|accuracy)\s*:", re.IGNORECASE)
_NAME = re.compile(r"[^\W\d_]+([-_/][^\W\d_]+)*")  # a label that is a word of the log's own


@dataclass(frozen=True)
class Log:
    """A log that was read: the predictions of each seed, classes and notes.

    Only our own form has several seeds. Probabilities are 0 and 1 unless the log has some. ``notes`` holds a
    sentence for each decision made in reading it.
    """

    seeds: tuple[tuple[Prediction, ...], ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """The predictions of the first seed, which is the only one in most logs."""
        return self.seeds[0]


class Coded(NamedTuple):
    """Labels as class indices, the classes' names, and a sentence for each decision made."""

    labels: list[int]
    classes: tuple[str, ...]
    notes: tuple[str, ...]


class _Row(NamedTuple):
    line: int
    dataset: str
    subject: str
    clip: str
    truth: str
    predicted: str


def read(path: Path) -> Log:
    """The log at ``path``, in any of the three forms.

    Raises LogError that names the file, the line, what was found and what was expected: on a line of no known
    form, a clip that comes twice, a fold without clips, and labels that are partly numbers and partly names.
    """
    lines = read_lines(path)
    if has_predictions(lines):
        seeds = parse_predictions(path, lines)
        several = (f"{len(seeds)} seeds; every score is the mean over them",) if len(seeds) > 1 else ()
        return Log(seeds, _class_names(classes_in(lines)), several)
    printed = any(re.match(r"subject\s*:", text, re.IGNORECASE) for _, text in lines)
    rows = list((_printed_rows if printed else _megc_rows)(path, lines))
    words = [word for row in rows for word in (row.truth, row.predicted)]
    labels, classes, notes = code_labels(path, words)
    predictions: dict[str, Prediction] = {}
    for row, truth, predicted in zip(rows, labels[::2], labels[1::2], strict=True):
        subject = f"{row.dataset}/{row.subject}"
        name = f"{subject}/{row.clip}"
        if name in predictions:
            refuse(path, row.line, row.clip, f"each clip once; {subject} has it already")
        hot = tuple(float(i == predicted) for i in range(len(classes)))
        predictions[name] = Prediction(name, row.dataset, subject, subject, truth, predicted, hot)
    guessed = ("each subject's database is guessed from its name",) if printed else ()
    return Log((tuple(predictions.values()),), classes, (*notes, *guessed))


def write(predictions: Iterable[Prediction]) -> str:
    """The predictions as a MEGC log, a fold for each dataset and subject in the order they come.

    A fold line is the dataset and the subject without its cohort; a clip is the id without its subject. The
    format separates words by blanks and commas, so blanks, commas and semicolons in a name become "_".
    """
    folds: dict[str, list[str]] = {}
    for p in predictions:
        fold = f"{_one_word(p.dataset)} {_one_word(p.subject.partition('/')[2])}"
        clip = _one_word(p.id.removeprefix(f"{p.subject}/"))
        folds.setdefault(fold, []).append(f"{clip} {p.truth} {p.predicted}")
    return "".join(f"{line}\n" for fold, clips in folds.items() for line in (fold, *clips))


def score_log(
    path: str | Path, claimed: Mapping[str, float] | None = None, *, draws: int = 2000, seed: int = 0
) -> tuple[Scores, tuple[str, ...]]:
    """A log's scores, and warnings: decisions made in reading it, and a claim that does not fit.

    ``claimed`` may hold uf1, uar, accuracy, precision and recall, as fractions or percent. Over several
    seeds, scores are means. Raises LogError, ScoreError, and UnknownNameError on a claim of another score.

    >>> scores, warnings = fleeting.score("log.txt", {"uar": 0.5})
    >>> scores.n, round(scores.uar, 2)
    (6, 0.67)
    >>> len(warnings)
    1
    """
    log = read(path_of(path, "the log"))
    scores = over_seeds(log.seeds, log.classes, draws=draws, seed=seed)
    doubts = [doubt(scores, claimed)] if claimed else []
    return scores, (*log.notes, *filter(None, doubts))


def code_labels(path: Path, words: Sequence[str]) -> Coded:
    """Labels as class indices: numbers as they are, MEGC's class names as 0 to 2, other names alphabetically.

    Numbers up to 2 are MEGC's classes. Numbers among which there is a 3 but no 0 count from 1: each is
    reduced by one, and a note says so. Where labels are the file's own names, a note lists the classes.
    Raises LogError where numbers and names are mixed.
    """
    numbers = sum(_NUMBER.fullmatch(word) is not None for word in words)
    if numbers and numbers < len(words):
        raise LogError(f"{path}: some labels are numbers and some names; expected one of the two throughout")
    if not numbers:
        lower = [word.lower() for word in words]
        if set(lower) <= set(MEGC_CLASSES):
            return Coded([MEGC_CLASSES.index(word) for word in lower], MEGC_CLASSES, ())
        classes = tuple(sorted(set(lower)))
        note = f"labels are words, read as the {len(classes)} classes {', '.join(classes)}"
        return Coded([classes.index(word) for word in lower], classes, (note,))
    labels, notes = [int(float(word)) for word in words], []
    if 0 not in labels and 3 in labels:
        notes = [f"labels run from {min(labels)} to {max(labels)} without a 0: taken as counted from 1"]
        labels = [label - 1 for label in labels]
    return Coded(labels, _class_names(max(3, max(labels) + 1)), tuple(notes))


def _megc_rows(path: Path, lines: Sequence[tuple[int, str]]) -> Iterator[_Row]:
    """Rows of MEGC's form: ``casme2 sub01``, then ``EP02_01f 1 1`` and so on; a fold may come again."""
    fold: tuple[int, str, str] | None = None
    empty = ""  # the line of a fold that has no clips yet
    said = [(line, text, words_of(text)) for line, text in lines if not _CHATTER.match(text)]
    names = _named_labels([words for _, _, words in said])
    for line, text, words in said:
        if names and megc_names.is_database(words[0]) and _is_named_clip(words) and not _is_clip(words):
            refuse(
                path, line, text, "a clip, or a fold's database and subject; as it stands it may be either"
            )
        if _is_clip(words) or (names and _is_named_clip(words)):
            if fold is None:
                refuse(path, line, text, "a line '<database> <subject>' before the first clip")
            empty = ""
            clip = megc_names.clip(fold[1], fold[2], " ".join(words[:-2]))
            yield _Row(line, fold[1], fold[2], clip, words[-2], words[-1])
        elif _is_fold(words, names):
            if fold and empty:
                refuse(path, fold[0], empty, "clips below it; delete a fold that has none")
            database = megc_names.database(words[0])
            fold, empty = (line, database, megc_names.person(database, " ".join(words[1:]))), text
        else:
            refuse(path, line, text, "'<database> <subject>' or '<clip> <truth> <prediction>'")
    if fold is None or empty:
        refuse(path, *lines[-1], "clips, as lines '<clip> <truth> <prediction>'")


def _named_labels(said: Sequence[Sequence[str]]) -> frozenset[str]:
    """The labels of a log that uses words for them, MEGC's or its own; empty where a label is a number."""
    if any(_is_clip(words) and any(map(_NUMBER.fullmatch, words[-2:])) for words in said):
        return frozenset()
    clips = [words for words in said if _is_named_clip(words) and not megc_names.is_database(words[0])]
    return frozenset(word.lower() for words in clips for word in words[1:])


def _is_clip(words: Sequence[str]) -> bool:
    """Whether a line is a clip (its name may hold blanks) and two labels that are numbers or MEGC's names."""
    return len(words) > 2 and all(_LABEL.fullmatch(word) for word in words[-2:])


def _is_named_clip(words: Sequence[str]) -> bool:
    """Whether a line is a clip (no blanks) and two labels of the log's own, or a fold of three words."""
    return len(words) == 3 and all(_NAME.fullmatch(word) for word in words[1:])


def _is_fold(words: Sequence[str], names: frozenset[str]) -> bool:
    """Whether a line is a fold: a database and a subject.

    After an unknown database a label is no subject: ``EP02 1`` is no fold. Nor is ``EP02 happiness`` a fold
    in a log that has ``happiness`` among the ``names`` of its labels.
    """
    labelled = words[-1].lower() in names
    if megc_names.is_database(words[0]):
        return len(words) == 2 or (len(words) > 2 and not labelled)
    named = len(words) == 2 and words[0][0].isalpha() and not re.search("[:=]", "".join(words))
    return named and not labelled and not _LABEL.fullmatch(words[1])


def _printed_rows(path: Path, lines: Sequence[tuple[int, str]]) -> Iterator[_Row]:
    """Rows of the printed form: ``Subject: 006``, then ``Predicted: [0, 1]`` and ``Ground Truth: [0, 2]``."""
    found: list[tuple[int, str, str]] = []
    for line, text in lines:
        if match := _PRINTED.fullmatch(text):
            found.append((line, match[1].lower(), match[2]))
        elif not _CHATTER.match(text):
            refuse(path, line, text, "'Subject:', 'Predicted:', 'Ground Truth:' or 'UF1:'")
    for i in range(0, len(found), 3):
        line, _, subject = found[i]
        group = {kind: words_of(rest.strip("[]")) for _, kind, rest in found[i : i + 3]}
        if found[i][1] != "subject" or len(group) < 3 or not all(group.values()):
            refuse(path, line, found[i][1], "'Subject:', then 'Predicted:' and 'Ground Truth:' with labels")
        truth, predicted = group["ground truth"], group["predicted"]
        if len(truth) != len(predicted):
            refuse(path, line, f"{len(predicted)} predicted, {len(truth)} true", f"as many ({subject})")
        database = megc_names.guess_database(subject)
        person = megc_names.person(database, subject)
        for clip, pair in enumerate(zip(truth, predicted, strict=True), start=1):
            if bad := [word for word in pair if not _LABEL.fullmatch(word)]:
                refuse(path, line, bad[0], f"only labels such as 0, 1, 2 (subject {subject})")
            yield _Row(line, database, person, f"{person}#{clip}", *pair)


def _class_names(count: int) -> tuple[str, ...]:
    return MEGC_CLASSES if count == len(MEGC_CLASSES) else tuple(f"class {i}" for i in range(count))


def _one_word(name: str) -> str:
    return re.sub(r"[\s,;]+", "_", name)
