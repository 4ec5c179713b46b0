"""Sessions of people who logged in: signed cookies that survive a restart and end with a logout.

A cookie says who and since when, signed with a secret in the data folder and with the user's
password, so that a changed password ends every session. Nothing is stored for a session but its
end. Knows no HTTP.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modules.errors import StorageError
from modules.pictures.files import storage_error, write

log = logging.getLogger(__name__)

LASTS = 30 * 86_400  # seconds
_SECRET_BYTES = 32


class Sessions:
    """`folder` holds the secret and the list of ended sessions; `clock` gives unix seconds.

    `users` are (user, password). StorageError where the secret can't be kept.
    """

    def __init__(
        self,
        folder: Path,
        users: Sequence[tuple[str, str]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ended_file = folder / "ended-sessions.json"
        self._secret = _secret(folder / "session-secret")
        self._users = users
        self._clock = clock
        self._lock = threading.Lock()
        self._ended = _read_ended(self._ended_file)  # session's number -> when it was begun
        # Cookies know no port: two servers on one host must not overwrite each other's.
        self.cookie = f"easel_{hashlib.sha256(self._secret).hexdigest()[:8]}"

    def begin(self, user: str) -> str:
        """A new session's cookie value."""
        record = {"user": user, "begun": int(self._clock()), "number": secrets.token_hex(12)}
        text = base64.urlsafe_b64encode(json.dumps(record).encode()).decode().rstrip("=")
        password = next(password for known, password in self._users if known == user)
        return f"{text}.{self._signature(text, password)}"

    def user_of(self, value: str) -> str | None:
        """Whose session this is; None where it is none, too old, ended, or of an old password."""
        record = self._read(value)
        return record["user"] if record and record["number"] not in self._ended else None

    def end(self, value: str) -> None:
        """From now on this cookie opens nothing."""
        record = self._read(value)
        if record is None:
            return
        with self._lock:
            oldest = self._clock() - LASTS
            kept = {number: begun for number, begun in self._ended.items() if begun > oldest}
            self._ended = {**kept, record["number"]: record["begun"]}
            try:
                write(self._ended_file, json.dumps(self._ended).encode())
            except StorageError as error:
                log.warning("a logout holds only until the next start: %s", error)

    def _read(self, value: str) -> dict[str, Any] | None:
        text, _, signature = value.partition(".")
        signers = [
            known
            for known, password in self._users
            if hmac.compare_digest(
                self._signature(text, password).encode(), signature.encode("utf-8", "replace")
            )
        ]
        if not signers:  # nothing that a stranger wrote is read any further
            return None
        record: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
        known = record["user"] in signers and 0 <= self._clock() - record["begun"] < LASTS
        return record if known else None

    def _signature(self, text: str, password: str) -> str:
        key = self._secret + password.encode()
        return hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _secret(path: Path) -> bytes:
    """The secret in the file, which is made where it is not there. Readable by its owner alone."""
    with contextlib.suppress(OSError):
        found = path.read_bytes()
        if len(found) == _SECRET_BYTES:
            return found
    made = secrets.token_bytes(_SECRET_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "wb") as opened:
            opened.write(made)
    except OSError as error:
        raise storage_error(path, error) from error
    return made


def _read_ended(path: Path) -> dict[str, float]:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
