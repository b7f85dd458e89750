"""The command-line application, and the parsers of its argument forms: NAME=PATH, NAME=NUMBER, --model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from fleeting.errors import OptionError
from fleeting.version import __version__

app = App(
    name="fleeting",
    help="Takes any face video to micro-expression events, and labelled clips to a score without a leak.",
    version=__version__,
    suppress_keyboard_interrupt=False,  # `main` answers an interruption with its own sentence
)
app.register_install_completion_command(
    help="Have this shell (bash, zsh or fish) complete the command's words; names the files it writes."
)

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON and nothing else.")]
Replace = Annotated[
    bool,
    Parameter(
        negative="",
        help="Write into --out whatever lies there; files of the same name are kept aside.",
    ),
]
People = Annotated[
    int, Parameter(name="--people", help="How many faces are followed at most; the largest are.")
]
Alarms = Annotated[
    float,
    Parameter(help="False alarms to put up with in a minute of ordinary footage; fewer: fewer events."),
]


def seconds(text: str) -> float:
    """Seconds given as a number or as [hh:]mm:ss[.f]. Raises ValueError on any other form."""
    if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", text, re.ASCII):
        return float(text)
    found = re.fullmatch(r"(?:(\d+):)?(\d+):([0-5]?\d(?:\.\d*)?)", text, re.ASCII)
    if not found or (found[1] and int(found[2]) > 59):
        raise ValueError(
            f"{text!r} is no time; give seconds (70.5) or [hh:]mm:ss[.f] (00:01:10.5), minutes and seconds"
            " below 60"
        )
    return 3600.0 * int(found[1] or 0) + 60.0 * int(found[2]) + float(found[3])


def _seconds(_type: Any, tokens: Sequence[Any]) -> float:
    return seconds(tokens[0].value)


Seconds = Annotated[float, Parameter(converter=_seconds, allow_leading_hyphen=True)]
"""A time in a video, in seconds, as `seconds` reads it."""


def named_paths(data: Sequence[str]) -> dict[str, Path]:
    """The folders given as NAME=PATH, by name. Raises OptionError on any other form."""
    named = {}
    for item in data:
        name, equals, path = item.partition("=")
        if not equals or not path:
            raise OptionError(f"--data {item!r} is not NAME=PATH; write for example megc2019-flow=/data/maps")
        try:
            named[name] = Path(path).expanduser()
        except RuntimeError as error:
            raise OptionError(f"--data {item!r}: {error}; write the path out") from error
    return named


def claims(text: str) -> dict[str, float]:
    """The numbers given as NAME=NUMBER,NAME=NUMBER, by name. Raises OptionError on any other form."""
    claimed = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition("=")
        try:
            claimed[name.strip().lower()] = float(value)
        except ValueError:
            raise OptionError(f"--claimed {item!r} is not NAME=NUMBER; write uf1=0.7353,uar=0.7605") from None
    return claimed


def chosen_model(name: str | None) -> dict[str, Any]:
    """The keyword argument for --model: none if it is not given, and a model of None for the word "none"."""
    return {} if name is None else {"model": None if name == "none" else name}
