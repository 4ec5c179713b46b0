"""The routes of /sdapi/v1. Each wish is a job in the one queue; the answer waits for it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fastapi import APIRouter, HTTPException, Request

from modules.app import App
from modules.generation import infotext as infotexts
from modules.pictures.metadata import read_infotext
from modules.web import doors
from modules.web.problems import problems
from modules.web.sdapi import (
    answer,
    control,
    convert,
    extras,
    images,
    lists,
    missing,
    networks,
    options,
)
from modules.web.sdapi.bodies import ImageBody, Img2ImgBody, Txt2ImgBody
from modules.web.sdapi.waiting import finished
from modules.web.tasks import Tasks

log = logging.getLogger("easel.http")


def build_router(app: App, tasks: Tasks) -> APIRouter:
    """All routes, bound to one App. `tasks` learns the names that clients give their jobs."""
    router = doors.router("/sdapi/v1", "sdapi")
    _add_generation(router, app, tasks)
    extras.add_routes(router, app)
    missing.add_routes(router, app)
    control.add_routes(router, app)
    _add_options(router, app)
    _add_lists(router, app)
    networks.add_routes(router, app)
    _add_refreshes(router, app)
    return router


async def _generate(
    app: App, tasks: Tasks, body: Txt2ImgBody | Img2ImgBody, http: Request
) -> dict[str, Any]:
    ignored = convert.warnings_of(body)
    for line in ignored:
        log.warning("%s", line)
    wish = await asyncio.to_thread(convert.to_request, body, app)
    job_id = await asyncio.to_thread(app.submit, wish, source="api")
    if body.force_task_id:
        tasks.name(body.force_task_id, job_id)
    if not body.override_settings_restore_afterwards and wish.override_settings:
        await asyncio.to_thread(options.write, app, dict(wish.override_settings))
    view = await finished(app, job_id, http)
    return await asyncio.to_thread(answer.of_job, view, body, app, warnings=ignored)


def _add_generation(router: APIRouter, app: App, tasks: Tasks) -> None:
    @router.post("/txt2img", responses=problems(503, 507))
    async def txt2img(http: Request, body: Txt2ImgBody | None = None) -> dict[str, Any]:
        """Pictures from a prompt."""
        return await _generate(app, tasks, body or Txt2ImgBody.model_validate({}), http)

    @router.post("/img2img", responses=problems(503, 507))
    async def img2img(http: Request, body: Img2ImgBody | None = None) -> dict[str, Any]:
        """Pictures from a picture."""
        return await _generate(app, tasks, body or Img2ImgBody.model_validate({}), http)

    @router.post("/png-info")
    def png_info(body: ImageBody | None = None) -> dict[str, Any]:
        """The infotext of a picture, parsed."""
        body = body or ImageBody()
        if not body.image.strip():
            raise HTTPException(404, "Image not found")
        data = images.read(body.image, app, field="image")
        limit = app.settings.current.easel.easel_max_pixels
        text, items = read_infotext(data, max_pixels=limit)
        if text is None:
            return {"info": "", "items": items, "parameters": {}}
        return {"info": text, "items": items, "parameters": infotexts.parse(text).as_parameters()}


def _add_options(router: APIRouter, app: App) -> None:
    @router.get("/options")
    def get_options() -> dict[str, Any]:
        """Every setting, also those that only config.json knows."""
        return options.read(app)

    @router.post("/options", responses=problems(507))
    def set_options(changes: dict[str, Any] | None = None) -> None:
        """Change settings; none is changed if one value can't be used."""
        options.write(app, changes or {})

    @router.get("/cmd-flags")
    def cmd_flags() -> dict[str, Any]:
        """The flags in force, without what is secret."""
        return app.flags.public()


def _add_lists(router: APIRouter, app: App) -> None:
    @router.get("/samplers")
    def samplers() -> list[dict[str, Any]]:
        return lists.samplers()

    @router.get("/schedulers")
    def schedulers() -> list[dict[str, Any]]:
        return lists.schedulers()

    @router.get("/upscalers")
    def upscalers() -> list[dict[str, Any]]:
        return lists.upscalers()

    @router.get("/latent-upscale-modes")
    def latent_upscale_modes() -> list[dict[str, str]]:
        return lists.latent_upscale_modes()

    @router.get("/sd-models")
    def sd_models() -> list[dict[str, Any]]:
        return lists.checkpoints(app)

    @router.get("/sd-vae")
    def sd_vae() -> list[dict[str, str]]:
        return lists.vaes(app)

    @router.get("/prompt-styles")
    def prompt_styles() -> list[dict[str, str]]:
        return lists.prompt_styles(app)

    for path in ("/face-restorers", "/realesrgan-models", "/script-info", "/extensions"):
        router.add_api_route(path, _none_here, methods=["GET"], name=path.strip("/"))

    @router.get("/scripts")
    def scripts() -> dict[str, list[str]]:
        """Titles in lower case; this version has no scripts."""
        return {"txt2img": [], "img2img": []}


def _none_here() -> list[dict[str, Any]]:
    """This version has none of these."""
    return []


def _add_refreshes(router: APIRouter, app: App) -> None:
    @router.post("/refresh-checkpoints")
    def refresh_checkpoints() -> None:
        """Look at the folders again."""
        app.catalog.refresh()

    @router.post("/refresh-vae")
    def refresh_vae() -> None:
        """Look at the folders again."""
        app.catalog.refresh()
