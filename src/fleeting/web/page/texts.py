"""The texts of the page: one catalogue file a language, and the choice of a language for a request."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

DEFAULT = "en"
COOKIE = "fleeting_language"


@cache
def languages() -> Mapping[str, str]:
    """The languages that there are, by their codes, each in its own name."""
    found = sorted(file.name[:-5] for file in _folder().iterdir() if file.name.endswith(".toml"))
    codes = [DEFAULT, *(code for code in found if code != DEFAULT)]
    return {code: catalogue(code)["page.language"] for code in codes}


@cache
def catalogue(code: str) -> Mapping[str, str]:
    """Every text of a language by its key, such as ``home.drop``."""
    given = tomllib.loads((_folder() / f"{code}.toml").read_text(encoding="utf-8"))
    return {f"{part}.{name}": text for part, texts in given.items() for name, text in texts.items()}


def chosen(asked: str | None, kept: str | None, accepted: str) -> str:
    """The language of a request: the one that is asked for, else the one kept, else the first accepted."""
    wanted = [
        asked or "",
        kept or "",
        *(part.split(";")[0].strip()[:2].lower() for part in accepted.split(",")),
    ]
    return next((code for code in wanted if code in languages()), DEFAULT)


def _folder() -> Path:
    return Path(str(files("fleeting.web.page").joinpath("texts")))
