"""The command-line application, and the parsers of its argument forms: NAME=PATH, NAME=NUMBER, --model."""

from __future__ import annotations

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

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON and nothing else.")]
Alarms = Annotated[
    float,
    Parameter(help="False alarms to put up with in a minute of ordinary footage; fewer: fewer events."),
]


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
