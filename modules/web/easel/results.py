"""What one does with finished pictures over /easel/v1: a job's as a zip, what one started from,
delete and put back, make larger, show the folder.

A picture is named by its job and index, never by a path.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from modules.app import App
from modules.errors import JobError
from modules.flags import Flags
from modules.generation.request import Hires
from modules.jobs.job import JobView
from modules.library.deleted import Entry
from modules.library.desktop import show_folder
from modules.pictures.metadata import mime_of
from modules.pictures.zips import File, zipped
from modules.web import doors
from modules.web.easel.jobs import Index, JobId, submitted
from modules.web.easel.records import (
    DeletedPicture,
    DeletedPictures,
    Done,
    Kept,
    Removed,
    Submitted,
)
from modules.web.easel.wish import WishedHires
from modules.web.guard import host_of
from modules.web.problems import problems

EntryId = Annotated[str, Path(max_length=40, description="as the list gave it")]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_ZIP: dict[int | str, Any] = {200: {"content": {"application/zip": _BINARY}}}
_PICTURE: dict[int | str, Any] = {
    200: {"content": {"application/octet-stream": _BINARY, "image/png": _BINARY}}
}
# What tells that somebody passes the request on: then nobody sits at this machine.
_PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def build_router(app: App) -> APIRouter:
    router = doors.router("/easel/v1", "easel")
    _add_reading(router, app)
    _add_changes(router, app)
    _add_deleted(router, app)
    _add_sound(router, app)
    return router


def may_show_folders(request: Request, flags: Flags) -> bool:
    """Whether whoever asks sits at this machine, has a desktop, and may know of its folders."""
    client = request.client.host if request.client else ""
    asked = host_of(request.headers.get("host", ""))
    return (
        bool(flags.file_manager)
        and not flags.hides_folders
        and _is_loopback(client)
        and _is_loopback(asked)
        and not any(name in request.headers for name in _PASSED_ON)
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _add_reading(router: APIRouter, app: App) -> None:
    @router.get("/jobs/{job_id}/zip", response_class=Response, responses=_ZIP)
    def zip_of_job(
        job_id: JobId,
        also: Annotated[
            list[str] | None, Query(max_length=100, description="further jobs, by id")
        ] = None,
        grid: Annotated[bool, Query(description="with the grid, where one was made")] = False,
    ) -> StreamingResponse:
        """All pictures of the job (and further ones), under the names that they were saved by. The
        archive is called as the setting grid_zip_filename_pattern says.
        """
        view = app.jobs.view(job_id)
        views = [view, *(app.jobs.view(other) for other in also or ())]
        files = [file for each in views for file in _files(app, each, grid)]
        if not files:
            raise JobError(f"job {job_id} has no pictures")
        name = quote(f"{app.keepsakes.archive_name(app.jobs.job(job_id))}.zip", safe="")
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "Cache-Control": "no-store",
        }
        return StreamingResponse(zipped(files), media_type="application/zip", headers=headers)

    @router.get("/jobs/{job_id}/images/{index}/start", response_class=Response, responses=_PICTURE)
    def start_of(job_id: JobId, index: Index) -> Response:
        """The picture that this one was made from: img2img's, or the first pass of hires fix where
        that was a picture. 404 where there is none.
        """
        view = app.jobs.view(job_id)
        name = start_name(view, index)
        if not name or not app.inputs.has(name):
            raise HTTPException(404, f"picture {index} of job {job_id} was made from no picture")
        data = app.inputs.get(name)
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(data, media_type=mime_of(data), headers=headers)


def _add_sound(router: APIRouter, app: App) -> None:
    @router.get("/notification.mp3", response_class=Response, include_in_schema=False)
    def sound() -> FileResponse:
        """What the page plays when pictures are ready."""
        path = app.notification_sound
        if path is None:
            raise HTTPException(404, "there is no notification.mp3")
        return FileResponse(path, media_type="audio/mpeg")


def start_name(view: JobView, index: int) -> str:
    """The sum of the picture that picture `index` was made from; "" where there is none."""
    hires = view.request.get("hires") or {}
    init = view.request.get("init") or {}
    if first := hires.get("firstpass_image"):
        return str(first)
    images = init.get("images") or ()
    inputs = init.get("inputs") or ()
    if index < 0:
        return ""
    if inputs:  # several pictures are made of each
        number = index // max(1, view.image_count // len(inputs))
        return str(inputs[number].get("image", "")) if number < len(inputs) else ""
    return str(images[index % len(images)]) if images else ""


def _files(app: App, view: JobView, grid: bool) -> Iterator[File]:
    jobs = app.jobs  # whose they are is asked now: the stream is read outside the request
    sheet = [view.grid] if grid and view.grid else []
    for item in [*view.items, *sheet]:
        path = jobs.image_path(view.id, item.index)
        yield path.name, path.read_bytes


def _add_changes(router: APIRouter, app: App) -> None:
    @router.post("/jobs/{job_id}/images/{index}/save", responses=problems(507))
    def save(job_id: JobId, index: Index) -> Kept:
        """Copy the picture into the folder for pictures worth keeping (`outdir_save`), and write it
        down in log.csv there. All pictures of the job where `save_selected_only` is off.
        """
        job = app.jobs.job(job_id)
        return Kept(names=[path.name for path in app.keepsakes.save(job, index)])

    @router.delete("/jobs/{job_id}/images/{index}", responses=problems(507))
    def delete(job_id: JobId, index: Index) -> Removed:
        """Delete a picture, from disk and history too. `id` puts it back; null: it is gone."""
        entry = app.removal.of_job(app.jobs.job(job_id), index)
        return Removed(id=entry.id if entry else None)

    @router.post(
        "/jobs/{job_id}/images/{index}/enlarge",
        status_code=201,
        responses=problems(409, 429, 507),
    )
    def enlarge(job_id: JobId, index: Index, body: WishedHires | None = None) -> Submitted:
        """Queue hires fix's second pass over a finished picture of txt2img: a new job with the same
        seed, prompts and settings, of one picture.
        """
        wished = body.model_dump(exclude_unset=True) if body else {}
        wished.pop("firstpass_image", None)  # it is this picture
        return submitted(app.enlarge(job_id, index, Hires(**wished)))

    @router.post("/jobs/{job_id}/images/{index}/show-folder", responses=problems(507))
    def show(job_id: JobId, index: Index, request: Request) -> Done:
        """Open the picture's folder in the file manager of this machine's desktop.

        Only for somebody who sits at it (GET /easel/v1/me tells by `shows_folders`).
        """
        if not may_show_folders(request, app.flags):
            raise HTTPException(403, "folders are shown only to somebody at this machine's desktop")
        show_folder(app.flags.file_manager, _folder_of(app, job_id, index))
        return Done()


def _folder_of(app: App, job_id: str, index: int) -> FilePath:
    """As the setting says: that of the picture, or the one that all of its kind are below."""
    view, settings = app.jobs.view(job_id), app.settings.current
    path = app.jobs.image_path(job_id, index)
    choice = settings.ui_gallery.open_dir_button_choice
    is_kept = any(each.saved for each in view.items if each.index == index)
    if choice != "Output Root" and (is_kept or "temp" in choice):
        return path.parent
    saving = settings.saving_paths
    by_kind = {
        "txt2img": saving.outdir_txt2img_samples,
        "img2img": saving.outdir_img2img_samples,
        "extras": saving.outdir_extras_samples,
    }
    return app.paths.data_dir / (saving.outdir_samples or by_kind[view.kind])


def _add_deleted(router: APIRouter, app: App) -> None:
    def told(entry: Entry) -> DeletedPicture:
        return DeletedPicture(
            id=entry.id,
            name=entry.name,
            deleted=entry.deleted,
            job=entry.job or None,
            index=entry.index,
        )

    @router.get("/deleted")
    def list_deleted() -> DeletedPictures:
        """Pictures that can be put back, the last deleted first."""
        days = app.settings.current.easel.easel_keep_deleted_days
        return DeletedPictures(
            pictures=[told(entry) for entry in app.removal.list(app.visitors.owner)], days=days
        )

    @router.get("/deleted/{entry_id}/image", response_class=Response, responses=_PICTURE)
    def deleted_image(entry_id: EntryId) -> Response:
        """The file of a deleted picture."""
        data = app.removal.data(entry_id, app.visitors.owner)
        headers = {"Cache-Control": "private, max-age=86400"}
        return Response(data, media_type=mime_of(data), headers=headers)

    @router.post("/deleted/{entry_id}/restore", responses=problems(507))
    def put_back(entry_id: EntryId) -> DeletedPicture:
        """Put a deleted picture back: its file, its place in the job and in the history."""
        return told(app.removal.put_back(entry_id, app.visitors.owner))
