"""Error answers as the API's description tells them. `failures` makes them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from modules.web.shapes import Shape


class Problem(Shape):
    """Why it could not be done, in A1111's form."""

    error: str = Field(examples=["RequestError"])
    detail: str | list[dict[str, Any]]
    body: str
    errors: str = Field(description="the same in words")
    field: str = Field("", description="the field at fault, where there is one")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its description."""
    return {status: _told(_MEANINGS[status]) for status in statuses}


def describe(openapi: dict[str, Any]) -> dict[str, Any]:
    """The description with the form of a problem where the routes' answers point to."""
    schemas = openapi["components"]["schemas"]
    if "Problem" not in schemas:
        schemas["Problem"] = Problem.model_json_schema(mode="serialization")
        openapi["components"]["schemas"] = dict(sorted(schemas.items()))
    return openapi


def _told(meaning: str) -> dict[str, Any]:
    """By its place in the description: given as a model, FastAPI builds it anew for each answer of
    each route, a fifth of the time that all routes take.
    """
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


_MEANINGS = {
    409: "the job is in a state where this can't be done",
    429: "too much at once; ask again later",
    501: "this version does not have it; the answer says what to do instead",
    503: "the worker failed or the server is ending; ask again later",
    507: "the disk is full or can't be written",
}
# Of every route.
REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": _told(
        "it can't be done as asked: 401 without a password, 404 for what is not there or somebody "
        "else's, 413 for what is too large, 422 for a value that can't be used"
    )
}
