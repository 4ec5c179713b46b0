"""/easel/v1/history: all pictures in the output folders, searched, shown, marked and deleted.

A picture is named by its number in the history, never by a path. Turns HTTP into calls of the
library; knows no page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Response
from fastapi import Path as PathParameter
from pydantic import Field

from modules.app import App
from modules.generation import infotext as infotexts
from modules.library.history_search import Found, Search
from modules.pictures.metadata import MIMES
from modules.web import doors
from modules.web.shapes import Shape

_MOST = 2**63 - 1024  # what SQLite holds and a float can say
Number = Annotated[int, PathParameter(ge=0, le=_MOST, description="as the search gave it")]
_FOREVER = "private, max-age=31536000, immutable"
_MIMES = {f".{kind.lower()}": mime for kind, mime in MIMES.items()} | {".jpg": "image/jpeg"}


class Asked(Shape):
    """What narrows a search; everything that is given must hold."""

    text: str = Field("", max_length=1000, description='words, "a phrase", -unwanted')
    model: str = ""
    sampler: str = ""
    network: str = Field("", description="a LoRA or hypernetwork in the prompt")
    seed: int | None = Field(None, ge=0, le=_MOST)
    width: int | None = Field(None, ge=1, le=65_535)
    height: int | None = Field(None, ge=1, le=65_535)
    since: float | None = Field(None, ge=0, le=9e9, description="seconds since 1970")
    until: float | None = Field(None, ge=0, le=9e9, description="seconds since 1970")
    favourite: bool = False
    offset: int = Field(0, ge=0, le=10_000_000)
    limit: int = Field(100, ge=1, le=1000)


class Mark(Shape):
    favourite: bool


def build_router(app: App) -> APIRouter:
    """All routes, bound to one App."""
    router = doors.router("/easel/v1/history", "history")
    _add_search(router, app)
    _add_pictures(router, app)
    return router


def _record(found: Found) -> dict[str, Any]:
    base = f"/easel/v1/history/{found.id}"
    return {
        "id": found.id,
        "name": Path(found.path).name,
        "time": found.changed / 1e9,
        "width": found.width,
        "height": found.height,
        "prompt": found.prompt,
        "seed": found.seed,
        "model": found.model,
        "favourite": found.favourite,
        "url": f"{base}/image?v={found.changed}",
        "thumbnail": f"{base}/thumbnail?v={found.changed}",
    }


def _add_search(router: APIRouter, app: App) -> None:
    @router.get("")
    def search(asked: Annotated[Asked, Query()]) -> dict[str, Any]:
        """Pictures, the newest first, and how many there are in all."""
        found, total = app.history.search(Search(**asked.model_dump(), owner=app.visitors.owner))
        return {"pictures": [_record(each) for each in found], "total": total}

    @router.post("/look")
    def look() -> dict[str, bool]:
        """Look for new, changed and deleted files; whether there were any. Twice within seconds,
        the second one is spared.
        """
        return {"changed": app.history.look()}

    @router.get("/progress")
    def progress() -> dict[str, int]:
        """How far a look over the folders is: `read` of `all` new files; both 0 while there is
        none.
        """
        read, whole = app.history.progress
        return {"read": read, "all": whole}

    @router.get("/choices")
    def choices() -> dict[str, list[str]]:
        """Models, samplers and networks that occur, the most frequent first."""
        found = app.history.choices(app.visitors.owner)
        return {
            "models": list(found.models),
            "samplers": list(found.samplers),
            "networks": list(found.networks),
        }


def _add_pictures(router: APIRouter, app: App) -> None:
    @router.get("/{number}")
    def picture(number: Number) -> dict[str, Any]:
        """Infotext, parsed and as it stands in the file."""
        text = app.history.infotext(number, app.visitors.owner)
        parsed = infotexts.parse(text)
        return {
            "infotext": text,
            "prompt": parsed.prompt,
            "negative_prompt": parsed.negative_prompt,
            "fields": parsed.fields,
        }

    @router.get("/{number}/image", response_class=Response)
    def image(number: Number, download: bool = False) -> Response:
        """The file itself, its infotext inside."""
        path = app.history.path(number, app.visitors.owner)
        shown = "attachment" if download else "inline"
        headers = {
            "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(path.name)}",
            "Cache-Control": _FOREVER,
        }
        try:
            data = path.read_bytes()
        except OSError as error:
            raise HTTPException(404, f"{path.name} is gone") from error
        media_type = _MIMES.get(path.suffix.lower(), "application/octet-stream")
        return Response(data, media_type=media_type, headers=headers)

    @router.get("/{number}/thumbnail", response_class=Response)
    def thumbnail(number: Number, v: Annotated[int, Query(ge=0, le=_MOST)] = 0) -> Response:
        """At most 320 pixels a side, as WebP. `v` tells caches apart what changed."""
        data = app.thumbnails.get(app.history.path(number, app.visitors.owner), v)
        headers = {"Cache-Control": _FOREVER}
        return Response(data, media_type="image/webp", headers=headers)

    @router.post("/{number}/favourite")
    def mark(number: Number, body: Mark) -> dict[str, Any]:
        """Mark a picture as a favourite, or take the mark away."""
        app.history.set_favourite(number, body.favourite, app.visitors.owner)
        return {}

    @router.delete("/{number}")
    def delete(number: Number) -> dict[str, Any]:
        """Delete the picture. `id` puts it back (`/easel/v1/deleted`); null: it is gone."""
        entry = app.removal.of_history(number, app.visitors.owner)
        return {"id": entry.id if entry else None}
