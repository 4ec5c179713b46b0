"""The page's own scripts and styles: each alone, and several as one file, which a browser has
sooner. What is asked for with its hash (`?v=`) never changes, so a browser may keep it.

Knows the folder, and not which files the page wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, HTTPException, Query, Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from modules.web import doors

STATIC = Path(__file__).resolve().parent.parent / "page" / "static"

_KINDS = {"js": "text/javascript", "css": "text/css"}
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


class Files(StaticFiles):
    """One file at a time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As Starlette's; kept for ever where the address has the hash of what it names."""
        response = await super().get_response(path, scope)
        if response.status_code == 200 and b"v=" in scope.get("query_string", b""):
            response.headers.update(_FOREVER)
        return response


def build_router() -> APIRouter:
    """To be included before `Files` is mounted, whose addresses it shares."""
    router = doors.router()

    @router.get("/easel/static/joined.{kind}")
    def joined(kind: str, request: Request, names: str = Query(max_length=4000)) -> Response:
        """The files of those names (divided by commas, without their ending), one after another."""
        if kind not in _KINDS:
            raise HTTPException(404, f"there are no files of the kind {kind!r}")
        text = join([f"{name}.{kind}" for name in names.split(",")])
        forever = _FOREVER if "v" in request.query_params else {}
        return Response(text, media_type=_KINDS[kind], headers=forever)

    return router


def join(names: Sequence[str]) -> str:
    """HTTPException 404 for a name that is no file right in the folder."""
    parts = []
    for name in names:
        path = STATIC / name
        if path.name != name or not path.is_file():
            raise HTTPException(404, f"there is no file {name!r} of the page")
        parts.append(path.read_text(encoding="utf-8"))
    return "\n".join(parts)
