"""GET /progress: A1111's view of the running job (interface 16.4)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from modules.app import App
from modules.jobs.job import JobView
from modules.web.sdapi import images


def progress(app: App, *, with_image: bool) -> dict[str, Any]:
    """{progress 0..1, eta_relative in seconds, state, current_image base64 or null, textinfo}."""
    running = app.jobs.running()
    if not running:
        return {
            "progress": 0.0,
            "eta_relative": 0.0,
            "state": _state(None, 0),
            "current_image": None,
            "textinfo": None,
        }
    view = app.jobs.view(running[0].id, look=with_image)
    picture = app.jobs.preview(view.id) if with_image else None
    return {
        "progress": min(1.0, view.progress),
        "eta_relative": view.eta or 0.0,
        "state": _state(view, app.jobs.waiting_count()),
        "current_image": images.encode(picture[2]) if picture else None,
        "textinfo": view.message or None,
    }


def _state(view: JobView | None, waiting: int) -> dict[str, Any]:
    if view is None:
        started, job, total, number, step, steps, stopping = "0", "", 0, 0, 0, 0, ""
    else:
        moment = dt.datetime.fromtimestamp(view.started or view.created).astimezone()
        batch = max(1, int(view.request.get("batch_size") or 1))
        started, job = moment.strftime("%Y%m%d%H%M%S"), view.id
        total, number = -(-view.image_count // batch), view.image_index // batch
        step, steps, stopping = view.step, view.steps, view.stopping
    return {
        "skipped": False,
        "interrupted": stopping == "now",
        "stopping_generation": stopping == "after_current",
        "job": job,
        "job_count": total,
        "job_timestamp": started,
        "job_no": number,
        "sampling_step": step,
        "sampling_steps": steps,
        "waiting": waiting,
    }
