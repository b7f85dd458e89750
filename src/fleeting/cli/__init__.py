"""The command ``fleeting``: parses its arguments, calls the library and prints; it computes nothing."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from fleeting.cli.ending import Stopped, mute, prepare
from fleeting.cli.printing import NoReaderError, complain
from fleeting.errors import FleetingError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 in part, 2 refused or nothing usable, 128 + a signal's number.

    Without ``arguments`` the process is the command's own: its words are taken, its streams and signals set.
    """
    if arguments is None:
        prepare()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = _carried_out([word for word in given if word != "--debug"], debug="--debug" in given)
    except NoReaderError as error:  # the program that reads our output has closed it, as `head` does
        mute("stdout", "stderr")
        status = _signalled(error.__context__)
    except KeyboardInterrupt as stop:  # while a complaint was printed
        status = _signalled(stop)
    sys.exit(status)


def _carried_out(given: list[str], *, debug: bool) -> int:
    """Carry the command out, tell in one line what prevents it, and return the exit status."""
    try:
        from cyclopts import CycloptsError

        from fleeting.cli import benchmarks, data, events, pictures, reports, serving  # noqa: F401 - they register
        from fleeting.cli.parsing import app

        try:
            status = app(given, exit_on_error=False, print_error=False, result_action="return_value")
        except (FleetingError, CycloptsError) as error:
            if debug:
                raise
            return _refused(" ".join(str(error).split()))
        except MemoryError:
            return _refused("the memory does not suffice; use smaller inputs, batches or fewer --workers")
        except OSError as error:
            if debug:
                raise
            named = f"{error.filename}: " if error.filename else ""
            what = f"{named}{error.strerror or error}"
            return _refused(f"{what}; check the path, its permissions and the space left")
    except KeyboardInterrupt as stop:
        return _refused("interrupted; give the same command again", _signalled(stop))
    return status if isinstance(status, int) else 0


def _refused(why: str, status: int = 2) -> int:
    """Tell why the command ends, if anybody is there to read it; return the status."""
    try:
        complain(why)
    except NoReaderError:
        mute("stderr")
    return status


def _signalled(error: BaseException | None) -> int:
    """128 and the number of the signal that led to an error, such as 130 for Ctrl-C; 0 if none did."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return 128 + (error.args[0] if isinstance(error, Stopped) else signal.SIGINT)
        error = error.__context__
    return 0
