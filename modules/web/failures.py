"""How our errors look over HTTP: a status and A1111's error body (interface section 16)."""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from modules.errors import (
    CheckpointError,
    EaselError,
    ImageError,
    JobError,
    JobStateError,
    NotBuiltError,
    OutOfMemoryError,
    QueueFullError,
    RequestError,
    SettingsError,
    StorageError,
    TooLargeError,
    UnknownNameError,
    WorkerError,
)
from modules.web.guard import BodyTooLargeError

log = logging.getLogger(__name__)

# The most special kind first. A1111 1.10 answers 400 to an unknown sampler, 1.9 answered 404.
_STATUS: tuple[tuple[type[EaselError], int], ...] = (
    (UnknownNameError, 404),
    (NotBuiltError, 422),
    (TooLargeError, 413),
    (QueueFullError, 429),
    (ImageError, 422),
    (RequestError, 422),
    (SettingsError, 422),
    (JobStateError, 409),
    (JobError, 404),
    (CheckpointError, 422),
    (StorageError, 507),
    (OutOfMemoryError, 503),
    (WorkerError, 503),
)


def status_of(error: EaselError) -> int:
    """The HTTP status for an error of ours."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def body_of(kind: str, message: str, field: str = "") -> dict[str, str]:
    """A1111's error body; `field` is ours."""
    return {"error": kind, "detail": message, "body": "", "errors": message, "field": field}


def install(web: FastAPI) -> None:
    """Every error of every route in one shape; the traceback of a mistake of ours goes to the log
    alone.
    """

    @web.exception_handler(EaselError)
    async def ours(request: Request, error: EaselError) -> JSONResponse:
        body = body_of(type(error).__name__, error.message, error.field)
        return JSONResponse(body, status_of(error))

    @web.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        status, text = error.status_code, str(error.detail)
        if isinstance(error.__cause__, BodyTooLargeError):
            status, text = 413, str(error.__cause__)
        elif status == 400 and error.__cause__ is not None:  # FastAPI could not read the body
            text = _why_unread(error.__cause__)
        return JSONResponse(body_of("HTTPException", text), status, headers=error.headers)

    @web.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Without "input" and "ctx": they would send a whole base64 picture back.
        rows = [
            {"loc": list(row["loc"]), "msg": _in_words(row), "type": row["type"]}
            for row in error.errors()
        ]
        text = "; ".join(row["msg"] for row in rows)
        field = next((str(part) for part in rows[0]["loc"] if part != "body"), "")
        body = body_of("RequestValidationError", text, field)
        # `detail` as FastAPI has it, since clients of A1111 read it so.
        return JSONResponse({**body, "detail": jsonable_encoder(rows)}, 422)

    @web.exception_handler(Exception)
    async def mistake(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        text = "an error of Easel's own; its log has the details"
        return JSONResponse(body_of(type(error).__name__, text), 500)


def _why_unread(cause: BaseException) -> str:
    """Why a body could not be read at all."""
    if isinstance(cause, UnicodeDecodeError):
        return f"the body is not UTF-8 (at byte {cause.start}); send JSON as UTF-8"
    if isinstance(cause, RecursionError):
        return "the body is nested too deeply; send plain lists and objects"
    return f"the body can't be read: {str(cause)[:200]}; send JSON as UTF-8"


def _in_words(row: Mapping[str, Any]) -> str:
    """One line of a body's faults with the field's name and the value, shortened."""
    message = str(row["msg"])
    place = ".".join(str(part) for part in row["loc"] if part != "body")
    if row["type"] == "json_invalid":
        reason = str(row.get("ctx", {}).get("error", message))
        return f"the body is no JSON (at character {place or 0}: {reason})"
    if not place:
        return f"the body can't be read: {message}; send a JSON object as application/json"
    if row["type"] == "missing":
        return f"{place} is missing"
    return f"{place} is {reprlib.repr(row.get('input'))}: {message}"
