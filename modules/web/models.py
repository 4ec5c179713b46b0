"""/easel/v1/models and /easel/v1/downloads: weights that a browser sends, folders of other
programs, and files that the server fetches.

Only for who may change what the machine holds: with several users, or without any password on the
network, nobody may unless a flag says so. Turns HTTP into calls of the library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from modules.app import App
from modules.library.download import Download, Wanted
from modules.library.folders import NAMES, checked_folder, parts_of
from modules.library.uploads import Upload
from modules.library.weights_kind import WORDS
from modules.web import doors
from modules.web.shapes import Shape

_EXTRA = "easel_extra_models_dirs"
_PIECE = 8 * 1024 * 1024  # bytes


class FolderBody(Shape):
    path: str = Field(max_length=4000)


class DownloadBody(Shape):
    """`repository` with `file`, or `url`. The token is used and never kept."""

    repository: str = Field("", max_length=300)
    file: str = Field("", max_length=500)
    revision: str = Field("main", max_length=200)
    url: str = Field("", max_length=4000)
    name: str = Field("", max_length=200, description='"": the server\'s name of the file')
    sha256: str = Field("", max_length=100, description="what the whole file must have")
    token: str = Field("", max_length=600)
    pickles: bool = Field(False, description="a .ckpt or .pt may come too: its maker is trusted")


class TokenBody(Shape):
    token: str = Field("", max_length=600)


def build_router(app: App) -> APIRouter:
    """All routes, bound to one App."""
    router = doors.router("/easel/v1", "models")
    may = [Depends(_owner_alone(app))]
    fetching = [*may, Depends(_online(app))]

    @router.get("/models")
    def models() -> dict[str, Any]:
        """What can be added here and how; whether there is only the built-in checkpoint."""
        return _state(app)

    _add_folders(router, app, may)
    _add_uploads(router, app, may)
    _add_downloads(router, app, may, fetching)
    return router


def _owner_alone(app: App) -> Any:
    def check() -> None:
        if app.flags.fixes_models:
            raise HTTPException(
                403, "only the machine's owner adds models; --users-add-models lets everyone"
            )

    return check


def _online(app: App) -> Any:
    def check() -> None:
        if app.flags.offline:
            raise HTTPException(403, "downloads are off: the server was started with --offline")

    return check


def _state(app: App) -> dict[str, Any]:
    may = not app.flags.fixes_models
    may_see = may and not app.flags.hides_folders
    extra = app.settings.current.easel.easel_extra_models_dirs
    return {
        "only_builtin": app.catalog.has_only_builtin,
        "may_add": may,
        "may_choose_folders": may_see and not app.flags.is_frozen(_EXTRA, "easel"),
        "fetching": app.downloads.is_fetching,
        "offline": app.flags.offline,
        "piece": min(_PIECE, app.settings.current.easel.easel_max_request_mb * 1024 * 1024),
        "folders": [_folder(path) for path in extra] if may_see else [],
    }


def _folder(path: str) -> dict[str, Any]:
    parts = parts_of(Path(path))
    return {"path": path, "kinds": [kind for kind in NAMES if kind in parts]}


def _add_folders(router: APIRouter, app: App, may: list[Any]) -> None:
    def change(paths: tuple[str, ...]) -> dict[str, Any]:
        if not _state(app)["may_choose_folders"]:
            raise HTTPException(403, "folders can't be chosen here: a flag forbids it")
        app.settings.update({_EXTRA: paths})
        app.look_for_models()
        return _state(app)

    @router.post("/models/folders", dependencies=may)
    def add_folder(body: FolderBody) -> dict[str, Any]:
        """Read the models folder of another program in place, from now on."""
        if not _state(app)["may_choose_folders"]:
            raise HTTPException(403, "folders can't be chosen here: a flag forbids it")
        known = app.settings.current.easel.easel_extra_models_dirs
        return change(tuple(dict.fromkeys((*known, checked_folder(body.path)))))

    @router.post("/models/folders/forget", dependencies=may)
    def forget_folder(body: FolderBody) -> dict[str, Any]:
        """Read it no more; its files stay as they are."""
        known = app.settings.current.easel.easel_extra_models_dirs
        return change(tuple(path for path in known if path != body.path))


def _add_uploads(router: APIRouter, app: App, may: list[Any]) -> None:
    @router.post("/models/uploads", dependencies=may)
    async def begin_upload(
        request: Request,
        name: Annotated[str, Query(max_length=300)],
        size: Annotated[int, Query(ge=1, le=1 << 50)],
        pickles: bool = False,
    ) -> dict[str, Any]:
        """The body is a safetensors file up to its first tensor, of other formats empty."""
        head = await request.body()
        found = await run_in_threadpool(
            lambda: app.uploads.begin(name, size, head, pickles_too=pickles)
        )
        return await run_in_threadpool(lambda: _upload(app, found))

    @router.put("/models/uploads/{upload_id}", dependencies=may)
    async def add_piece(request: Request, upload_id: str, offset: int) -> dict[str, Any]:
        """The next bytes; with the last of them the file comes to lie in its folder."""
        data = await request.body()
        found = await run_in_threadpool(lambda: app.uploads.add(upload_id, offset, data))
        return await run_in_threadpool(lambda: _upload(app, found))

    @router.delete("/models/uploads/{upload_id}", dependencies=may)
    def cancel_upload(upload_id: str) -> dict[str, Any]:
        app.uploads.cancel(upload_id)
        return {}


def _upload(app: App, upload: Upload) -> dict[str, Any]:
    told: dict[str, Any] = {"id": upload.id, "offset": upload.offset, "arrived": None}
    if upload.arrived is not None:
        app.look_for_models()
        arrived = upload.arrived
        told["arrived"] = {
            "kind": arrived.kind,
            "word": WORDS[arrived.kind],
            "name": arrived.path.name,
            "is_new": arrived.is_new,
        }
    return told


def _add_downloads(router: APIRouter, app: App, may: list[Any], fetching: list[Any]) -> None:
    @router.get("/downloads", dependencies=may)
    def downloads() -> dict[str, Any]:
        """Oldest first; `size` -1: not known."""
        return {"downloads": [_download(each, speed) for each, speed in app.downloads.list()]}

    @router.post("/downloads", dependencies=fetching)
    def add_download(body: DownloadBody) -> dict[str, Any]:
        """Fetched when those before it are done."""
        asked = body.model_dump(exclude={"token", "pickles"})
        wanted = Wanted(**asked, pickles_too=body.pickles)
        return _download(app.downloads.add(wanted, body.token.strip()), 0.0)

    @router.post("/downloads/{download_id}/pause", dependencies=may)
    def pause_download(download_id: str) -> dict[str, Any]:
        app.downloads.pause(download_id)
        return {}

    @router.post("/downloads/{download_id}/resume", dependencies=fetching)
    def resume_download(download_id: str, body: TokenBody | None = None) -> dict[str, Any]:
        """Go on where it stopped. A token must be given anew after a restart."""
        app.downloads.resume(download_id, (body or TokenBody(token="")).token.strip())
        return {}

    @router.delete("/downloads/{download_id}", dependencies=may)
    def remove_download(download_id: str) -> dict[str, Any]:
        """Cancel it, or take it out of the list; a file that is whole stays."""
        app.downloads.remove(download_id)
        return {}


def _download(download: Download, speed: float) -> dict[str, Any]:
    """Without the address and the places on disk."""
    shown = ("id", "source", "name", "kind", "size", "have", "state", "message", "needs_token")
    record = download.to_record()
    return {**{name: record[name] for name in shown}, "speed": speed}
