"""Logs as JSON, one line for each thing that happened; never the name of a file, nor anything of a face."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from contextlib import suppress
from typing import Any

from fleeting.web.store.records import moment

LOGGER = logging.getLogger("fleeting.web")


class _Json(logging.Formatter):
    """A line of JSON: when, what, and the facts that were given; of an error its kind and place alone."""

    def format(self, record: logging.LogRecord) -> str:
        facts = getattr(record, "facts", None)
        what = record.getMessage() if facts is not None else f"{record.name} said something"
        line: dict[str, Any] = {"at": moment(time.time()), "level": record.levelname.lower(), "what": what}
        line |= facts or {}
        if record.exc_info and (error := record.exc_info[1]) is not None:
            line |= fault(error)
        return json.dumps(line)


class _Stderr(logging.Handler):
    """Writes each line to what is standard error at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):  # nobody reads it any more
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()


def fault(error: BaseException) -> dict[str, Any]:
    """The kind of an error and where it was raised; its words may hold a name, and are left out."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = [f"{place.filename.rpartition('/')[2]}:{place.lineno}" for place in last]
    return {"error": type(error).__name__, "where": where[0] if where else ""}


def log(what: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Log that something happened, with facts that name nobody."""
    LOGGER.log(level, what, extra={"facts": facts})


def log_to_stderr() -> None:
    """Write the lines to standard error, and those of the server below it; nothing of others."""
    handler = _Stderr()
    handler.setFormatter(_Json())
    for name in ("fleeting.web", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if name == "fleeting.web" else logging.ERROR)
    logging.getLogger("fleeting").propagate = False
