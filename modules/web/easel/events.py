"""Server-sent events for programs: how one job goes, until it ends. The page polls instead."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import StreamingResponse

from modules.app import App
from modules.jobs.own import OwnJobs
from modules.web import doors
from modules.web.easel.jobs import JobId
from modules.web.easel.records import Job
from modules.web.problems import problems
from modules.web.watching import watched

STREAMS = 100  # at once
_PACE = 0.25  # seconds between two events at least
_SILENCE = 15.0  # seconds after which a comment says that the line still stands
_STREAM = {
    "description": "events `job` with the job as JSON in `data`, the last one named `end`",
    "content": {"text/event-stream": {}},
}


def build_router(app: App) -> APIRouter:
    router = doors.router("/easel/v1/jobs", "easel")
    places = _Places(STREAMS)

    @router.get(
        "/{job_id}/events",
        response_class=StreamingResponse,
        responses={200: _STREAM, **problems(429)},
    )
    async def follow(
        job_id: JobId,
        look: Annotated[bool, Query(description="previews are worth making")] = False,
    ) -> StreamingResponse:
        """The job as it is and whenever it changes, as server-sent events, until it ends."""
        jobs = app.jobs
        await asyncio.to_thread(jobs.job, job_id)
        if places.free < 1:
            raise HTTPException(429, f"{STREAMS} event streams are open: poll the job instead")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        stream = places.held(_events(jobs, job_id, look))
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    return router


class _Places:
    """How many streams may still be opened."""

    def __init__(self, count: int) -> None:
        self.free = count

    async def held(self, stream: AsyncIterator[str]) -> AsyncIterator[str]:
        self.free -= 1
        try:
            async for text in stream:
                yield text
        finally:
            self.free += 1


async def _events(jobs: OwnJobs, job_id: str, look: bool) -> AsyncIterator[str]:
    number = 0
    with watched(jobs, job_id, ends_only=False) as watch:
        while True:
            view = await asyncio.to_thread(jobs.view, job_id, look=look)
            number += 1
            name = "end" if view.is_finished else "job"
            record = json.dumps(Job.of(view).model_dump(mode="json"))
            yield f"id: {number}\nevent: {name}\ndata: {record}\n\n"
            if view.is_finished:
                return
            await asyncio.sleep(_PACE)
            while not await watch.changed(_SILENCE):
                yield ": still there\n\n"
