"""/easel/v1 as a whole: jobs, pictures to start from, texts, drawings, and what the program does.

Turns HTTP into calls of the App and views into JSON; knows no Gradio and no A1111.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from modules.app import App
from modules.generation.version import VERSION
from modules.web import doors
from modules.web.easel import canvas, events, inputs, jobs, results, texts
from modules.web.easel.records import Me, Status


def build_routers(app: App) -> list[APIRouter]:
    """All routes, bound to one App."""
    program = doors.router("/easel/v1", "easel")
    _add_program(program, app)
    parts = (jobs, results, events, inputs, texts, canvas)
    return [program, *(part.build_router(app) for part in parts)]


def _add_program(router: APIRouter, app: App) -> None:
    @router.get("/status")
    def status(response: Response) -> Status:
        """What the program is doing, and how long the queue is."""
        response.headers["Connection"] = "close"  # an idle page asks now and then, and holds none
        worker = app.worker_status()
        return Status(
            version=VERSION,
            worker=worker.state,
            device=worker.device,
            message=worker.message,
            queue=app.jobs.waiting_count(),
        )

    @router.get("/me")
    def me(request: Request) -> Me:
        """Who is logged in."""
        return Me(
            user=app.visitors.user,
            sees_all=app.visitors.owner is None,
            shows_folders=results.may_show_folders(request, app.flags),
        )
