"""Label sets: the classes to which each dataset's own emotion words are mapped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from fleeting.errors import UnknownNameError
from fleeting.types import Sample

_SPELLINGS: Mapping[str, str] = {
    "others": "other",
    "happy": "happiness",
    "happyiness": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "comtempt": "contempt",
    "disgusted": "disgust",
    "repressed": "repression",
    "surprised": "surprise",
}

_VALENCE = {"negative": "negative", "positive": "positive", "surprise": "surprise"}


def _negative(*words: str) -> Mapping[str, str]:
    return {**_VALENCE, "happiness": "positive", **dict.fromkeys(words, "negative")}


_MEGC3: Mapping[str, Mapping[str, str]] = {
    "casme2": _negative("disgust", "repression"),
    "samm": _negative("anger", "contempt", "disgust", "fear", "sadness"),
    "samm-lv": _negative("anger", "contempt", "disgust", "fear", "sadness"),
    "casme3": _negative("anger", "disgust", "fear", "sadness"),
    "mmew": _negative("anger", "disgust", "fear", "sadness"),
}
"""The class of each dataset's words. MEGC2019 defines the rule for CASME II (its fear and sadness are left
out), SAMM and SMIC. For CAS(ME)^3 and MMEW it is the field's usual rule (HTNet's table for CAS(ME)^3). Any
other dataset must use the words negative, positive or surprise itself."""

_BROAD: Mapping[str, Mapping[str, str]] = {
    **_MEGC3,
    "casme2": _negative("disgust", "repression", "sadness", "fear"),
}
"""As above, but with CASME II's sadness and fear (Li et al. 2025, DFR-Net)."""

_SAMM_WORDS = ("anger", "contempt", "disgust", "fear", "happiness", "other", "sadness", "surprise")
_SAMM5 = {
    **{word: word for word in ("anger", "happiness", "contempt", "surprise")},
    **dict.fromkeys(("other", "disgust", "fear", "sadness"), "other"),
}
_SAMM5_OWN = {word: kept for word, kept in _SAMM5.items() if word in _SAMM5.values()}
_CASME2_5 = {word: word for word in ("happiness", "disgust", "repression", "surprise")} | {"other": "others"}
_CASME2_5_ALL = _CASME2_5 | dict.fromkeys(("fear", "sadness"), "others")
_OBJECTIVE = ("I", "II", "III", "IV", "V")


@dataclass(frozen=True)
class LabelSet:
    """A set of classes, and the function that gives a sample's class.

    ``classes`` are in order of their index (0, 1, ...), and empty where the samples themselves decide
    (``raw``). ``class_of`` gives None for a sample without a class.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    class_of: Callable[[Sample], str | None]


def word(label: str) -> str:
    """An emotion word in one spelling: lower case, ``other`` for ``Others``, ``sadness`` for ``sad``."""
    plain = " ".join(label.split()).casefold()
    return _SPELLINGS.get(plain, plain)


def _by_dataset(rules: Mapping[str, Mapping[str, str]]) -> Callable[[Sample], str | None]:
    return lambda sample: rules.get(sample.dataset, _VALENCE).get(word(sample.label))


def _by_word(rule: Mapping[str, str]) -> Callable[[Sample], str | None]:
    return lambda sample: rule.get(word(sample.label))


def _objective(sample: Sample) -> str | None:
    number = sample.objective or 0
    return _OBJECTIVE[number - 1] if 1 <= number <= len(_OBJECTIVE) else None


label_sets: Mapping[str, LabelSet] = {
    item.name: item
    for item in (
        LabelSet(
            "megc3", "negative, positive, surprise as in MEGC2019", tuple(_VALENCE), _by_dataset(_MEGC3)
        ),
        LabelSet(
            "megc3-broad",
            "the three of megc3, with CASME II's sadness and fear as negative",
            tuple(_VALENCE),
            _by_dataset(_BROAD),
        ),
        LabelSet(
            "casme2-5",
            "the five classes of CASME II; fear and sadness are left out",
            tuple(_CASME2_5.values()),
            _by_word(_CASME2_5),
        ),
        LabelSet(
            "casme2-5-all",
            "the five classes of CASME II; fear and sadness go to others",
            tuple(_CASME2_5.values()),
            _by_word(_CASME2_5_ALL),
        ),
        LabelSet(
            "samm-5",
            "the five classes of SAMM; disgust, fear and sadness go to other",
            tuple(dict.fromkeys(_SAMM5.values())),
            _by_word(_SAMM5),
        ),
        LabelSet(
            "samm-5-own",
            "the five classes of SAMM; disgust, fear and sadness are left out",
            tuple(dict.fromkeys(_SAMM5.values())),
            _by_word(_SAMM5_OWN),
        ),
        LabelSet(
            "samm-8",
            "the eight emotions of SAMM",
            _SAMM_WORDS,
            _by_word(dict(zip(_SAMM_WORDS, _SAMM_WORDS, strict=True))),
        ),
        LabelSet("objective", "objective classes I to V, as MEGC uses them", _OBJECTIVE, _objective),
        LabelSet("raw", "the dataset's own words", (), lambda sample: word(sample.label) or None),
    )
}


def labelled(samples: Iterable[Sample], label_set: str) -> tuple[list[Sample], tuple[str, ...]]:
    """The samples that have a class, with the class as their label, and the classes in order.

    Raises UnknownNameError on an unknown label set.
    """
    if label_set not in label_sets:
        raise UnknownNameError("label set", label_set, label_sets)
    chosen = label_sets[label_set]
    found = [(sample, chosen.class_of(sample)) for sample in samples]
    kept = [replace(sample, label=name) for sample, name in found if name is not None]
    return kept, chosen.classes or tuple(sorted({sample.label for sample in kept}))
