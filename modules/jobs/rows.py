"""Rows of the job database as records, and criteria as SQL's conditions.

Knows columns, no connection.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from modules.jobs.job import Filter, Item, ItemState, Job, JobState, Stopping

_State = TypeVar("_State", JobState, Stopping)
COLUMNS = (
    "id, sequence, kind, source, owner, priority, state, image_count, keeps_images, request, "
    "settings, created, started, finished, deaths, stopping, error, summary, webhook"
)
ITEM_COLUMNS = "number, state, file, sha256, complete, saved, picture"


def criteria(wanted: Filter) -> tuple[list[str], list[Any]]:
    """Conditions and their values."""
    parts = ["1"]
    values: list[Any] = []
    for column, value in (("kind", wanted.kind), ("source", wanted.source)):
        if value:
            parts.append(f"{column} = ?")
            values.append(value)
    if wanted.owner is not None:
        parts.append("owner = ?")
        values.append(wanted.owner)
    if wanted.states:
        parts.append(f"state in ({', '.join('?' * len(wanted.states))})")
        values += [str(state) for state in wanted.states]
    return parts, values


def job_of(row: tuple[Any, ...]) -> Job:
    values = dict(zip(COLUMNS.split(", "), row, strict=True))
    return Job(
        **{
            **values,
            "state": _member(JobState, values["state"], JobState.FAILED),
            "stopping": _member(Stopping, values["stopping"], Stopping.NO),
            "keeps_images": bool(values["keeps_images"]),
            "error": _plain(values["error"]),
            "summary": _plain(values["summary"]),
        }
    )


def _member(kind: type[_State], text: str, otherwise: _State) -> _State:
    """A row that something else wrote must not stop the rest."""
    try:
        return kind(text)
    except ValueError:
        return otherwise


def item_of(row: tuple[Any, ...]) -> Item:
    number, state, file, sha256, complete, saved, picture = row
    return Item(
        index=number,
        state=ItemState(state),
        file=file,
        sha256=sha256,
        complete=bool(complete),
        saved=bool(saved),
        picture=_plain(picture) or {},
    )


def _plain(text: str | None) -> dict[str, Any] | None:
    """The JSON object in `text`; None where there is none or it can't be read."""
    try:
        record = json.loads(text) if text else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
