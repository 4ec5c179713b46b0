"""The page's drawings: kept, and given back. The page alone needs it, so it is not described."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Response, UploadFile

from modules.app import App
from modules.errors import RequestError
from modules.pictures.metadata import mime_of
from modules.web import doors


def build_router(app: App) -> APIRouter:
    router = doors.router("/easel/v1/canvas")

    @router.get("/{canvas_id}")
    def state(canvas_id: str) -> dict[str, Any]:
        """The stored drawing: its state and where its parts are."""
        found = app.canvas.state(canvas_id)
        if found is None:
            raise HTTPException(404, "there is no such drawing")
        base = f"/easel/v1/canvas/{canvas_id}"
        version = f"?revision={found.revision}"
        return {
            "state": found.to_record(),
            "token": f"{canvas_id}.{found.revision}",
            "background_url": f"{base}/background{version}" if found.image else None,
            "layer_urls": {
                layer.id: f"{base}/{layer.id}{version}" for layer in found.layers if layer.file
            },
        }

    @router.get("/{canvas_id}/{part}", response_class=Response)
    def layer(canvas_id: str, part: str) -> Response:
        """A layer's pixels as PNG, by its id, or the file under them as it was sent."""
        data = app.canvas.part(canvas_id, part)
        if data is None:
            raise HTTPException(404, f"the drawing has no part {part[:80]!r}")
        return Response(data, media_type=mime_of(data), headers={"Cache-Control": "no-store"})

    @router.post("/{canvas_id}")
    def save(
        canvas_id: str,
        state: Annotated[str, Form()],
        layers: Annotated[list[UploadFile] | None, File()] = None,
        background: UploadFile | None = None,
    ) -> dict[str, str]:
        """Keep a drawing; the token names this revision of it in a form.

        Each of `layers` has its layer's id as its file name.
        """
        try:
            wanted = json.loads(state)
        except json.JSONDecodeError as error:
            raise RequestError("the canvas state is no JSON", field="canvas") from error
        if not isinstance(wanted, dict):
            raise RequestError("the canvas state is no JSON object", field="canvas")
        token = app.canvas.save(
            canvas_id,
            wanted,
            layers={part.filename or "": part.file.read() for part in layers or ()},
            background=background.file.read() if background else None,
            max_pixels=app.settings.current.easel.easel_max_pixels,
        )
        return {"token": token}

    return router
