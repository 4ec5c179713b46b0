"""What /easel/v1 answers, as its schema describes it. Shapes alone."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from modules.jobs.job import JobView
from modules.web.easel.wish import Wish, WishedExtras
from modules.web.shapes import Shape

State = Literal["queued", "running", "done", "failed", "cancelled"]


class Submission(Shape):
    """One wish, and how it is to be queued."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"request": {"prompt": "a red apple on grass"}}]},
    )

    request: Wish | None = Field(None, description="pictures to make; this or `extras`")
    extras: WishedExtras | None = Field(None, description="pictures to work over")
    settings: dict[str, Any] = Field({}, description="settings for this job alone")
    priority: int = Field(0, ge=-1000, le=1000, description="the larger goes first")
    idempotency_key: str = Field(
        "", max_length=200, description="the same key again is the same job: safe to send twice"
    )
    webhook: str = Field(
        "", max_length=2000, description="an address that is told of the end; needs --webhooks"
    )


class Submitted(Shape):
    """Where the new job is found."""

    id: str = Field(examples=["8f14e45fceea167a"])
    url: str = Field(examples=["/easel/v1/jobs/8f14e45fceea167a"])


class Image(Shape):
    """A picture that is there."""

    model_config = ConfigDict(extra="allow")  # later fields reach clients that know them

    index: int = Field(description="counts from 0 over all pictures of the job; -1: the grid")
    seed: int
    subseed: int
    prompt: str = Field(description="with the styles' texts")
    negative_prompt: str
    infotext: str = Field(description="the parameters as A1111 writes them")
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    mime: str = Field(examples=["image/png"])
    complete: bool = Field(description="false: interrupted in the middle")
    saved: bool = Field(description="false: forgotten together with its job")
    file_name: str
    sha256: str = Field(description="of the file's bytes; a job that starts from it names it so")
    url: str = Field(description="the file itself")
    data: str | None = Field(None, description="the file as base64, where it was asked for inline")


class JobError(Shape):
    """Why a job failed."""

    kind: str
    message: str
    field: str


class Failure(Shape):
    """Why nothing came of one input of a batch."""

    index: int = Field(description="of its first picture")
    name: str
    message: str


class Job(Shape):
    """A job as it is at this moment. Times are unix seconds."""

    model_config = ConfigDict(extra="allow")

    id: str
    kind: str = Field(examples=["txt2img"])
    source: str = Field(description="page, api (/sdapi/v1) or easel (/easel/v1)")
    owner: str = Field(description="who logged in; empty where nobody has to")
    priority: int
    state: State
    position: int = Field(description="waiting jobs before this one")
    created: float
    started: float | None
    finished: float | None
    progress: float = Field(description="0..1")
    step: int
    steps: int
    image_index: int = Field(description="the first picture of the batch in work")
    image_count: int
    eta: float | None = Field(description="seconds to the end, where it can be told")
    preview_n: int = Field(description="grows with each preview; 0: there is none")
    message: str = Field(description="what it waits for or does besides sampling")
    stopping: str = Field(description="what was asked of it: after_current, now, cancel")
    interrupted: bool = Field(description="ended before all pictures were whole")
    error: JobError | None
    items: list[Image]
    grid: Image | None = Field(description="all pictures on one sheet, where one was made")
    summary: dict[str, Any] | None = Field(description="what it was made with, once that is known")
    request: dict[str, Any] = Field(description="the wish, its seeds drawn")
    settings: dict[str, Any] = Field(description="its settings that are not the defaults")
    warnings: list[str]
    made: int = Field(description="pictures that are there, in `items` or not")
    failed: int = Field(description="pictures that can't be made: their inputs can't be used")
    failures: list[Failure] = Field(description="why, once for each such input of a batch")
    input_count: int = Field(description="pictures that a batch starts from; 0: it is none")
    input_number: int = Field(description="the one in work, from 0")
    input_name: str = Field(description="its file name")

    @classmethod
    def of(cls, view: JobView) -> Job:
        record = view.to_record()
        for item in [*record["items"], *([record["grid"]] if record["grid"] else [])]:
            item["url"] = f"/easel/v1/jobs/{view.id}/images/{item['index']}"
        return cls.model_validate(record)


class Jobs(Shape):
    """One page of the list, the newest first."""

    jobs: list[Job]
    total: int = Field(description="how many match, on all pages")
    next: str | None = Field(description="`before` of the next page; null at the end")


class Images(Shape):
    """The pictures that a job has made so far."""

    state: State
    images: list[Image]


class Place(Shape):
    """Where a waiting job shall go: exactly one field."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": "front"}]})

    to: Literal["front", "back"] | None = None
    before: str | None = Field(None, max_length=100, description="id of another waiting job")
    after: str | None = Field(None, max_length=100, description="id of another waiting job")
    priority: int | None = Field(None, ge=-1000, le=1000, description="the larger goes first")


class Copy(Shape):
    """How a job is made again."""

    model_config = ConfigDict(extra="forbid")

    new_seed: bool = Field(False, description="other pictures of the same wish")


class Status(Shape):
    """What the program is doing."""

    version: str
    worker: str = Field(description="starting, ready, busy or failed")
    device: str
    message: str
    queue: int = Field(description="jobs that wait, of everybody")


class Me(Shape):
    """Who asks."""

    user: str = Field(description="empty where nobody has to log in")
    sees_all: bool = Field(description="false: jobs and pictures of others are hidden")
    shows_folders: bool = Field(
        description="who asks sits at this machine's desktop: its file manager can show folders"
    )


class Input(Shape):
    """A stored picture."""

    sha256: str = Field(description="what a wish names it by")
    width: int
    height: int


class Kept(Shape):
    """Pictures were copied to those worth keeping."""

    names: list[str] = Field(description="of the new files")


class Removed(Shape):
    """A picture was deleted."""

    id: str | None = Field(description="POST /easel/v1/deleted/{id}/restore; null: it is gone")


class DeletedPicture(Shape):
    """A deleted picture that can be put back."""

    id: str
    name: str = Field(description="of its file")
    deleted: float = Field(description="unix seconds")
    job: str | None = Field(description="null: of no job that is known")
    index: int


class DeletedPictures(Shape):
    """Deleted pictures, the last one first."""

    pictures: list[DeletedPicture]
    days: int = Field(description="how long one is kept; 0: not at all")


class Done(Shape):
    """It is done; there is nothing to tell."""
