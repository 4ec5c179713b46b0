"""The routes of /sdapi/v1. Each wish is a job in the one queue; the answer waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, HTTPException, Request

from modules import errors
from modules.app import App
from modules.generation import infotext as infotexts
from modules.jobs.job import JobView
from modules.pictures.metadata import read_infotext
from modules.web import failures
from modules.web.sdapi import answer, convert, images, lists, options, state
from modules.web.sdapi.bodies import ImageBody, Img2ImgBody, Txt2ImgBody

_POLL = 0.05  # seconds between looks at the job


def build_router(app: App) -> APIRouter:
    """All routes, bound to one App."""
    router = APIRouter(prefix="/sdapi/v1", tags=["sdapi"])
    _add_generation(router, app)
    _add_control(router, app)
    _add_options(router, app)
    _add_lists(router, app)
    return router


async def _finished(app: App, job_id: str, http: Request) -> JobView:
    """The ended job. A client that hangs up takes along a job that saves nothing."""
    while True:
        view = await asyncio.to_thread(app.jobs.view, job_id)  # holds no thread while it waits
        if view.is_finished:
            return view
        if await http.is_disconnected() and not view.request.get("save_images"):
            app.jobs.cancel(job_id)
        await asyncio.sleep(_POLL)


async def _generate(app: App, body: Txt2ImgBody | Img2ImgBody, http: Request) -> dict[str, Any]:
    wish = await asyncio.to_thread(convert.to_request, body, app)
    if not body.override_settings_restore_afterwards and wish.override_settings:
        await asyncio.to_thread(options.write, app, dict(wish.override_settings))
    job_id = await asyncio.to_thread(app.submit, wish, source="api")
    view = await _finished(app, job_id, http)
    if view.state == "failed" and view.error is not None:
        raise errors.from_record(view.error)
    return await asyncio.to_thread(answer.of_job, view, body, app)


def _add_generation(router: APIRouter, app: App) -> None:
    @router.post("/txt2img")
    async def txt2img(http: Request, body: Txt2ImgBody | None = None) -> dict[str, Any]:
        """Pictures from a prompt."""
        return await _generate(app, body or Txt2ImgBody.model_validate({}), http)

    @router.post("/img2img")
    async def img2img(http: Request, body: Img2ImgBody | None = None) -> dict[str, Any]:
        """Pictures from a picture."""
        return await _generate(app, body or Img2ImgBody.model_validate({}), http)

    @router.post("/png-info")
    def png_info(body: ImageBody) -> dict[str, Any]:
        """The infotext of a picture, parsed."""
        if not body.image.strip():
            raise HTTPException(404, "Image not found")
        data = images.decode(body.image, field="image")
        limit = app.settings.current.easel.easel_max_pixels
        text, items = read_infotext(data, max_pixels=limit)
        if text is None:
            return {"info": "", "items": items, "parameters": {}}
        return {"info": text, "items": items, "parameters": infotexts.parse(text).as_parameters()}


def _add_control(router: APIRouter, app: App) -> None:
    @router.get("/progress")
    def progress(skip_current_image: bool = False) -> dict[str, Any]:
        """Of the job that runs; all zero when none does."""
        return state.progress(app, with_image=not skip_current_image)

    @router.post("/interrupt")
    def interrupt() -> dict[str, Any]:
        """Stop what runs at once."""
        app.jobs.interrupt(now=True)
        return {}

    @router.post("/skip")
    def skip() -> None:
        """Give up the batch in work."""
        app.jobs.skip()

    @router.get("/memory")
    def memory() -> dict[str, Any]:
        """Of this host and of the worker's device."""
        try:
            return app.ask_worker("memory")
        except errors.WorkerError as error:
            return failures.body_of("WorkerError", error.message)


def _add_options(router: APIRouter, app: App) -> None:
    @router.get("/options")
    def get_options() -> dict[str, Any]:
        """Every setting, also those that only config.json knows."""
        return options.read(app)

    @router.post("/options")
    def set_options(changes: dict[str, Any]) -> None:
        """Change settings; none is changed if one value can't be used."""
        options.write(app, changes)

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

    @router.post("/refresh-checkpoints")
    def refresh_checkpoints() -> None:
        """Look at the folders again."""
        app.catalog.refresh()

    @router.post("/refresh-vae")
    def refresh_vae() -> None:
        """Look at the folders again."""
        app.catalog.refresh()
