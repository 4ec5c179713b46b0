"""The FastAPI application without the page: guard, errors, both APIs, the static files."""

from __future__ import annotations

import time
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from modules.app import App
from modules.flags import Flags
from modules.generation.version import VERSION
from modules.web import (
    docs,
    doors,
    failures,
    history,
    internal,
    login,
    models,
    networks,
    problems,
    shapes,
    static,
)
from modules.web.admission import Admission
from modules.web.easel import routes as easel
from modules.web.guard import Guard, Policy
from modules.web.sdapi import routes as sdapi
from modules.web.sessions import Sessions
from modules.web.tasks import Tasks
from modules.web.timing import Timing


class Web(FastAPI):
    """FastAPI, whose description says what a problem looks like."""

    def openapi(self) -> dict[str, Any]:
        return problems.describe(super().openapi())


def build_web(app: App) -> FastAPI:
    """All routes but the page, which `modules.page` mounts later; the guard is in front of both."""
    flags = app.flags
    web = Web(
        title="Easel",
        version=VERSION,
        description="Stable Diffusion over HTTP: A1111's `/sdapi/v1` and Easel's own `/easel/v1`.",
        root_path=f"/{flags.subpath.strip('/')}" if flags.subpath else "",
        docs_url=None,  # FastAPI's page of documentation loads scripts from another host
        redoc_url=None,
    )
    failures.install(web)
    shapes.silence()
    admission = _admission(app)
    tasks = Tasks()
    parts = [
        *easel.build_routers(app),
        history.build_router(app),
        networks.build_router(app),
        models.build_router(app),
        docs.build_router(),
        login.build_router(admission),
        internal.build_router(app, tasks),
    ]
    if flags.api or flags.nowebui:
        parts.append(sdapi.build_router(app, tasks))
    doors.join(web, [*parts, static.build_router()])
    # Not at /static: that is where Gradio has its own files.
    web.include_router(static.build_router())
    files = static.Files(directory=static.STATIC, check_dir=False)
    web.mount("/easel/static", files, name="static")
    web.add_middleware(Timing, log_requests=flags.api_log)
    _add_cors(web, flags)
    # Added last, so it stands in front of everything, the mounted page included.
    web.add_middleware(Guard, policy=_policy(app, admission))
    app.started_at["routes"] = time.time()
    return web


def _admission(app: App) -> Admission:
    """One lock on every door: whichever credentials are given, all routes ask for them."""
    users = app.flags.users
    return Admission(users, Sessions(app.paths.easel_dir, users) if users else None)


def _policy(app: App, admission: Admission) -> Policy:
    flags = app.flags
    hosts = tuple(flags.allowed_host) + ((flags.server_name,) if flags.server_name else ())
    return Policy(
        hosts=hosts,
        origins=_origins(flags),
        origin_pattern=flags.cors_allow_origins_regex,
        admission=admission,
        max_body=app.settings.current.easel.easel_max_request_mb * 1024 * 1024,
        visited_by=app.visitors.entered,
    )


def _origins(flags: Flags) -> tuple[str, ...]:
    return tuple(
        part.strip() for part in (flags.cors_allow_origins or "").split(",") if part.strip()
    )


def _add_cors(web: FastAPI, flags: Flags) -> None:
    """Also with no origin allowed: Gradio opens itself to every origin unless the parent has this
    middleware.
    """
    web.add_middleware(
        CORSMiddleware,
        allow_origins=list(_origins(flags)),
        allow_origin_regex=flags.cors_allow_origins_regex,
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=True,
    )
