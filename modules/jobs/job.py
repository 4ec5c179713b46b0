"""Records of a job: how it lies in the store, and how page and API see it.

Plain values only. It knows nothing of SQLite, processes or files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Literal

from modules.generation.records import plain

Source = Literal["page", "api", "easel"]


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class Stopping(StrEnum):
    """What was asked of a running job by Interrupt or Cancel."""

    NO = ""
    AFTER_CURRENT = "after_current"
    NOW = "now"
    CANCEL = "cancel"  # at once, and the job counts as cancelled


GRID = -1  # the index of the sheet that holds all pictures of a job


class ItemState(StrEnum):
    """A picture that has no row is missing: it is still to be made."""

    WRITING = "writing"  # the name is chosen; the file may or may not be there
    DONE = "done"
    DELETED = "deleted"  # by a person: it is not made again, and may be put back
    FAILED = "failed"  # its input can't be used; why is in `picture`. The others are made


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job as it is handed in; everything in it is plain (JSON) data."""

    kind: str
    image_count: int
    request: Mapping[str, Any]
    settings: Mapping[str, Any]  # the snapshot's values that differ from the defaults
    source: Source = "page"
    owner: str = ""
    priority: int = 0  # the larger goes first
    keeps_images: bool = True  # False: they live only as long as the job's record
    idempotency_key: str = ""
    webhook: str = ""  # an address that is told of the end


@dataclass(frozen=True, kw_only=True)
class Item:
    """One picture's row. `file` is relative to the data folder, or absolute outside it."""

    index: int
    state: ItemState
    file: str = ""
    sha256: str = ""  # of the file's bytes, to know after a kill whether the file is the right one
    complete: bool = True
    saved: bool = True
    picture: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job's row. `request` and `settings` are JSON text: who needs them parses them.

    Times are unix seconds. `deaths` counts the worker processes that died over this job since its
    last finished picture. `sequence` is the order of submission.
    """

    id: str
    sequence: int
    kind: str
    source: str
    owner: str
    priority: int
    state: JobState
    image_count: int
    keeps_images: bool
    request: str
    settings: str
    created: float
    started: float | None
    finished: float | None
    deaths: int
    stopping: Stopping
    error: Mapping[str, str] | None
    summary: Mapping[str, Any] | None
    webhook: str

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which jobs are wanted; an empty criterion lets all through. `before`: only jobs that were
    submitted before the one with this id.
    """

    kind: str = ""
    states: Collection[str] = ()
    owner: str | None = None
    source: str = ""
    before: str = ""
    limit: int = 20


@dataclass(frozen=True, kw_only=True)
class Move:
    """Where a waiting job shall go: exactly one of these is given. `before` and `after` name
    another waiting job; the larger `priority` goes first.
    """

    to: Literal["front", "back"] | None = None
    before: str | None = None
    after: str | None = None
    priority: int | None = None


@dataclass(frozen=True, kw_only=True)
class ItemView:
    """A picture that is there. `saved` False: it is forgotten together with its job."""

    index: int
    seed: int
    subseed: int
    prompt: str  # with the styles' texts
    negative_prompt: str
    infotext: str
    width: int
    height: int
    mime: str
    complete: bool  # False: interrupted in the middle
    saved: bool
    file_name: str
    sha256: str  # of the file's bytes: what a wish names it by

    @classmethod
    def of(cls, item: Item) -> ItemView:
        picture = item.picture
        return cls(
            index=item.index,
            seed=int(picture.get("seed", -1)),
            subseed=int(picture.get("subseed", -1)),
            prompt=str(picture.get("prompt", "")),
            negative_prompt=str(picture.get("negative_prompt", "")),
            infotext=str(picture.get("infotext", "")),
            width=int(picture.get("width", 0)),
            height=int(picture.get("height", 0)),
            mime=str(picture.get("mime", "image/png")),
            complete=item.complete,
            saved=item.saved,
            file_name=item.file.replace("\\", "/").rsplit("/", 1)[-1],
            sha256=item.sha256,
        )


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why nothing came of one input of a batch. `index`: its first picture's."""

    index: int
    name: str
    message: str


@dataclass(frozen=True, kw_only=True)
class JobView:
    """What page and API are told of a job. Times in unix seconds, `eta` in seconds."""

    id: str
    kind: str
    source: str
    owner: str
    priority: int
    state: str
    position: int  # waiting jobs before this one; 0: running, next or ended
    created: float
    started: float | None
    finished: float | None
    progress: float  # 0..1
    step: int
    steps: int
    image_index: int  # the first picture of the batch in work
    image_count: int
    eta: float | None
    preview_n: int  # grows with each preview; 0: there is none
    message: str
    stopping: str
    interrupted: bool  # ended before all pictures were made
    error: Mapping[str, str] | None
    items: tuple[ItemView, ...]
    grid: ItemView | None  # all pictures on one sheet, where one was made
    summary: Mapping[str, Any] | None
    request: Mapping[str, Any]  # {} where the stored record is unreadable
    settings: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    made: int = 0  # pictures that are there; `items` may hold only the first of them
    failed: int = 0  # pictures that can't be made, since their inputs can't be used
    failures: tuple[Failure, ...] = ()  # why, once for each input; only the first of very many
    input_count: int = 0  # of a batch over many pictures; 0: it is none
    input_number: int = 0  # counts from 0; the one in work
    input_name: str = ""

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    def to_record(self) -> dict[str, Any]:
        """JSON-ready values under the fields' names."""
        record = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        record["items"] = [plain(item) for item in self.items]
        record["grid"] = plain(self.grid) if self.grid else None
        record["warnings"] = list(self.warnings)
        record["failures"] = [plain(failure) for failure in self.failures]
        return record
