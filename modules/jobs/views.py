"""A job as page and API are told of it: its row, its pictures' rows, and how it goes just now.

A pure function of these; it reads nothing.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from modules.errors import EaselError
from modules.jobs.job import GRID, Item, ItemState, ItemView, Job, JobState, JobView
from modules.jobs.live import Live


def view_of(
    job: Job,
    items: Sequence[Item],
    live: Live | None,
    *,
    position: int,
    owed: EaselError | None = None,
    trouble: str = "",
) -> JobView:
    """`live` None: it does not run. `owed`: an end that the disk has not yet noted. `trouble`: why
    waiting jobs are not taken.
    """
    there = [ItemView.of(item) for item in items if item.state is ItemState.DONE]
    made = tuple(item for item in there if item.index != GRID)
    state = JobState.FAILED if owed and not job.is_finished else job.state
    share = len(made) / max(1, job.image_count)
    waits = state is JobState.QUEUED
    return JobView(
        id=job.id,
        kind=job.kind,
        source=job.source,
        owner=job.owner,
        priority=job.priority,
        state=state,
        position=position,
        created=job.created,
        started=job.started,
        finished=job.finished,
        progress=live.progress if live else 1.0 if state is JobState.DONE else share,
        step=live.step if live else 0,
        steps=live.steps if live else 0,
        image_index=live.image_index if live else 0,
        image_count=job.image_count,
        eta=live.eta if live else None,
        preview_n=live.preview_n if live else 0,
        message=live.message if live else trouble if waits else "",
        stopping=job.stopping if state is JobState.RUNNING else "",
        interrupted=job.is_finished
        and (len(made) < job.image_count or not all(item.complete for item in made)),
        error=owed.to_record() if owed else job.error,
        items=made,
        grid=next((item for item in there if item.index == GRID), None),
        summary=job.summary,
        request=record_of(job.request),
        settings=record_of(job.settings),
        warnings=tuple((job.summary or {}).get("warnings", ())),
    )


@functools.lru_cache(maxsize=64)  # the same text is asked for at every poll
def record_of(text: str) -> Mapping[str, Any]:
    """The JSON object in `text`, {} where it can't be read."""
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
