"""One weights file fetched from the Hugging Face hub or from any web address.

The file grows under a temporary name beside its later place; an attempt that broke off, or a
program that was killed, goes on at the byte where it stopped, as long as the server still has the
same file. Knows no queue and no thread; how far out one may go is `Outward`'s business.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from email.message import Message
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from modules.errors import CheckpointError, RequestError
from modules.library.arrivals import Arrivals, Arrived, head_length
from modules.library.outward import Outward, OutwardError, Stream
from modules.library.weights_kind import WeightsKind
from modules.pictures.files import storage_error

HUB = "https://huggingface.co"
PART = ".easel-part"
_CHUNK = 1 << 18  # bytes
_LOOK_AT_DISK = 1 << 26  # bytes between two looks at the free room
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SECRET = {"token", "api_key", "apikey", "access_token", "key"}

DownloadState = Literal["waiting", "running", "checking", "paused", "failed", "done"]


class BrokenOffError(OutwardError):
    """The line broke or the server was busy: another attempt may do."""


class TokenNeededError(OutwardError):
    """The server asks who it is."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """What is fetched and how far it is; kept as JSON, without any token.

    `name`, `kind` and `part` are "" until the server answered; `size` is -1 while it is unknown.
    `sha256` is the sum that the user asks for, `told_sha256` the one that the hub tells, "" where
    nobody says; `etag` the server's own mark of this version of the file.
    """

    id: str
    url: str
    source: str  # as it is shown
    name: str = ""
    kind: WeightsKind | Literal[""] = ""
    part: str = ""
    size: int = -1
    have: int = 0
    etag: str = ""
    sha256: str = ""
    told_sha256: str = ""
    pickles_too: bool = False
    state: DownloadState = "waiting"
    message: str = ""
    needs_token: bool = False
    created: float = 0.0

    def to_record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Download:
        """ValueError where it is no such record."""
        known = {each.name: each for each in fields(cls)}
        if not isinstance(record.get("id"), str) or not isinstance(record.get("url"), str):
            raise ValueError("no record of a download")
        values = {name: value for name, value in record.items() if name in known}
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a user asks for: `repository` with `file`, or `url`. Each is checked by `address`."""

    repository: str = ""
    file: str = ""
    revision: str = "main"
    url: str = ""
    name: str = ""
    sha256: str = ""
    pickles_too: bool = False

    def address(self, hub: str) -> tuple[str, str]:
        """(URL, how it is shown). RequestError where it names no file."""
        if self.sha256 and not _SHA256.fullmatch(self.sha256.strip().lower()):
            raise RequestError("a sha256 has 64 digits of 0-9 and a-f", field="sha256")
        if bool(self.url) == bool(self.repository):
            raise RequestError("give a repository and a file, or an address", field="url")
        return self._of_hub(hub) if self.repository else self._of_web()

    def _of_hub(self, hub: str) -> tuple[str, str]:
        repository = self.repository.strip().removeprefix(f"{hub}/").strip("/")
        file, revision = self.file.strip().strip("/"), self.revision.strip() or "main"
        if not _REPOSITORY.fullmatch(repository):
            raise RequestError(
                f"{repository[:80]!r} is no repository: it looks like owner/name",
                field="repository",
            )
        if not file or any(part in ("", ".", "..") for part in file.split("/")):
            raise RequestError("name the file in the repository", field="file")
        place = f"{quote(revision, safe='')}/{quote(file)}"
        return f"{hub}/{repository}/resolve/{place}", f"{repository}/{file}"

    def _of_web(self) -> tuple[str, str]:
        url = self.url.strip()
        try:
            parts = urlsplit(url)
            asked = {name.lower() for name, _ in parse_qsl(parts.query)}
        except ValueError as error:
            raise RequestError("that is no web address", field="url") from error
        if asked & _SECRET:
            raise RequestError(
                "the address has a token in it, which would be stored: take it out and give it in "
                "the field for tokens",
                field="url",
            )
        if parts.hostname == "huggingface.co":  # the address of the page about the file
            parts = parts._replace(path=parts.path.replace("/blob/", "/resolve/", 1))
        return parts.geturl(), f"{parts.hostname}{parts.path}"


