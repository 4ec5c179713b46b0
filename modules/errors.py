"""The exception tree: every error that a user can cause or mend.

    EaselError                  catch this at a boundary: its text may be shown to the user as it is
    ├── FlagsError              a command-line flag or environment variable that can't be used
    ├── SettingsError           a setting's value that can't be used, or an unknown setting
    ├── RequestError            a request that can't be carried out as it was asked
    │   ├── UnknownNameError    it names a sampler, checkpoint, upscaler ... that is not here
    │   ├── NotBuiltError       it asks for something that this version does not have
    │   ├── ImageError          one of its pictures can't be read
    │   ├── TooLargeError       a picture or a batch is larger than the settings allow
    │   └── QueueFullError      as many jobs wait as the settings allow: ask again later
    ├── CheckpointError         a weights file that is damaged, hostile or of no family known here
    ├── StorageError            the disk is full, read-only, or another server has the data folder
    ├── JobError                a job that is not there
    │   └── JobStateError       a job that is not in a state where this can be done
    └── WorkerError             the process that makes the pictures failed
        └── OutOfMemoryError    the device's memory did not suffice

A message names the thing, the value and the remedy. Our own mistakes are asserts, never these. The
module knows nothing else of the program, so that every layer may import it.
"""

from __future__ import annotations

from collections.abc import Mapping


class EaselError(Exception):
    """Base of all errors whose text is meant for the user.

    `field` is the name of the request field, flag or setting at fault, where one is ("" where none
    is).
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field

    @property
    def message(self) -> str:
        return str(self.args[0])

    def to_record(self) -> dict[str, str]:
        """Plain values for a message between processes or a row in the job store."""
        return {"kind": type(self).__name__, "message": self.message, "field": self.field}


class FlagsError(EaselError):
    """A flag or environment variable that can't be used."""


class SettingsError(EaselError):
    """An unknown setting, or a value that the setting can't take."""


class RequestError(EaselError):
    """A request that can't be carried out as it was asked."""


class UnknownNameError(RequestError):
    """A name that is not in the list it should be in."""


class NotBuiltError(RequestError):
    """A thing that exists in the field but not in this version."""


class ImageError(RequestError):
    """A picture that can't be read."""


class TooLargeError(RequestError):
    """A picture or a batch that is larger than the settings allow."""


class QueueFullError(RequestError):
    """No more jobs may wait."""


class CheckpointError(EaselError):
    """A weights file that is damaged, hostile or of no known family."""


class StorageError(EaselError):
    """No room, no right to write, or a data folder that another server holds."""


class JobError(EaselError):
    """No such job."""


class JobStateError(JobError):
    """The job is in a state where this can't be done."""


class WorkerError(EaselError):
    """The worker process died or could not be started."""


class OutOfMemoryError(WorkerError):
    """The device's memory did not suffice."""


def _all_kinds(root: type[EaselError]) -> dict[str, type[EaselError]]:
    kinds = {root.__name__: root}
    for kind in root.__subclasses__():
        kinds.update(_all_kinds(kind))
    return kinds


KINDS: dict[str, type[EaselError]] = _all_kinds(EaselError)


def from_record(record: Mapping[str, str]) -> EaselError:
    """The error that `to_record` wrote; an unknown kind becomes a plain EaselError with the same
    text.
    """
    kind = KINDS.get(record.get("kind", ""), EaselError)
    return kind(record.get("message", "unknown error"), field=record.get("field", ""))
