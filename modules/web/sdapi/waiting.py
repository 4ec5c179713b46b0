"""Waiting for a job in an open request, whatever becomes of its client and of this server."""

from __future__ import annotations

import asyncio

from fastapi import HTTPException, Request

from modules import errors
from modules.app import App
from modules.jobs.job import JobState, JobView
from modules.web.watching import watched

_PERIOD = 0.25  # seconds between looks at client and server; the end itself is told at once


async def finished(app: App, job_id: str, http: Request) -> JobView:
    """The ended job; its error is raised. A client that hangs up takes along a job that saves
    nothing.

    503 where the server ends before the job: the job goes on at the next start if it saves its
    pictures.
    """
    with watched(app.jobs, job_id, ends_only=True) as watch:
        while True:
            view = await asyncio.to_thread(app.jobs.view, job_id)  # holds no thread while it waits
            if view.is_finished:
                break
            saves = view.request.get("save_images")
            if app.is_ending():
                rest = "goes on after the next start" if saves else "is given up, send it again"
                raise HTTPException(503, f"Easel is shutting down: job {job_id} {rest}")
            if await http.is_disconnected() and not saves:
                app.jobs.cancel(job_id)
            await watch.changed(_PERIOD)
    if view.state == JobState.FAILED and view.error is not None:
        raise errors.from_record(view.error)
    return view
