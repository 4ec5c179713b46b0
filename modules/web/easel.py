"""/easel/v1: jobs with ids, their pictures and previews, drawings, infotext. The page polls it;
programs may too.

Turns HTTP into calls of the App and views into JSON; knows no Gradio and no A1111.
"""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from modules.app import App
from modules.errors import RequestError
from modules.generation import infotext as infotexts
from modules.generation.request import Request as Wish
from modules.generation.version import VERSION
from modules.jobs.job import JobView
from modules.pictures.metadata import mime_of, open_image, read_infotext

_FOREVER = "private, max-age=31536000, immutable"


class Submission(BaseModel):
    """A wish as `generation.request.Request` writes it; its pictures are sums from /inputs."""

    model_config = ConfigDict(extra="forbid")
    request: dict[str, Any]
    settings: dict[str, Any] = Field(default_factory=dict)
    priority: int = 0
    idempotency_key: str = ""


class CountBody(BaseModel):
    text: str = ""
    negative: str = ""


class ParseBody(BaseModel):
    text: str


def job_record(view: JobView) -> dict[str, Any]:
    """A job as JSON, each picture with the address of its file."""
    record = view.to_record()
    for item in record["items"]:
        item["url"] = f"/easel/v1/jobs/{view.id}/images/{item['index']}"
    return record


def build_router(app: App) -> APIRouter:
    """All routes, bound to one App."""
    router = APIRouter(prefix="/easel/v1", tags=["easel"])
    _add_jobs(router, app)
    _add_job_actions(router, app)
    _add_pictures(router, app)
    _add_texts(router, app)
    _add_canvas(router, app)
    return router


def _max_pixels(app: App) -> int:
    return app.settings.current.easel.easel_max_pixels


def _add_jobs(router: APIRouter, app: App) -> None:
    @router.get("/status")
    def status() -> dict[str, Any]:
        """What the program is doing: worker "starting", "ready", "busy" or "failed"; length of the
        queue.
        """
        worker = app.worker_status()
        return {
            "version": VERSION,
            "worker": worker.state,
            "device": worker.device,
            "message": worker.message,
            "queue": app.jobs.waiting_count(),
        }

    @router.post("/jobs", status_code=201)
    def submit(body: Submission) -> dict[str, str]:
        """Queue a wish; its id at once."""
        try:
            wish = Wish.from_record(body.request)
        except TypeError as error:
            raise RequestError(f"the request can't be read: {error}", field="request") from error
        job_id = app.submit(
            wish,
            source="easel",
            settings_changes=body.settings,
            priority=body.priority,
            idempotency_key=body.idempotency_key,
        )
        return {"id": job_id}

    @router.get("/jobs")
    def jobs(
        kind: str = "",
        state: Annotated[list[str] | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 20,
    ) -> dict[str, Any]:
        """Jobs, the newest first."""
        views = app.jobs.list(kind=kind, states=state or (), limit=limit)
        return {"jobs": [job_record(view) for view in views]}

    @router.get("/jobs/{job_id}")
    def job(job_id: str, look: bool = False) -> dict[str, Any]:
        """One job. `look`: somebody watches, so previews are worth making."""
        return job_record(app.jobs.view(job_id, look=look))


def _add_job_actions(router: APIRouter, app: App) -> None:
    @router.post("/jobs/{job_id}/interrupt")
    def interrupt(job_id: str, now: bool = False) -> dict[str, Any]:
        """Stop after the current picture if more are to come, else (or at the second press) at
        once.
        """
        app.jobs.interrupt(job_id, now=now)
        return {}

    @router.post("/jobs/{job_id}/skip")
    def skip(job_id: str) -> dict[str, Any]:
        """Give up the batch in work and go on with the next."""
        app.jobs.skip(job_id)
        return {}

    @router.post("/jobs/{job_id}/cancel")
    def cancel(job_id: str) -> dict[str, Any]:
        """End a waiting or running job; what it has made is kept."""
        app.jobs.cancel(job_id)
        return {}


def _add_pictures(router: APIRouter, app: App) -> None:
    @router.get("/jobs/{job_id}/preview", response_class=Response)
    def preview(job_id: str) -> Response:
        """The newest look at the picture in work; the `n` in its address only tells caches them
        apart. 204 where there is none: a job may end while its preview is asked for.
        """
        found = app.jobs.preview(job_id)
        if found is None:
            return Response(status_code=204)
        number, mime, data = found
        headers = {"Cache-Control": "no-store", "X-Preview": str(number)}
        return Response(data, media_type=mime, headers=headers)

    @router.get("/jobs/{job_id}/images/{index}", response_class=Response)
    def image(job_id: str, index: int, download: bool = False) -> Response:
        """The file itself, its infotext inside."""
        data, mime, name = app.jobs.image_bytes(job_id, index)
        shown = "attachment" if download else "inline"
        disposition = f"{shown}; filename*=UTF-8''{quote(name)}"
        headers = {"Content-Disposition": disposition, "Cache-Control": _FOREVER}
        return Response(data, media_type=mime, headers=headers)

    @router.post("/inputs", status_code=201)
    async def add_input(request: Request) -> dict[str, Any]:
        """Store the picture in the body; its sum is what a request names it by."""
        data = await request.body()

        def keep() -> dict[str, Any]:
            size = open_image(data, max_pixels=_max_pixels(app)).size
            return {"sha256": app.inputs.put(data), "width": size[0], "height": size[1]}

        return await run_in_threadpool(keep)  # decoding and the disk would hold up every page


def _add_texts(router: APIRouter, app: App) -> None:
    @router.post("/png-info")
    async def png_info(request: Request) -> dict[str, Any]:
        """The infotext of the picture in the body, parsed, and its other text entries."""
        data = await request.body()
        text, items = await run_in_threadpool(read_infotext, data, max_pixels=_max_pixels(app))
        fields = infotexts.parse(text).fields if text else {}
        return {"infotext": text, "items": items, "fields": fields}

    @router.post("/infotext")
    def parse(body: ParseBody) -> dict[str, Any]:
        """Prompt, negative prompt and fields of a pasted text."""
        parsed = infotexts.parse(body.text)
        return {
            "prompt": parsed.prompt,
            "negative_prompt": parsed.negative_prompt,
            "fields": parsed.fields,
        }

    @router.post("/tokens")
    def tokens(body: CountBody) -> dict[str, Any]:
        """How many tokens prompt and negative prompt have, and the end of the last begun chunk of
        75.
        """
        count, limit = app.count_tokens(body.text)
        negative, negative_limit = app.count_tokens(body.negative)
        return {
            "count": count,
            "limit": limit,
            "negative": {"count": negative, "limit": negative_limit},
        }


def _add_canvas(router: APIRouter, app: App) -> None:
    @router.get("/canvas/{canvas_id}")
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

    @router.get("/canvas/{canvas_id}/{part}", response_class=Response)
    def layer(canvas_id: str, part: str) -> Response:
        """The ink as PNG, or the file under it as it was sent."""
        if part not in ("ink", "background"):
            raise HTTPException(404, "a drawing has the parts ink and background")
        data = app.canvas.part(canvas_id, "ink" if part == "ink" else "background")
        if data is None:
            raise HTTPException(404, f"the drawing has no {part}")
        return Response(data, media_type=mime_of(data), headers={"Cache-Control": "no-store"})

    @router.post("/canvas/{canvas_id}")
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
            max_pixels=_max_pixels(app),
        )
        return {"token": token}
