"""Prepares the process of the command: streams that can hold any text, signals that end it in order."""

from __future__ import annotations

import codecs
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import Any

LEGIBLE = "fleeting-legible"
"""The name under which this module's treatment of characters that an encoding lacks is registered."""
PLAIN = {"–": "-", "—": "-", "×": "x", "…": "..."}
"""What stands for typography that a stream's encoding lacks; other characters are written as \\u escapes."""


class Stopped(KeyboardInterrupt):
    """A signal asked the command to end; ``args`` holds its number. It passes where an interrupt passes."""


def prepare() -> None:
    """Prepare the streams and the signals of a process that is the command and nothing else."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # started with this stream closed
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for the whole process
        getattr(sys, name).reconfigure(errors=LEGIBLE)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _stop)
    sys.unraisablehook = _unraisable
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of its own cache


def mute(*names: str) -> None:
    """Drop what is still to be written to these streams ("stdout", "stderr"): their reader is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for name in names:
        with suppress(OSError, ValueError):  # no file lies behind it
            os.dup2(nowhere, getattr(sys, name).fileno())
    os.close(nowhere)


def _legible(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace what an encoding lacks, such as the bytes of a file's name that are not UTF-8."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    shown = "".join(PLAIN.get(mark) or ascii(mark)[1:-1] for mark in lacking)
    return shown, error.end


codecs.register_error(LEGIBLE, _legible)


def _stop(number: int, _frame: Any) -> None:
    """End the command in order; a second signal ends it at once, and its workers see that it is gone."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _leave)
    raise Stopped(number)


def _leave(number: int, _frame: Any = None) -> None:
    with suppress(OSError):
        os.write(2, b"fleeting: stopped at once; give the same command again\n")
    os._exit(128 + number)


def _unraisable(unraisable: Any) -> None:
    """End at once where a library swallows the interruption, which would print a traceback and go on."""
    if isinstance(unraisable.exc_value, Stopped):
        _leave(unraisable.exc_value.args[0])
    sys.__unraisablehook__(unraisable)
