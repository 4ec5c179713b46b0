"""The FastAPI application without the page: guard, errors, both APIs, the static files."""

from __future__ import annotations

import time

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from modules.app import App
from modules.flags import Flags
from modules.generation.version import VERSION
from modules.web import docs, failures, history, internal, login, models, networks, static
from modules.web.admission import Admission
from modules.web.easel import routes as easel
from modules.web.guard import Guard, Policy
from modules.web.problems import REFUSALS
from modules.web.sdapi import routes as sdapi
from modules.web.sessions import Sessions
from modules.web.tasks import Tasks
from modules.web.timing import Timing


def build_web(app: App) -> FastAPI:
    """All routes but the page, which `modules.page` mounts later; the guard is in front of both."""
    flags = app.flags
    web = FastAPI(
        title="Easel",
        version=VERSION,
        description="Stable Diffusion over HTTP: A1111's `/sdapi/v1` and Easel's own `/easel/v1`.",
        root_path=f"/{flags.subpath.strip('/')}" if flags.subpath else "",
        docs_url=None,  # FastAPI's page of documentation loads scripts from another host
        redoc_url=None,
        # Old programs send JSON without saying so; other sites' pages are the guard's business.
        strict_content_type=False,
        generate_unique_id_function=_operation,
        responses=REFUSALS,
    )
    failures.install(web)
    web.include_router(easel.build_router(app))
    web.include_router(history.build_router(app))
    web.include_router(networks.build_router(app))
    web.include_router(models.build_router(app))
    web.include_router(docs.build_router())
    admission = _admission(app)
    web.include_router(login.build_router(admission))
    tasks = Tasks()
    web.include_router(internal.build_router(app, tasks))
    if flags.api or flags.nowebui:
        web.include_router(sdapi.build_router(app, tasks))
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


def _operation(route: APIRoute) -> str:
    """A name for clients that are generated: short, and the same from version to version."""
    return f"{route.tags[0] if route.tags else 'easel'}_{route.name}"


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
