"""img2img's batch: one input after the other, each as the request for it alone.

An input that can't be used is told by its index, and the others are made. Knows messages and
orders; what makes one request's pictures is handed in.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

from modules.errors import CheckpointError, EaselError, ImageError, OutOfMemoryError, RequestError
from modules.generation.request import Request
from modules.jobs import messages
from modules.settings import Settings

log = logging.getLogger(__name__)

Made = messages.SummaryKnown | messages.Artifact | messages.Beside


class Control(Protocol):
    """The job's: what it hears and tells."""

    @property
    def stopped(self) -> bool: ...
    def check(self, *, between: bool = False) -> Literal["go", "skip", "stop"]: ...
    def progress(self, image_index: int, step: int, steps: int) -> None: ...
    def status(self, message: str) -> None: ...
    def wants_preview(self) -> bool: ...
    def preview(self, data: bytes, mime: str = "image/jpeg") -> None: ...


class PartControl:
    """The same for one input, whose pictures count from 0 there and from `first` in the job."""

    def __init__(self, control: Control, first: int) -> None:
        self._first = first
        self._control = control
        self.check = control.check
        self.status = control.status
        self.wants_preview = control.wants_preview
        self.preview = control.preview

    @property
    def stopped(self) -> bool:
        return self._control.stopped

    def progress(self, image_index: int, step: int, steps: int) -> None:
        self._control.progress(self._first + image_index, step, steps)


# (request, settings, indexes, control) -> its messages
Make = Callable[[Request, Settings, Sequence[int], PartControl], Iterator[Made]]


def make_batch(
    run: messages.Run,
    request: Request,
    settings: Settings,
    control: Control,
    make: Make,
    explain: Callable[[Exception, messages.Run], EaselError],
) -> Iterator[Made | messages.Unusable]:
    """The pictures of `run.indexes`. An error that is no input's ends the job."""
    each = request.images_each
    warnings: dict[str, None] = {}
    for number, indexes in itertools.groupby(run.indexes, key=lambda index: index // each):
        first = number * each
        left = [index - first for index in indexes]
        given = request.inputs[number]
        try:
            if given.problem:
                raise ImageError(given.problem, field="inputs")
            own = settings.with_changes(_checkpoint(given.checkpoint))
            part = make(request.for_input(number), own, tuple(left), PartControl(control, first))
            for message in part:
                if isinstance(message, messages.Artifact):
                    left.remove(message.picture["index"])
                yield _of_job(message, first, warnings)
        except Exception as error:  # whatever it is: told apart below, and raised where not ours
            excuse = _excuse(error, bool(given.checkpoint), lambda e=error: explain(e, run))
            if excuse is None:
                raise
            log.warning("job %s: %s: %s", run.job, given.name, excuse)
            yield messages.Unusable(
                job=run.job,
                indexes=tuple(first + index for index in left),
                error=excuse.to_record(),
            )
        if control.stopped:
            return


def _checkpoint(name: str | None) -> dict[str, Any]:
    return {} if name is None else {"sd_model_checkpoint": name}


def _excuse(
    error: Exception, names_checkpoint: bool, explained: Callable[[], EaselError]
) -> EaselError | None:
    """Why this input alone comes to nothing; None where the whole job does."""
    if isinstance(error, EaselError):
        is_own = isinstance(error, RequestError) or (
            names_checkpoint and isinstance(error, CheckpointError)
        )
        return error if is_own else None
    told = explained()
    return told if isinstance(told, OutOfMemoryError) else None


def _of_job(message: Made, first: int, warnings: dict[str, None]) -> Made:
    """With the picture's index in the job, or with the warnings of all inputs so far."""
    if isinstance(message, messages.Artifact):
        index = message.picture["index"] + first
        return replace(message, picture={**message.picture, "index": index})
    if isinstance(message, messages.Beside):
        return message
    warnings.update(dict.fromkeys(_warnings(message.summary)))
    return replace(message, summary={**message.summary, "warnings": list(warnings)})


def _warnings(summary: Mapping[str, Any]) -> Sequence[str]:
    return tuple(summary.get("warnings", ()))
