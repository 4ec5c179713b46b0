"""Weights files that a browser sends piece by piece, straight into the folder of their kind.

The first piece is the file's header, so that what is no weights file is refused before gigabytes
travel. Knows no HTTP. An upload that nobody goes on with is forgotten after an hour.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from modules.errors import CheckpointError, RequestError
from modules.library.arrivals import Arrivals, Arrived, head_length
from modules.library.folders import ModelFolders
from modules.library.weights_kind import WeightsKind
from modules.pictures.files import storage_error

ENDING = ".easel-upload"
_FORGOTTEN_AFTER = 3600.0  # seconds without a piece
_MOST = 8
_KINDS: tuple[WeightsKind, ...] = ("checkpoint", "vae", "lora", "embedding")


@dataclass
class Upload:
    """`offset` bytes of `size` are here. `arrived` once all are."""

    id: str
    name: str
    size: int
    part: Path
    offset: int = 0
    touched: float = field(default_factory=time.monotonic)
    arrived: Arrived | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Uploads:
    """The files under way. May be used from several threads."""

    def __init__(self, arrivals: Arrivals, folders: ModelFolders) -> None:
        self._arrivals = arrivals
        self._folders = folders
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}

    def begin(self, name: str, size: int, head: bytes, *, pickles_too: bool = False) -> Upload:
        """`head` is a safetensors file up to its first tensor; of other formats it may be empty.

        EaselError where the file is none of ours, has no room, or its name is taken.
        """
        self._arrivals.check_name(name, pickles_too=pickles_too)
        kind: WeightsKind = "checkpoint"  # of a pickle, until it is whole
        if name.lower().endswith(".safetensors"):
            if len(head) != head_length(head, name):
                raise CheckpointError(f"{name} ends inside its header, or more than that was sent")
            kind = self._arrivals.kind_of_head(head, name)
            self._arrivals.check_free_name(kind, name, size)
        if size < max(1, len(head)):
            raise RequestError(f"{name} has {size} bytes, and {len(head)} were sent", field="size")
        identity = secrets.token_hex(8)
        with self._lock:
            self._sweep()
            if len(self._uploads) >= _MOST:
                raise RequestError("too many files are being sent: wait for one of them")
            part = self._arrivals.part(kind, name, f".{identity}{ENDING}")
            waiting = sum(each.size - each.offset for each in self._uploads.values())
            self._arrivals.check_room(part.parent, size + waiting)
            upload = self._uploads[identity] = Upload(identity, name, size, part)
        return self.add(upload.id, 0, head)

    def add(self, upload_id: str, offset: int, data: bytes) -> Upload:
        """The next bytes. With the last of them the file gets its place, or is refused and gone."""
        upload = self._get(upload_id)
        with upload.lock:
            upload.touched = time.monotonic()
            if data and offset + len(data) == upload.offset:
                return upload  # sent again, since the answer was lost
            if offset != upload.offset or offset + len(data) > upload.size:
                raise RequestError(
                    f"{upload.name} goes on at byte {upload.offset} of {upload.size}",
                    field="offset",
                )
            try:
                with upload.part.open("ab") as file:
                    file.write(data)
            except OSError as error:
                self.cancel(upload_id)
                raise storage_error(upload.part, error) from error
            upload.offset += len(data)
            if upload.offset == upload.size:
                try:
                    upload.arrived = self._arrivals.finish(upload.part, upload.name)
                finally:
                    self.cancel(upload_id)
        return upload

    def cancel(self, upload_id: str) -> None:
        """Forget the upload and what came of it; nothing happens where there is none."""
        with self._lock:
            upload = self._uploads.pop(upload_id, None)
        if upload is not None:
            upload.part.unlink(missing_ok=True)

    def _get(self, upload_id: str) -> Upload:
        with self._lock:
            upload = self._uploads.get(upload_id)
        if upload is None:
            raise RequestError("this file is not being sent any more: send it anew")
        return upload

    def _sweep(self) -> None:
        """Away with what is not gone on with, also from before a kill."""
        now = time.monotonic()
        for upload in list(self._uploads.values()):
            if now - upload.touched > _FORGOTTEN_AFTER:
                del self._uploads[upload.id]
        known = {upload.part for upload in self._uploads.values()}
        for kind in _KINDS:
            for part in self._folders.own(kind).glob(f".*{ENDING}"):
                if part not in known:
                    part.unlink(missing_ok=True)
