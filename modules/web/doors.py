"""How the parts of the web declare their routes: a router each, whose routes are the application's.

Knows no route. FastAPI's own `include_router` builds every route of the included part once more
(with its models, twice as long), and a third time where parts lie in each other.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIRouter

from modules.web.problems import REFUSALS


def router(prefix: str = "", tag: str = "") -> APIRouter:
    """For the routes of one part, at `prefix`; without a tag the API's description has them not."""
    return APIRouter(
        prefix=prefix,
        tags=[tag] if tag else [],
        include_in_schema=bool(tag),
        responses=REFUSALS if tag else {},
        generate_unique_id_function=_operation,
        # Old programs send JSON without saying so; other sites' pages are the guard's business.
        strict_content_type=False,
    )


def join(web: FastAPI, parts: Iterable[APIRouter]) -> None:
    """Serve the parts' routes; an earlier one goes first."""
    for part in parts:
        web.router.routes.extend(part.routes)


def _operation(route: APIRoute) -> str:
    """A name for clients that are generated: short, and the same from version to version."""
    return f"{route.tags[0] if route.tags else 'easel'}_{route.name}"