class Transfer:
    """Carries one download on. `told` hears of each change and of how far it is."""

    def __init__(
        self,
        outward: Outward,
        arrivals: Arrivals,
        *,
        told: Callable[[Download], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._outward = outward
        self._arrivals = arrivals
        self._told = told
        self._stopped = stopped

    def attempt(self, download: Download, token: str) -> Arrived | None:
        """The file in its place; None where it was stopped. BrokenOffError where another attempt
        may do; any other EaselError where none would.
        """
        part = Path(download.part) if download.part else None
        have = part.stat().st_size if part is not None and part.exists() else 0
        if have and have == download.size:
            return self._finished(download)
        headers = {"Range": f"bytes={have}-"} if have else {}
        if have and download.etag and not download.etag.startswith("W/"):
            headers["If-Range"] = download.etag
        try:
            with self._outward.opened(download.url, headers, token) as stream:
                if have and self._goes_on(stream, download, have):
                    download = replace(download, have=have)
                else:
                    _check_status(stream, download)
                    download = self._begun(stream, download)
                self._told(download)
                download = self._filled(stream, download)
        except OutwardError as error:
            if type(error) is not OutwardError:
                raise
            raise BrokenOffError(error.message) from error
        if self._stopped():
            return None
        return self._finished(download)

    def _goes_on(self, stream: Stream, download: Download, have: int) -> bool:
        """Whether the answer is the rest of the very file that was begun."""
        if stream.status == 416 or _linked_sum(stream) != download.told_sha256:
            # Another file by now, or a part that is too long: it begins anew at the next attempt.
            Path(download.part).unlink(missing_ok=True)
            raise BrokenOffError("the file has changed on the server")
        if stream.status != 206:
            return False
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", stream.headers.get("content-range", ""))
        other_size = found and download.size >= 0 and found[2] not in ("*", str(download.size))
        if not found or int(found[1]) != have or other_size:
            Path(download.part).unlink(missing_ok=True)
            raise BrokenOffError("the server sent something else than the rest of the file")
        return True

    def _begun(self, stream: Stream, download: Download) -> Download:
        """Name, kind and place, by the first bytes; those are written down."""
        name = download.name or _name_of(stream, download.url)
        self._arrivals.check_name(name, pickles_too=download.pickles_too)
        size = _number(stream.headers.get("content-length", ""))
        head, kind = b"", "checkpoint"  # of a pickle, until it is whole
        if name.lower().endswith(".safetensors"):
            head = _exactly(stream, 8, name)
            head += _exactly(stream, head_length(head, name) - 8, name)
            kind = self._arrivals.kind_of_head(head, name)
            self._arrivals.check_free_name(kind, name, None)
        part = self._arrivals.part(kind, name, PART)
        if download.part != str(part) and part.exists():
            raise RequestError(f"{name} is being fetched already", field="name")
        told = _linked_sum(stream)
        if download.sha256 and told and told != download.sha256:
            raise RequestError(
                f"{name} has the sha256 {told[:12]}... on the hub, not {download.sha256[:12]}...",
                field="sha256",
            )
        self._arrivals.check_room(part.parent, max(size, len(head)))
        try:
            part.write_bytes(head)
        except OSError as error:
            raise storage_error(part, error) from error
        return replace(
            download,
            name=name,
            kind=kind,
            part=str(part),
            size=size,
            have=len(head),
            etag=stream.headers.get("etag", ""),
            told_sha256=told,
        )

    def _filled(self, stream: Stream, download: Download) -> Download:
        """With all the bytes that the stream has, or those before it was stopped."""
        part, have = Path(download.part), download.have
        rest = download.size - have if download.size >= 0 else 0
        self._arrivals.check_room(part.parent, max(0, rest))
        looked = have
        try:
            with part.open("ab") as file:
                while not self._stopped():
                    chunk = stream.read(_CHUNK)
                    if not chunk:
                        break
                    file.write(chunk)
                    have += len(chunk)
                    if have > download.size >= 0:
                        raise OutwardError(f"more than the {download.size} bytes came that it has")
                    if have - looked >= _LOOK_AT_DISK:
                        looked = have
                        self._arrivals.check_room(part.parent, 0)
                    download = replace(download, have=have)
                    self._told(download)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise storage_error(part, error) from error
        if not self._stopped() and have < download.size:
            raise BrokenOffError(f"it broke off at {have} of {download.size} bytes")
        return replace(download, size=have) if download.size < 0 else download

    def _finished(self, download: Download) -> Arrived | None:
        part = Path(download.part)
        download = replace(download, have=part.stat().st_size, state="checking")
        self._told(download)
        wanted = download.sha256 or download.told_sha256
        if wanted:
            digest = hashlib.sha256()
            with part.open("rb") as file:
                while block := file.read(1 << 22):
                    if self._stopped():
                        return None
                    digest.update(block)
            if digest.hexdigest() != wanted:
                part.unlink()
                raise RequestError(
                    f"{download.name} came with the sha256 {digest.hexdigest()[:12]}... instead of "
                    f"{wanted[:12]}...: it was thrown away; fetch it again, or look whether the "
                    "sum is right",
                    field="sha256",
                )
        try:
            return self._arrivals.finish(part, download.name)
        except (CheckpointError, RequestError):
            part.unlink(missing_ok=True)
            raise


def _check_status(stream: Stream, download: Download) -> None:
    status = stream.status
    if status == 200:
        return
    if status in (401, 403):
        raise TokenNeededError(
            f"{download.source} is not given to everybody: accept its terms on its page, then give "
            "a token of yours"
        )
    if status == 404:
        raise RequestError(f"there is no {download.source}: look for the exact name")
    if status in (408, 425, 429) or status >= 500:
        raise BrokenOffError(f"the server is busy (HTTP {status})")
    raise RequestError(f"the server answered HTTP {status} for {download.source}")


def _linked_sum(stream: Stream) -> str:
    """The sha256 that the hub tells of a large file; "" where there is none."""
    told = stream.passed.get("x-linked-etag") or stream.headers.get("x-linked-etag", "")
    text = told.strip('"').lower()
    return text if _SHA256.fullmatch(text) else ""


def _name_of(stream: Stream, url: str) -> str:
    message = Message()
    message["content-disposition"] = stream.headers.get("content-disposition", "")
    named = message.get_filename() or unquote(urlsplit(url).path)
    return named.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _exactly(stream: Stream, count: int, name: str) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = stream.read(count - len(data))
        if not piece:
            raise BrokenOffError(f"{name} broke off in its header")
        data += piece
    return bytes(data)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
