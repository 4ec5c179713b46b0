"""Jobs of /easel/v1: submit, look, list, stop, order, repeat, and their pictures."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response

from modules.app import App
from modules.errors import RequestError
from modules.generation.extras import Extras
from modules.generation.request import Request
from modules.jobs.job import Move
from modules.pictures.metadata import MIMES
from modules.web import doors
from modules.web.easel.inputs import with_inputs
from modules.web.easel.records import (
    Copy,
    Done,
    Image,
    Images,
    Job,
    Jobs,
    Place,
    State,
    Submission,
    Submitted,
)
from modules.web.problems import problems
from modules.web.watching import watched

_FOREVER = "private, max-age=31536000, immutable"
_BASE = "/easel/v1/jobs"
JobId = Annotated[str, Path(max_length=100, description="as POST /easel/v1/jobs gave it")]
Brief = Annotated[
    bool,
    Query(
        description="of a batch over many pictures without its inputs, and only as many of its "
        "pictures as the setting img2img_batch_show_results_limit says"
    ),
]
Index = Annotated[int, Path(ge=-1, le=100_000, description="counts from 0; -1: the grid")]


def build_router(app: App) -> APIRouter:
    router = doors.router(_BASE, "easel")
    _add_submit(router, app)
    _add_reading(router, app)
    _add_stopping(router, app)
    _add_order(router, app)
    _add_pictures(router, app)
    return router


def submitted(job_id: str) -> Submitted:
    return Submitted(id=job_id, url=f"{_BASE}/{job_id}")


def _wished(body: Submission, app: App) -> Request | Extras:
    """The wish as a record of ours, every picture in it stored."""
    if body.extras is not None:
        return Extras.from_record(with_inputs(body.extras.model_dump(exclude_unset=True), app))
    assert body.request is not None
    return Request.from_record(with_inputs(body.request.model_dump(exclude_unset=True), app))


def _add_submit(router: APIRouter, app: App) -> None:
    @router.post("", status_code=201, responses=problems(409, 429, 507))
    def submit(body: Submission) -> Submitted:
        """Queue a wish: txt2img, or with `init` img2img, or with a mask in that inpainting; or
        `extras`, which works finished pictures over.

        Answers with the job's id at once; nothing is left to chance from here on: seeds are drawn,
        settings and checkpoint are fixed.
        """
        if (body.request is None) == (body.extras is None):
            raise RequestError("give one of request and extras", field="request")
        wished = _wished(body, app)
        job_id = app.submit(
            wished,
            source="easel",
            settings_changes=body.settings,
            priority=body.priority,
            idempotency_key=body.idempotency_key,
            webhook=body.webhook,
        )
        return submitted(job_id)

    @router.post("/{job_id}/duplicate", status_code=201, responses=problems(409, 429))
    def duplicate(job_id: JobId, body: Copy | None = None) -> Submitted:
        """Queue the same wish with the same settings again, as a job of its own."""
        return submitted(app.duplicate(job_id, new_seed=bool(body and body.new_seed)))


def _add_reading(router: APIRouter, app: App) -> None:
    @router.get("")
    def list_jobs(
        kind: Annotated[str, Query(max_length=100)] = "",
        state: Annotated[list[State] | None, Query(description="one or more")] = None,
        source: Annotated[str, Query(max_length=100)] = "",
        before: Annotated[str, Query(max_length=100, description="`next` of the last page")] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 20,
        brief: Brief = False,
    ) -> Jobs:
        """Jobs, the newest first, a page at a time."""
        narrowed: dict[str, Any] = {"kind": kind, "states": state or (), "source": source}
        most = _most(app, brief)
        views = app.jobs.list(**narrowed, before=before, limit=limit + 1, most=most)
        page = views[:limit]
        return Jobs(
            jobs=[Job.of(view) for view in page],
            total=app.jobs.count(**narrowed),
            next=page[-1].id if len(views) > limit else None,
        )

    @router.get("/{job_id}")
    async def read_job(
        job_id: JobId,
        look: Annotated[bool, Query(description="previews are worth making")] = False,
        wait: Annotated[
            float, Query(ge=0, le=60, description="seconds to wait for the end, if it has not come")
        ] = 0,
        brief: Brief = False,
    ) -> Job:
        """One job: state, place in the queue, step, time left, pictures."""
        jobs, most = app.jobs, _most(app, brief)
        view = await asyncio.to_thread(jobs.view, job_id, look=look, most=most)
        if wait and not view.is_finished:
            until = time.monotonic() + wait
            with watched(jobs, job_id, ends_only=True) as watch:
                view = await asyncio.to_thread(jobs.view, job_id, most=most)
                while not view.is_finished and (left := until - time.monotonic()) > 0:
                    await watch.changed(left)
                    view = await asyncio.to_thread(jobs.view, job_id, most=most)
        return Job.of(view)


def _most(app: App, brief: bool) -> int | None:
    return app.settings.current.img2img.img2img_batch_show_results_limit if brief else None


def _add_stopping(router: APIRouter, app: App) -> None:
    @router.post("/{job_id}/interrupt")
    def interrupt(job_id: JobId, now: bool = False) -> Done:
        """Stop after the current picture if more are to come, else (or at the second call, or with
        `now`) at once. What is made is kept.
        """
        app.jobs.interrupt(job_id, now=now)
        return Done()

    @router.post("/{job_id}/skip")
    def skip(job_id: JobId) -> Done:
        """Give up the batch in work and go on with the next."""
        app.jobs.skip(job_id)
        return Done()

    @router.post("/{job_id}/cancel")
    def cancel(job_id: JobId) -> Done:
        """End a waiting or running job; what it has made is kept."""
        app.jobs.cancel(job_id)
        return Done()


def _add_order(router: APIRouter, app: App) -> None:
    @router.post("/{job_id}/move", responses=problems(409))
    def move(job_id: JobId, body: Place) -> Job:
        """Give a waiting job another place among its owner's jobs."""
        given = body.model_dump(exclude_none=True)
        if len(given) != 1:
            raise RequestError("give exactly one of to, before, after, priority", field="to")
        app.intake.check_priority(body.priority or 0)
        app.jobs.move(job_id, Move(**given))
        return Job.of(app.jobs.view(job_id))

    @router.post("/{job_id}/retry", responses=problems(409))
    def retry(job_id: JobId) -> Job:
        """Let an ended job make the pictures that it lacks. What it has stays."""
        app.jobs.retry(job_id)
        return Job.of(app.jobs.view(job_id))


