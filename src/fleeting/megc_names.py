"""Normalises the names of databases, people and clips to the spelling of MEGC 2019.

Lists and logs spell one person differently: ``smic s1`` and ``smic s01`` are the same person, and so are
``samm 6`` and ``samm 006``, and ``casme2 1`` and ``casme2 sub01``.
"""

from __future__ import annotations

import re

PEOPLE = {"casme2": "sub{:02d}", "samm": "{:03d}", "smic": "s{:02d}"}
"""The databases of the composite, each with the format of its people's names."""
_DATABASES = re.compile(r"casme(2|ii|3|sq)?|smic(hs|vis|nir)?|samm(lv)?|mmew|4dme|drawn")
_PERSON = re.compile(r"(?:subject|sub|s)?[ _-]?0*(\d{1,3})", re.IGNORECASE | re.ASCII)
_GUESSES = {"casme2": r"sub\d+", "smic": r"s\d+", "samm": r"\d+"}


def is_database(word: str) -> bool:
    """Whether the word is the name of a known database, in any spelling."""
    return _DATABASES.fullmatch(_plain(word)) is not None


def database(word: str) -> str:
    """The normalised name of a database of the composite (``CASMEII`` is casme2); other words unchanged."""
    plain = _plain(word).replace("casmeii", "casme2")
    return plain if plain in PEOPLE else word


def person(of: str, word: str) -> str:
    """A person of the database ``of`` in MEGC's spelling; unchanged if the name or database is unknown."""
    match = _PERSON.fullmatch(word)
    return PEOPLE[of].format(int(match[1])) if match and of in PEOPLE else word


def clip(of: str, subject: str, word: str) -> str:
    """A clip's name with the person it begins with in MEGC's spelling: ``s1_ne_01`` is ``s01_ne_01``."""
    first, mark, rest = word.partition("_")
    lettered = first[:1].isalpha() == subject[:1].isalpha()  # the 1 of clip 1_a of sub01 is not its person
    return f"{subject}_{rest}" if mark and lettered and person(of, first) == subject else word


def guess_database(subject: str) -> str:
    """The database whose people's names look like ``subject``, or "unknown"."""
    found = (name for name, form in _GUESSES.items() if re.fullmatch(form, subject, re.IGNORECASE))
    return next(found, "unknown")


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
