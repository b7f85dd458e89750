"""Label sets: the rule for each dataset, spellings, and what is left out."""

from __future__ import annotations

import pytest

from fleeting.datasets import label_sets, labelled
from fleeting.errors import UnknownNameError
from fleeting.types import Sample


def classes_of(dataset: str, label_set: str, *words: str, objective: int | None = None) -> list[str]:
    samples = [Sample(f"c/s/{i}", dataset, "c/s", word, objective=objective) for i, word in enumerate(words)]
    kept = {sample.id: sample.label for sample in labelled(samples, label_set)[0]}
    return [kept.get(sample.id, "-") for sample in samples]


@pytest.mark.parametrize(
    ("dataset", "negative", "out"),
    [
        ("casme2", "disgust repression", "fear sadness others anger"),
        ("samm", "Anger Contempt Disgust Fear Sadness", "Other"),
        ("samm-lv", "Anger Contempt Disgust Fear Sadness", "Other"),
        ("casme3", "anger disgust fear sad", "others Others"),
        ("mmew", "anger disgust fear sadness", "others"),
        ("smic", "negative", "neutral disgust"),
        ("casme-sq", "negative", "others"),
        ("somebody's", "NEGATIVE", "disgust happiness"),
    ],
)
def test_three_classes_by_dataset(dataset: str, negative: str, out: str) -> None:
    assert set(classes_of(dataset, "megc3", *negative.split())) == {"negative"}
    assert set(classes_of(dataset, "megc3", *out.split())) == {"-"}
    assert classes_of(dataset, "megc3", "negative", "positive", "Surprise") == [
        "negative",
        "positive",
        "surprise",
    ]


def test_three_classes_with_sadness_and_fear_of_casme2() -> None:
    words = ("disgust", "repression", "sadness", "fear", "happiness", "surprise", "others")
    expected = [*["negative"] * 4, "positive", "surprise", "-"]
    assert classes_of("casme2", "megc3-broad", *words) == expected
    for dataset, words in {"samm": ("Anger", "Other", "Fear"), "smic": ("negative", "fear")}.items():
        assert classes_of(dataset, "megc3-broad", *words) == classes_of(dataset, "megc3", *words)


def test_positive_is_happiness_in_any_spelling() -> None:
    assert classes_of("casme3", "megc3", "happy", "Happiness", "happyiness") == ["positive"] * 3


def test_five_classes_of_casme2() -> None:
    found = classes_of("casme2", "casme2-5", "happiness", "disgust", "others", "Other", "fear", "sadness")
    assert found == ["happiness", "disgust", "others", "others", "-", "-"]
    assert classes_of("casme2", "casme2-5-all", "others", "fear", "sadness", "contempt") == [
        *["others"] * 3,
        "-",
    ]


def test_five_and_eight_classes_of_samm() -> None:
    words = ("Anger", "Other", "Disgust", "Fear", "Sadness", "comtempt", "repression")
    assert classes_of("samm", "samm-5", *words) == ["anger", *["other"] * 4, "contempt", "-"]
    assert classes_of("samm", "samm-5-own", *words) == ["anger", "other", "-", "-", "-", "contempt", "-"]
    assert classes_of("samm", "samm-8", *words)[1:] == [
        "other",
        "disgust",
        "fear",
        "sadness",
        "contempt",
        "-",
    ]


@pytest.mark.parametrize(("number", "name"), [(1, "I"), (5, "V"), (6, "-"), (7, "-"), (None, "-")])
def test_objective_classes_end_at_five(number: int | None, name: str) -> None:
    assert classes_of("casme2", "objective", "others", objective=number) == [name]


def test_raw_words_are_sorted_and_spelled_one_way() -> None:
    samples = [Sample(f"c/s/{w}", "casme3", "c/s", w) for w in ("others", "Others", "sad", "happy", "")]
    kept, classes = labelled(samples, "raw")
    assert classes == ("happiness", "other", "sadness")
    assert len(kept) == 4


def test_class_order_is_that_of_the_challenge() -> None:
    assert label_sets["megc3"].classes == ("negative", "positive", "surprise")
    assert label_sets["casme2-5"].classes == ("happiness", "disgust", "repression", "surprise", "others")
    assert label_sets["megc3-broad"].classes == label_sets["megc3"].classes
    assert label_sets["casme2-5-all"].classes == label_sets["casme2-5"].classes
    assert label_sets["samm-5-own"].classes == label_sets["samm-5"].classes
    assert label_sets["samm-5"].classes == ("anger", "happiness", "contempt", "surprise", "other")
    assert len(label_sets["samm-8"].classes) == 8
    assert labelled([], "megc3") == ([], ("negative", "positive", "surprise"))


def test_an_unknown_label_set_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'megc3'"):
        labelled([], "megc-3")