def _add_pictures(router: APIRouter, app: App) -> None:
    @router.get("/{job_id}/images")
    def list_images(
        job_id: JobId,
        inline: Annotated[bool, Query(description="with the files as base64")] = False,
    ) -> Images:
        """The pictures made so far, by address, or (`inline`) with their files."""
        job = Job.of(app.jobs.view(job_id))
        if inline:
            job.items = [_inline(app, job_id, item) for item in job.items]
        return Images(state=job.state, images=job.items)

    # The first is what generators of clients know.
    kinds = ("application/octet-stream", *MIMES.values())
    binary = {"schema": {"type": "string", "format": "binary"}}
    picture: dict[str, Any] = {"content": dict.fromkeys(kinds, binary)}

    @router.get(
        "/{job_id}/images/{index}",
        response_class=Response,
        responses={200: picture},
    )
    def read_image(job_id: JobId, index: Index, download: bool = False) -> Response:
        """The file itself, its infotext inside."""
        data, mime, name = app.jobs.image_bytes(job_id, index)
        shown = "attachment" if download else "inline"
        disposition = f"{shown}; filename*=UTF-8''{quote(name)}"
        headers = {"Content-Disposition": disposition, "Cache-Control": _FOREVER}
        return Response(data, media_type=mime, headers=headers)

    none = {"description": "there is no preview (any more)"}

    @router.get(
        "/{job_id}/preview",
        response_class=Response,
        responses={200: picture, 204: none},
    )
    def read_preview(job_id: JobId) -> Response:
        """The newest look at the picture in work; anything in the query only tells caches apart.

        204 where there is none: a job may end while its preview is asked for.
        """
        found = app.jobs.preview(job_id)
        if found is None:
            return Response(status_code=204)
        number, mime, data = found
        headers = {"Cache-Control": "no-store", "X-Preview": str(number)}
        return Response(data, media_type=mime, headers=headers)


def _inline(app: App, job_id: str, item: Image) -> Image:
    """The same with the file in it; one whose file is gone stays without."""
    data = app.jobs.image_bytes(job_id, item.index)[0]
    return item.model_copy(update={"data": base64.b64encode(data).decode("ascii")})
