"""Turns errors into answers: a status, and one sentence that holds no path of the server."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from fleeting.errors import FleetingError, OptionError
from fleeting.output.failures import FULL
from fleeting.web.logs import fault, log
from fleeting.web.service import MissingError, NotYetError
from fleeting.web.store.queue import FullQueueError, UnknownJobError
from fleeting.web.uploads import TooLargeError

STATUS: Mapping[type[FleetingError], int] = {
    UnknownJobError: 404,
    MissingError: 404,
    NotYetError: 409,
    TooLargeError: 413,
    FullQueueError: 429,
}
"""The status of an error; that of any other of ours is 422."""
WORDS = {
    401: "a token is needed",
    404: "there is nothing at this address; see /docs for what there is",
    405: "this address does not take that method; see /docs for those it takes",
}


def answer_errors(app: FastAPI) -> None:
    """Have an app answer every error with ``{"detail": "a sentence"}``."""
    app.add_exception_handler(FleetingError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _other)
    app.add_exception_handler(OSError, _disk)
    app.add_exception_handler(SQLAlchemyError, _store)


def said(errors: Sequence[Mapping[str, Any]], where: str = "") -> OptionError:
    """What is wrong with a request, by the first of the errors that pydantic found in it."""
    if not errors:
        return OptionError(f"{where} is no JSON; see /docs for what is taken")
    place = [str(part) for part in errors[0]["loc"] if part not in ("body", "query", "path", "header")]
    name = ".".join([where] * bool(where) + place) or "the request"
    return OptionError(f"{name[:80]}: {str(errors[0]['msg'])[:200]}; see /docs for what is taken")


def refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer that refuses."""
    legible = sentence.encode(errors="backslashreplace").decode()
    return JSONResponse({"detail": legible}, status, headers=dict(headers or {}))


def _ours(_request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 422)
    return refusal(status, " ".join(str(error).split()))


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    return refusal(422, str(said(errors, "" if errors else "the body")))


def _disk(_request: Request, error: Exception) -> JSONResponse:
    """A full disk, and a file that was forgotten while it was asked for; anything else is a fault of ours."""
    number = getattr(error, "errno", None)
    if number in FULL:
        return refusal(507, f"the server's disk is full: {FULL[number]} on it, and try again")
    if isinstance(error, FileNotFoundError):
        log("file is gone", **fault(error))
        return refusal(404, "this is no longer there; it was forgotten meanwhile: see /api/jobs")
    raise error


def _store(_request: Request, error: Exception) -> JSONResponse:
    log("store cannot be used", level=logging.ERROR, **fault(error))
    return refusal(503, "the server's store cannot be used at the moment; try again")


def _other(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = WORDS.get(status) or str(getattr(error, "detail", "")) or "the request was refused"
    return refusal(status, detail, getattr(error, "headers", None))
