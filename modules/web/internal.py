"""Small routes of A1111's page that plug-ins use too (interface 16.7): is it there, how is my task,
what is this machine.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from importlib import metadata
from typing import Any

from fastapi import APIRouter, Response
from pydantic import ConfigDict

from modules.app import App
from modules.errors import JobError
from modules.generation.version import VERSION_VALUE
from modules.jobs.job import JobState, JobView
from modules.settings import OPTIONS
from modules.web import doors
from modules.web.sdapi import images
from modules.web.shapes import Shape
from modules.web.tasks import Tasks


class ProgressBody(Shape):
    """`id_live_preview` is the number of the preview that the client has."""

    model_config = ConfigDict(extra="ignore")

    id_task: str | None = None
    id_live_preview: int | None = -1
    live_preview: bool | None = True


def build_router(app: App, tasks: Tasks) -> APIRouter:
    """All routes, bound to one App."""
    router = doors.router()
    _add_tasks(router, app, tasks)
    _add_machine(router, app)
    _add_signs_of_life(router)
    return router


def _add_tasks(router: APIRouter, app: App, tasks: Tasks) -> None:
    @router.post("/internal/progress")
    def progress(body: ProgressBody | None = None) -> dict[str, Any]:
        body = body or ProgressBody()
        wants_preview = body.live_preview is not False
        try:
            view = app.jobs.view(tasks.job_of(body.id_task or ""), look=wants_preview)
        except JobError:
            return _progress(None)
        answer = _progress(view)
        preview = app.jobs.preview(view.id) if wants_preview and answer["active"] else None
        if preview is not None and preview[0] != body.id_live_preview:
            number, mime, data = preview
            answer |= {
                "live_preview": f"data:{mime};base64,{images.encode(data)}",
                "id_live_preview": number,
            }
        return answer

    @router.get("/internal/pending-tasks")
    def pending_tasks() -> dict[str, Any]:
        waiting = app.jobs.list(states=(JobState.QUEUED,), limit=100_000)
        waiting.sort(key=lambda view: view.position)
        return {
            "size": len(waiting),
            "tasks": [tasks.name_of(view.id, view.kind) for view in waiting],
        }


def _progress(view: JobView | None) -> dict[str, Any]:
    """A task that nobody knows is neither active nor queued nor completed."""
    state = view.state if view else ""
    active, queued = state == JobState.RUNNING, state == JobState.QUEUED
    textinfo = ""
    if view is not None and queued:
        textinfo = view.message or f"In queue: {view.position + 1}"
    elif view is not None and active:
        textinfo = view.message
    return {
        "active": active,
        "queued": queued,
        "completed": view is not None and view.is_finished,
        "progress": min(1.0, view.progress) if view and active else None,
        "eta": view.eta if view and active else None,
        "live_preview": None,
        "id_live_preview": -1,
        "textinfo": textinfo or None,
    }


def _add_machine(router: APIRouter, app: App) -> None:
    @router.get("/internal/quicksettings-hint")
    def quicksettings_hint() -> list[dict[str, str]]:
        return [{"name": row.key, "label": row.label} for row in OPTIONS.values()]

    @router.get("/internal/profile-startup")
    def profile_startup() -> dict[str, Any]:
        """Seconds from the start of the process."""
        import psutil  # a hundredth of a second that no start need wait for

        began = psutil.Process().create_time()
        records = {what: max(0.0, at - began) for what, at in app.started_at.items()}
        return {"total": max(records.values(), default=0.0), "records": records}

    @router.get("/internal/sysinfo")
    def sysinfo() -> Response:
        return Response(_sysinfo(app), media_type="text/plain; charset=utf-8")

    @router.get("/internal/sysinfo-download")
    def sysinfo_download() -> Response:
        name = time.strftime("sysinfo-%Y-%m-%d-%H-%M.json")
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(_sysinfo(app), media_type="application/json", headers=headers)


def _sysinfo(app: App) -> str:
    """JSON text for a report of a fault: no password, no environment, no prompt in it."""
    import psutil

    memory = psutil.virtual_memory()
    worker = app.worker_status()
    told = {
        "Platform": platform.platform(),
        "Python": sys.version,
        "Version": VERSION_VALUE,
        "Data path": str(app.paths.data_dir),
        "Flags": {key: value for key, value in app.flags.public().items() if value},
        "Worker": {"state": worker.state, "device": worker.device, "message": worker.message},
        "CPU": {"model": platform.processor() or platform.machine(), "count": psutil.cpu_count()},
        "RAM": {"total": memory.total, "used": memory.used, "free": memory.available},
        "Checkpoints": len(app.catalog.checkpoints),
        "Config": app.settings.current.to_record(),
        "Packages": sorted(
            f"{part.metadata['Name']}=={part.version}" for part in metadata.distributions()
        ),
    }
    return json.dumps(told, indent=2, ensure_ascii=False, default=str)


def _add_signs_of_life(router: APIRouter) -> None:
    @router.get("/internal/ping")
    async def ping() -> dict[str, str]:
        return {}

    @router.get("/favicon.ico")
    async def icon() -> Response:
        return Response(
            _ICON, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"}
        )


_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#6366f1" '
    'stroke-width="2.6" stroke-linecap="round"><rect x="6" y="5" width="20" height="15" rx="2" '
    'fill="#eef2ff"/><path d="M16 2v3M11 20 7 30M21 20l4 10M16 20v6"/>'
    '<path d="M10 16l4-5 3 3 2-2 4 4" stroke="#f59e0b"/></svg>'
)
