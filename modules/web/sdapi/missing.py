"""Routes of A1111 whose work this version can't do: 501, and what to do instead (interface 16.3,
16.5).
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException

from modules.app import App
from modules.pictures.metadata import open_image
from modules.web.sdapi import images
from modules.web.sdapi.bodies import InterrogateBody

_MODELS = ("clip", "deepdanbooru")
_TRAINING = ("/create/embedding", "/create/hypernetwork", "/train/embedding", "/train/hypernetwork")
_NOT_IMPLEMENTED: dict[int | str, dict[str, Any]] = {
    501: {"description": "not built in this version; the answer names a way"}
}


def add_routes(router: APIRouter, app: App) -> None:
    @router.post("/interrogate", responses=_NOT_IMPLEMENTED)
    def interrogate(body: InterrogateBody | None = None) -> dict[str, str]:
        """A picture in words."""
        body = body or InterrogateBody()
        if not body.image.strip():
            raise HTTPException(404, "Image not found")
        data = images.read(body.image, app, field="image")
        open_image(data, max_pixels=app.settings.current.easel.easel_max_pixels)
        if body.model.lower() not in _MODELS:
            raise HTTPException(404, f"Model {body.model!r} not found; there are {_MODELS}")
        raise HTTPException(
            501,
            f"no model that puts pictures into words is here, so {body.model} can't be asked; "
            "describe the picture yourself, or read its own prompt with png-info",
        )

    def training() -> None:
        """Training is not built."""
        raise HTTPException(
            501,
            "training is not built in this version: train with another program and put the file "
            "into embeddings/, models/Lora or models/hypernetworks",
        )

    for path in _TRAINING:
        router.add_api_route(
            path, training, methods=["POST"], responses=_NOT_IMPLEMENTED, name=path.strip("/")
        )
