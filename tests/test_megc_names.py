"""Databases, people and clips, however a list or log spells them, come out as MEGC 2019 spells them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleeting.megc_names import PEOPLE, clip, database, guess_database, is_database, person


@pytest.mark.parametrize(
    ("of", "words", "name"),
    [
        ("smic", ["s1", "s01", "S001", "1", "subject 1"], "s01"),
        ("samm", ["6", "006", "sub6"], "006"),
        ("casme2", ["1", "sub01", "Sub-1", "s1"], "sub01"),
        ("smic", ["s1234", "xyz"], None),
        ("mmew", ["1", "S01"], None),
    ],
)
def test_a_person_has_one_spelling_and_other_names_stay(of, words, name):
    assert [person(of, word) for word in words] == ([name] * len(words) if name else words)


@given(st.sampled_from(sorted(PEOPLE)), st.integers(0, 999))
def test_a_name_in_megcs_spelling_stays(of, number):
    name = PEOPLE[of].format(number)
    assert person(of, name) == name
    assert clip(of, name, f"{name}_ne_01") == f"{name}_ne_01"


def test_a_clip_begins_with_its_person_in_the_same_spelling():
    assert clip("smic", "s01", "s1_ne_01") == "s01_ne_01"
    assert clip("samm", "006", "6_1_2") == "006_1_2"
    assert clip("samm", "006", "7_1_2") == "7_1_2", "another person's"
    assert clip("casme2", "sub01", "1_a") == "1_a", "the clip's own number"


def test_databases_are_known_in_any_spelling():
    assert all(is_database(word) for word in ("CASMEII", "CAS(ME)^2", "SMIC-HS", "samm"))
    assert not is_database("s01")
    assert [database(word) for word in ("CASMEII", "SAMM", "mmew")] == ["casme2", "samm", "mmew"]


def test_the_database_of_a_bare_name_is_guessed_from_its_form():
    assert [guess_database(name) for name in ("sub17", "S3", "006", "spNO.1")] == [
        "casme2",
        "smic",
        "samm",
        "unknown",
    ]
