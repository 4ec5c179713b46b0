"""The page's drawings: kept, and given back. The page alone needs it, so it is not described."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Response, UploadFile

from modules.app import App
from modules.errors import RequestError
from modules.pictures.metadata import mime_of


def build_router(app: App) -> APIRouter:
    router = APIRouter(prefix="/canvas", include_in_schema=False)

    @router.get("/{canvas_id}")
    def state(canvas_id: str) -> dict[str, Any]:
        """The stored drawing: its state and where its parts are."""
        found = app.canvas.state(canvas_id)
        if found is None:
            raise HTTPException(404, "there is no such drawing")
        base = f"/easel/v1/canvas/{canvas_id}"
        version = f"?revision={found.revision}"
        has_ink = app.canvas.part(canvas_id, "ink") is not None
        return {
            "state": found.to_record(),
            "token": f"{canvas_id}.{found.revision}",
            "ink_url": f"{base}/ink{version}" if has_ink else None,
            "background_url": f"{base}/background{version}" if found.image else None,
        }

    @router.get("/{canvas_id}/{part}", response_class=Response)
    def layer(canvas_id: str, part: str) -> Response:
        """The ink as PNG, or the file under it as it was sent."""
        if part not in ("ink", "background"):
            raise HTTPException(404, "a drawing has the parts ink and background")
        data = app.canvas.part(canvas_id, "ink" if part == "ink" else "background")
        if data is None:
            raise HTTPException(404, f"the drawing has no {part}")
        return Response(data, media_type=mime_of(data), headers={"Cache-Control": "no-store"})

    @router.post("/{canvas_id}")
    def save(
        canvas_id: str,
        state: Annotated[str, Form()],
        ink: UploadFile | None = None,
        background: UploadFile | None = None,
    ) -> dict[str, str]:
        """Keep a drawing; the token names this revision of it in a form."""
        try:
            wanted = json.loads(state)
        except json.JSONDecodeError as error:
            raise RequestError("the canvas state is no JSON", field="canvas") from error
        if not isinstance(wanted, dict):
            raise RequestError("the canvas state is no JSON object", field="canvas")
        token = app.canvas.save(
            canvas_id,
            wanted,
            ink=ink.file.read() if ink else None,
            background=background.file.read() if background else None,
            max_pixels=app.settings.current.easel.easel_max_pixels,
        )
        return {"token": token}

    return router
