"""The command ``fleeting``: parses its arguments, calls the library and prints; it computes nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import CycloptsError

from fleeting.cli import benchmarks, data, events  # noqa: F401 - each registers its commands
from fleeting.cli.parsing import app
from fleeting.cli.printing import complain
from fleeting.errors import FleetingError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 in part, 2 refused or nothing usable, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [word for word in given if word != "--debug"]
    try:
        status = app(given, exit_on_error=False, print_error=False, result_action="return_value")
    except BrokenPipeError:  # the program that reads our output has closed it, as `head` does
        sys.stderr.close()
        status = 0
    except (FleetingError, CycloptsError) as error:
        if debug:
            raise
        complain(" ".join(str(error).split()))
        status = 2
    except MemoryError:
        complain("the memory does not suffice; use smaller inputs, batches or fewer --workers")
        status = 2
    except OSError as error:
        if debug:
            raise
        named = f"{error.filename}: " if error.filename else ""
        complain(f"{named}{error.strerror or error}; check the path, its permissions and the space left")
        status = 2
    except KeyboardInterrupt:
        complain("interrupted; give the same command again")
        status = 130
    sys.exit(status if isinstance(status, int) else 0)
