"""Names as MEGC 2019 writes them: one spelling for each of its people, however a list or a log spells it.

``smic s1`` and ``smic s01`` are one person, so are ``samm 6`` and ``samm 006``, ``casme2 1`` and ``casme2
sub01``.
"""

from __future__ import annotations

import re

PEOPLE = {"casme2": "sub{:02d}", "samm": "{:03d}", "smic": "s{:02d}"}
"""The databases of the composite, and how each spells its people."""
_DATABASES = re.compile(r"casme(2|ii|3|sq)?|smic(hs|vis|nir)?|samm(lv)?|mmew|4dme|drawn")
_PERSON = re.compile(r"(?:subject|sub|s)?[ _-]?0*(\d{1,3})", re.IGNORECASE | re.ASCII)
_GUESSES = {"casme2": r"sub\d+", "smic": r"s\d+", "samm": r"\d+"}


def is_database(word: str) -> bool:
    """Whether this is the name of a known database, in whatever spelling."""
    return _DATABASES.fullmatch(_plain(word)) is not None


def database(word: str) -> str:
    """A database of the composite by its one name (``CASMEII`` is casme2), any other as it is."""
    plain = _plain(word).replace("casmeii", "casme2")
    return plain if plain in PEOPLE else word


def person(of: str, word: str) -> str:
    """A person of a database as MEGC spells it; any other name, or database, as it is."""
    match = _PERSON.fullmatch(word)
    return PEOPLE[of].format(int(match[1])) if match and of in PEOPLE else word


def clip(of: str, subject: str, word: str) -> str:
    """A clip whose name begins with its person spells that as MEGC does: ``s1_ne_01`` is ``s01_ne_01``."""
    first, mark, rest = word.partition("_")
    lettered = first[:1].isalpha() == subject[:1].isalpha()  # 1_a of sub01 is the name of a clip
    return f"{subject}_{rest}" if mark and lettered and person(of, first) == subject else word


def guess_database(subject: str) -> str:
    """The database that spells its people like this, "unknown" where none does."""
    found = (name for name, form in _GUESSES.items() if re.fullmatch(form, subject, re.IGNORECASE))
    return next(found, "unknown")


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
