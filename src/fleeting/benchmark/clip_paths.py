"""Reads from a path whose clip it is: the databases' ways to name people, folders and films."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fleeting import megc_names

_PICTURES = frozenset({"jpg", "jpeg", "png", "bmp", "tif", "tiff"})
_FILES = _PICTURES | frozenset(
    {"avi", "mp4", "mkv", "mov", "mpg", "npy", "npz", "pt", "pth", "pkl", "mat", "h5"}
)
_PASSED = frozenset({"color", "depth", "frame", "frames", "images", "img", "micro", "rgb", "flow"})
"""Folders between a person's and the pictures that name no clip."""
_NAMES = tuple(
    (database, re.compile(form, re.IGNORECASE | re.ASCII))
    for database, form in (
        ("samm", r"(?P<clip>(?P<person>\d{3})_\d{1,2}_\d{1,2})"),
        ("smic", r"(?P<clip>s(?P<person>\d{1,2})_(ne|po|sur|neg|pos)_\d+)"),
        ("casme3", r"(?P<clip>spno\.?(?P<person>\d+)[_-][a-z]([_-]\d+)*)"),
        ("casme2", r"(sub)?(?P<person>\d{1,3})[_-](?P<clip>ep\d\w*)"),
        ("casme-sq", r"(?P<clip>(?P<person>\d{2})_\d{4}[a-z]*)"),
        ("mmew", r"(?P<clip>s(?P<person>\d{2})-\d{2}-\d{3})"),
        ("dfme", r"(?P<clip>sub(?P<person>\d{4})_\d+)"),
        ("samm", r"(?P<clip>(?P<person>\d{3})_\d{1,2})"),
    )
)
"""Names of clips in which the person stands."""
_PERSON = re.compile(
    r"(?P<kind>subject|subj|sub|spno\.?|sp|s|person|participant|p)?[ _.-]?0*(?P<number>\d{1,4})",
    re.IGNORECASE | re.ASCII,
)
_FRAME = re.compile(r"(reg_?)?(img|image|frame)?[_-]?\d+", re.IGNORECASE | re.ASCII)
"""Names of pictures that are frames of the clip in whose folder they lie."""
_OWNERS = {"spno": "casme3", "spno.": "casme3", "s": "smic"}
"""The database whose people's folders begin so."""


@dataclass(frozen=True)
class Place:
    """Whose clip a path is, by number or word, in which database and which clip; "" where it is not said."""

    database: str
    person: str
    clip: str


def person_of(word: str) -> str:
    """A person's name without what the databases write before the number: ``sub05``, ``05``, ``5`` are 5."""
    name = word.strip()
    match = _PERSON.fullmatch(name)
    return match["number"] if match else name.casefold()


def database_of(word: str) -> str:
    """The database that a word names, in one spelling; "" if it names none."""
    plain = re.sub(r"[^a-z0-9]", "", word.casefold())
    known = {
        "casmeii": "casme2",
        "casme2": "casme2",
        "casme3": "casme3",
        "casmeiii": "casme3",
        "samm": "samm",
    }
    known |= {
        "casmesq": "casme-sq",
        "sammlv": "samm",
        "sammlongvideos": "samm",
        "mmew": "mmew",
        "dfme": "dfme",
    }
    known |= dict.fromkeys(("smic", "smichs", "smicvis", "smicnir", "smicallcropped", "smicallraw"), "smic")
    return known.get(plain) or (megc_names.database(word) if megc_names.is_database(word) else "")


def shown(database: str, person: str) -> str:
    """A person as a reader knows them: the database and the name as its own lists have it."""
    forms = {
        **megc_names.PEOPLE,
        "casme3": "spNO.{}",
        "casme-sq": "s{:02d}",
        "mmew": "S{:02d}",
        "dfme": "sub{:04d}",
    }
    name = forms.get(database, "{}").format(int(person)) if person.isdecimal() else person
    return f"{database}/{name}" if database else name


def place_of(path: str) -> Place:
    """Whose clip a path is, as far as its parts say.

    A clip is named by a part in which its person stands too (``006_1_2``), or by what follows the person's
    folder (``sub05/EP02_01f/img46.jpg``). Pictures belong to the clip that their folder is.
    """
    parts = [part for part in re.split(r"[/\\]+", path.strip()) if part not in ("", ".", "..")]
    stem, ending = _stem(parts[-1]) if parts else ("", "")
    inside = parts[:-1] if ending in _PICTURES else [*parts[:-1], stem]
    hint = next((name for part in reversed(parts[:-1]) if (name := database_of(part))), "")
    named = _named(inside) or _in_folder(inside, stem) or (_named([stem]) if parts else None)
    if named:
        return Place(named.database or hint, named.person, named.clip)
    rest = (inside[-1] if inside and (ending not in _PICTURES or _FRAME.fullmatch(stem)) else stem).casefold()
    return Place(hint or ("casme2" if re.match(r"ep\d", rest) else ""), "", rest)


def _stem(name: str) -> tuple[str, str]:
    """A file's name without its ending, and the ending; a dot in ``spNO.1`` begins none."""
    stem, _, ending = name.rpartition(".")
    return (stem, ending.casefold()) if stem and ending.casefold() in _FILES else (name, "")


def _named(parts: list[str]) -> Place | None:
    """The innermost part that is a clip's name with its person in it."""
    for part in reversed(parts):
        for database, form in _NAMES:
            if match := form.fullmatch(part):
                return Place(database, str(int(match["person"])), match["clip"].casefold())
    return None


def _in_folder(parts: list[str], stem: str) -> Place | None:
    """The innermost part that is a person's folder; what follows it is the clip."""
    for depth in range(len(parts) - 1, -1, -1):
        match = _PERSON.fullmatch(parts[depth])
        after = [part for part in parts[depth + 1 :] if part.casefold() not in _PASSED]
        if not match or not (match["kind"] or (after and after[0].startswith(parts[depth]))):
            continue  # a bare number may be a class or a fold
        begun = after[0].casefold() if after else ""
        owner = "casme2" if begun.startswith("ep") else _OWNERS.get((match["kind"] or "").casefold(), "")
        return Place(owner, match["number"], "/".join(after).casefold() or stem.casefold())
    return None
