"""What web process and worker say to each other, and how it lies on the wire.

Frozen dataclasses of plain values; a field called `blob` (bytes) travels raw beside the JSON. A
frame is: 4 bytes little-endian length of the JSON, 8 bytes length of the blob, the JSON
(`{"type": ..., fields}`), the blob. No pickle, no tensor, no path. The first message of each side
(Hello, Start) carries the protocol's number; a message of an unknown type is an error, an unknown
field of a known one too: both ends are of one version.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import IO, Any

PROTOCOL = 1
_HEAD = struct.Struct("<IQ")
MAX_JSON = 64 << 20  # bytes
MAX_BLOB = 2 << 30


class ProtocolError(Exception):
    """The other end does not speak this protocol: it must be ended."""


# ------------------------------------------------------------------ web process -> worker


@dataclass(frozen=True, kw_only=True)
class Start:
    """First of all: `flags` are the fields of `flags.Flags` as JSON values."""

    protocol: int = PROTOCOL
    flags: Mapping[str, Any] = field(default_factory=dict)
    device: str = ""  # "": the worker chooses


@dataclass(frozen=True, kw_only=True)
class Run:
    """Make the pictures `indexes` of this wish; `kind` says of which kind its record is."""

    job: str
    kind: str
    request: Mapping[str, Any]
    settings: Mapping[str, Any]
    indexes: tuple[int, ...]
    user: str = ""  # who asks, where people log in


@dataclass(frozen=True, kw_only=True)
class Stop:
    """After the current batch, or at once."""

    job: str
    after_current: bool = False


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Abandon the current batch and go on with the next."""

    job: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """Whether somebody looks at the job's preview now."""

    job: str
    wanted: bool


@dataclass(frozen=True, kw_only=True)
class InputBytes:
    """Answer to `NeedInput`; `found` False: the store has no such input."""

    sha256: str
    found: bool
    blob: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A question or order outside any job: "memory", "loaded", "unload", "reload"."""

    question: int
    what: str


@dataclass(frozen=True, kw_only=True)
class Quit:
    """End in good order."""


# ------------------------------------------------------------------ worker -> web process


@dataclass(frozen=True, kw_only=True)
class Hello:
    """Sent before anything heavy is imported."""

    protocol: int = PROTOCOL
    pid: int = 0
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """From now on jobs are taken."""

    device: str  # in words, for the user
    dtype: str = ""
    scripts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """Sent every few seconds by a thread of its own."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a job does while there are no steps to count: "Loading model x"."""

    job: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """`step` of `steps` of the batch that begins with picture `image_index`."""

    job: str
    image_index: int
    step: int
    steps: int


@dataclass(frozen=True, kw_only=True)
class Preview:
    job: str
    mime: str
    blob: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SummaryKnown:
    job: str
    summary: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A finished file. `complete` False: interrupted in the middle."""

    job: str
    picture: Mapping[str, Any]
    complete: bool
    blob: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A file that is saved with the picture before it, if that is saved. name: what its stem has
    more; of a start picture (`is_start`) its whole stem.
    """

    job: str
    name: str
    mime: str
    is_start: bool
    blob: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """The pictures `indexes` can't be made, since their input can't be used; the others are."""

    job: str
    indexes: tuple[int, ...]
    error: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The job's `Run` is over. `stopped`: it was stopped, pictures may be missing."""

    job: str
    stopped: bool = False


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The job can't be done. `job` "" : the worker itself could not get ready."""

    job: str
    error: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class NeedInput:
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    question: int
    answer: Mapping[str, Any]


TO_WORKER = (Start, Run, Stop, Skip, Look, InputBytes, Ask, Quit)
TO_WEB = (
    Hello,
    Ready,
    Heartbeat,
    Status,
    Progress,
    Preview,
    SummaryKnown,
    Artifact,
    Beside,
    Unusable,
    Finished,
    Failed,
    NeedInput,
    Answer,
)
Message = (
    Start
    | Run
    | Stop
    | Skip
    | Look
    | InputBytes
    | Ask
    | Quit
    | Hello
    | Ready
    | Heartbeat
    | Status
    | Progress
    | Preview
    | SummaryKnown
    | Artifact
    | Beside
    | Unusable
    | Finished
    | Failed
    | NeedInput
    | Answer
)
# What comes of a job, in this order for each picture.
Outcome = SummaryKnown | Artifact | Beside | Unusable
_TYPES: dict[str, type[Message]] = {kind.__name__: kind for kind in (*TO_WORKER, *TO_WEB)}


def encode(message: Message) -> bytes:
    """The whole frame."""
    record: dict[str, Any] = {"type": type(message).__name__}
    blob = b""
    for entry in fields(message):
        if entry.name == "blob":
            blob = getattr(message, "blob")  # noqa: B009 - not every message has one
        else:
            record[entry.name] = getattr(message, entry.name)
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
    return _HEAD.pack(len(text), len(blob)) + text + blob


def _read_exactly(stream: IO[bytes], count: int) -> bytes | None:
    """`count` bytes; None at the end of the stream, also in mid-frame (the writer was killed)."""
    parts: list[bytes] = []
    while count:
        part = stream.read(count)
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read(stream: IO[bytes]) -> Message | None:
    """The next message; None at the end. ProtocolError on anything that is no frame of ours."""
    head = _read_exactly(stream, _HEAD.size)
    if head is None:
        return None
    json_length, blob_length = _HEAD.unpack(head)
    if json_length > MAX_JSON or blob_length > MAX_BLOB:
        raise ProtocolError(f"a frame claims {json_length} + {blob_length} bytes")
    text = _read_exactly(stream, json_length)
    blob = _read_exactly(stream, blob_length) if text is not None else None
    if text is None or blob is None:
        return None
    return decode(text, blob)


def decode(text: bytes, blob: bytes = b"") -> Message:
    """The message in a frame's two parts. ProtocolError where it is none of ours."""
    try:
        record = json.loads(text.decode("utf-8", "surrogatepass"))
        kind = _TYPES[record.pop("type")]
        if any(entry.name == "blob" for entry in fields(kind)):
            record["blob"] = blob
        for name in ("indexes", "scripts"):
            if name in record:
                record[name] = tuple(record[name])
        return kind(**record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ProtocolError(f"not a message: {text[:80]!r} ({error})") from error
