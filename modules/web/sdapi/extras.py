"""The two Extras routes: pictures made larger, as jobs in the one queue (interface 16.3)."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, HTTPException, Request

from modules.app import App
from modules.errors import NotBuiltError
from modules.generation.extras import Extras
from modules.jobs.job import JobView
from modules.web.problems import problems
from modules.web.sdapi import images
from modules.web.sdapi.bodies import ExtraBatchBody, ExtrasBody, ExtraSingleBody, NamedImage
from modules.web.sdapi.convert import stored
from modules.web.sdapi.waiting import finished


def add_routes(router: APIRouter, app: App) -> None:
    @router.post("/extra-single-image", responses=problems(503, 507))
    async def extra_single_image(
        http: Request, body: ExtraSingleBody | None = None
    ) -> dict[str, Any]:
        """One picture made larger."""
        body = body or ExtraSingleBody.model_validate({})
        view = await _worked_over(app, body, [NamedImage(data=body.image)], http)
        answer = await asyncio.to_thread(_answer, view, app)
        return {"html_info": answer["html_info"], "image": answer["images"][0]}

    @router.post("/extra-batch-images", responses=problems(503, 507))
    async def extra_batch_images(
        http: Request, body: ExtraBatchBody | None = None
    ) -> dict[str, Any]:
        """Several pictures made larger, all in the same way."""
        body = body or ExtraBatchBody.model_validate({})
        view = await _worked_over(app, body, body.imageList, http)
        return await asyncio.to_thread(_answer, view, app)


async def _worked_over(
    app: App, body: ExtrasBody, pictures: Sequence[NamedImage], http: Request
) -> JobView:
    wish = await asyncio.to_thread(_wish, body, pictures, app)
    job_id = await asyncio.to_thread(app.submit, wish, source="api")
    return await finished(app, job_id, http)


def _wish(body: ExtrasBody, pictures: Sequence[NamedImage], app: App) -> Extras:
    for field in ("gfpgan_visibility", "codeformer_visibility"):
        if getattr(body, field) > 0:
            raise NotBuiltError(f"faces are not restored yet; leave {field} out", field=field)
    return Extras(
        images=tuple(_stored(picture.data, app) for picture in pictures),
        names=tuple(picture.name for picture in pictures),
        to_size=body.resize_mode == 1,
        factor=body.upscaling_resize,
        width=body.upscaling_resize_w,
        height=body.upscaling_resize_h,
        crop=body.upscaling_crop,
        upscaler_1=body.upscaler_1 or "None",
        upscaler_2=body.upscaler_2 or "None",
        upscaler_2_visibility=body.extras_upscaler_2_visibility,
        save_images=False,  # A1111's API saves none of these
    )


def _stored(text: str, app: App) -> str:
    if not text.strip():
        raise HTTPException(404, "Image not found")
    return stored(text, app, "image")


def _answer(view: JobView, app: App) -> dict[str, Any]:
    told = dict.fromkeys(item.infotext for item in view.items if item.infotext)
    return {
        "html_info": "".join(f"<p>{html.escape(text)}</p>" for text in told),
        "images": [
            images.encode(app.jobs.image_bytes(view.id, item.index)[0]) for item in view.items
        ],
    }
