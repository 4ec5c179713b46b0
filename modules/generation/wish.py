"""Whatever a job may be asked to make, and reading it back by the job's kind.

A new kind of job is a record with these properties and a row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modules.generation import extras
from modules.generation.extras import Extras
from modules.generation.request import Request

Wish = Request | Extras


def wish_from_record(kind: str, record: Mapping[str, Any]) -> Wish:
    """RequestError where the record can't be read."""
    if kind == extras.KIND:
        return Extras.from_record(record)
    return Request.from_record(record)
