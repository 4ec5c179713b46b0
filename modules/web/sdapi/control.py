"""Progress, stopping, memory, checkpoints in and out of it, and the end of the server (interface
16.4).
"""

from __future__ import annotations

import os
import signal
from typing import Any

from fastapi import APIRouter, BackgroundTasks, HTTPException

from modules import errors
from modules.app import App
from modules.web.problems import problems
from modules.web.sdapi import state

_NOT_IMPLEMENTED: dict[int | str, dict[str, Any]] = {
    501: {"description": "nothing is there that would start it again"}
}


def add_routes(router: APIRouter, app: App) -> None:
    @router.get("/progress")
    def progress(skip_current_image: bool = False) -> dict[str, Any]:
        """Of the job that runs; all zero when none does."""
        return state.progress(app, with_image=not skip_current_image)

    @router.post("/interrupt")
    def interrupt() -> dict[str, Any]:
        """Stop what runs at once."""
        app.jobs.interrupt(now=True)
        return {}

    @router.post("/skip")
    def skip() -> None:
        """Give up the batch in work."""
        app.jobs.skip()

    @router.get("/memory")
    def memory() -> dict[str, Any]:
        """Of this host and of the worker's device."""
        try:
            return app.ask_worker("memory", timeout=5)
        except errors.WorkerError as error:
            return {"ram": _own_memory(), "cuda": {"error": error.message}}

    @router.post("/unload-checkpoint", responses=problems(503))
    def unload_checkpoint() -> dict[str, Any]:
        """Free the memory that the checkpoint takes; the next job loads it again."""
        app.ask_worker("unload")
        return {}

    @router.post("/reload-checkpoint", responses=problems(503))
    def reload_checkpoint() -> dict[str, Any]:
        """Load the last checkpoint again."""
        app.ask_worker("reload")
        return {}

    if app.flags.api_server_stop:
        _add_ends(router)


def _add_ends(router: APIRouter) -> None:
    @router.post("/server-kill")
    def server_kill(after: BackgroundTasks) -> dict[str, Any]:
        """End at once. Queued jobs go on at the next start."""
        after.add_task(os._exit, 0)
        return {}

    @router.post("/server-restart", responses=_NOT_IMPLEMENTED)
    def server_restart() -> dict[str, Any]:
        """Nothing would start this server again."""
        raise HTTPException(
            501, "this server can't start itself again: use /server-stop and start it as before"
        )

    @router.post("/server-stop")
    def server_stop(after: BackgroundTasks) -> dict[str, Any]:
        """End in good order, as Ctrl+C does."""
        after.add_task(signal.raise_signal, signal.SIGINT)
        return {}


def _own_memory() -> dict[str, int]:
    import psutil  # a hundredth of a second that no start need wait for

    machine = psutil.virtual_memory()
    used = psutil.Process().memory_info().rss
    return {"free": machine.available, "used": used, "total": machine.total}
