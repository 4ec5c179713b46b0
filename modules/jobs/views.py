"""A job as page and API are told of it: its row, its pictures' rows, and how it goes just now.

A pure function of these; it reads nothing.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modules.errors import EaselError
from modules.jobs.job import GRID, Failure, Item, ItemState, ItemView, Job, JobState, JobView
from modules.jobs.live import Live


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a job's pictures, and how many there are of which kind, where `items` are but the
    first of many. `failed`: those whose input can't be used, in `items` or not.
    """

    items: Sequence[Item]
    made: int
    deleted: int = 0  # made, and since then deleted by a person
    unusable: int = 0
    failed: Sequence[Item] = ()

    @classmethod
    def all(cls, items: Sequence[Item]) -> Rows:
        """Where all rows are at hand."""
        failed = [item for item in items if item.state is ItemState.FAILED]
        made = [item for item in items if item.state is ItemState.DONE and item.index != GRID]
        deleted = sum(item.state is ItemState.DELETED and item.index != GRID for item in items)
        return cls(
            items=items, made=len(made), deleted=deleted, unusable=len(failed), failed=failed
        )


def view_of(
    job: Job,
    rows: Rows,
    live: Live | None,
    *,
    position: int,
    owed: EaselError | None = None,
    trouble: str = "",
    brief: bool = False,
) -> JobView:
    """`live` None: it does not run. `owed`: an end that the disk has not yet noted. `trouble`: why
    waiting jobs are not taken. `brief`: without the list of a batch's inputs.
    """
    there = [ItemView.of(item) for item in rows.items if item.state is ItemState.DONE]
    made = tuple(item for item in there if item.index != GRID)
    state = JobState.FAILED if owed and not job.is_finished else job.state
    over = rows.made + rows.deleted + rows.unusable
    share = over / max(1, job.image_count)
    waits = state is JobState.QUEUED
    request = record_of(job.request)
    inputs = inputs_of(request)
    each = job.image_count // len(inputs) if inputs else 1
    number = min(live.image_index // each, len(inputs) - 1) if live and inputs else 0
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
        and (over < job.image_count or not all(item.complete for item in made)),
        error=owed.to_record() if owed else job.error,
        items=made,
        grid=next((item for item in there if item.index == GRID), None),
        summary=job.summary,
        request=_without_inputs(request) if brief and inputs else request,
        settings=record_of(job.settings),
        warnings=tuple((job.summary or {}).get("warnings", ())),
        made=rows.made,
        failed=rows.unusable,
        failures=_failures(rows.failed, inputs, each),
        input_count=len(inputs),
        input_number=number,
        input_name=_name(inputs, number),
    )


def inputs_of(request: Mapping[str, Any]) -> Sequence[Any]:
    """The inputs in a batch's stored request; () where it is none, or can't be read."""
    init = request.get("init")
    inputs = init.get("inputs") if isinstance(init, dict) else None
    return inputs if isinstance(inputs, list) else ()


def _without_inputs(request: Mapping[str, Any]) -> dict[str, Any]:
    return {**request, "init": {**request["init"], "inputs": []}}


def _name(inputs: Sequence[Any], number: int) -> str:
    given = inputs[number] if 0 <= number < len(inputs) else None
    return str(given.get("name", "")) if isinstance(given, dict) else ""


def _failures(items: Sequence[Item], inputs: Sequence[Any], each: int) -> tuple[Failure, ...]:
    """One for each input, whatever number of its pictures are missing."""
    found: dict[int, Failure] = {}
    for item in items:
        number = item.index // each
        message = str(item.picture.get("error", {}).get("message", ""))
        found.setdefault(
            number, Failure(index=item.index, name=_name(inputs, number), message=message)
        )
    return tuple(found.values())


@functools.lru_cache(maxsize=64)  # the same text is asked for at every poll
def record_of(text: str) -> Mapping[str, Any]:
    """The JSON object in `text`, {} where it can't be read."""
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
