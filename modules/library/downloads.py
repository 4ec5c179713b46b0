"""The downloads one after the other, on a thread of their own: waiting, paused, resumed, cancelled.

What there is, is kept as one small file each, so that a download goes on after a restart, when it
is asked to. A token lives in memory alone, as long as its download. Knows no HTTP.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from modules.errors import EaselError, RequestError
from modules.library.arrivals import Arrivals, Arrived
from modules.library.download import (
    HUB,
    BrokenOffError,
    Download,
    DownloadState,
    TokenNeededError,
    Transfer,
    Wanted,
)
from modules.library.outward import Outward
from modules.pictures.files import write

log = logging.getLogger(__name__)

MOST = 50
_WAITS = (1.0, 2.0, 5.0, 10.0, 20.0)  # seconds before each further attempt
_UNDER_WAY: tuple[DownloadState, ...] = ("waiting", "running", "checking")


class Downloads:
    """All downloads by id. `arrived` hears of each file that came to lie in its place. May be used
    from several threads.
    """

    def __init__(
        self,
        folder: Path,
        outward: Outward,
        arrivals: Arrivals,
        *,
        arrived: Callable[[Download, Arrived], None],
        hub: str = HUB,
        waits: Sequence[float] = _WAITS,
    ) -> None:
        self._folder = folder
        self._outward = outward
        self._arrivals = arrivals
        self._arrived = arrived
        self._hub = hub.rstrip("/")
        self._waits = waits
        self._lock = threading.RLock()
        self._downloads = {each.id: each for each in self._read()}
        self._tokens: dict[str, str] = {}
        self._parts: dict[str, str] = {}
        self._speeds: dict[str, float] = {}  # bytes/s of the one that runs
        self._thread: threading.Thread | None = None
        self._running = ""
        self._stop = threading.Event()  # the running one shall stop
        self._closed = False

    def list(self) -> list[tuple[Download, float]]:
        """Oldest first, each with its speed in bytes/s (0: it does not run)."""
        with self._lock:
            rows = sorted(self._downloads.values(), key=lambda each: each.created)
            return [(each, self._speeds.get(each.id, 0.0)) for each in rows]

    @property
    def is_fetching(self) -> bool:
        with self._lock:
            return any(each.state in _UNDER_WAY for each in self._downloads.values())

    def add(self, wanted: Wanted, token: str = "") -> Download:
        """Queued. RequestError where it names no file, or one whose name can't be used."""
        url, source = wanted.address(self._hub)
        self._outward.check(url)
        _check_token(token)
        if wanted.name:
            self._arrivals.check_name(wanted.name, pickles_too=wanted.pickles_too)
        with self._lock:
            if len(self._downloads) >= MOST:
                raise RequestError(f"there are {MOST} downloads: clear the list first")
            if any(each.url == url and each.state in _UNDER_WAY for each, _ in self.list()):
                raise RequestError(f"{source} is being fetched already")
            download = Download(
                id=secrets.token_hex(8),
                url=url,
                source=source,
                name=wanted.name,
                sha256=wanted.sha256.strip().lower(),
                pickles_too=wanted.pickles_too,
                created=time.time(),
            )
            self._keep(download)
            self._downloads[download.id] = download
            self._tokens[download.id] = token
            self._wake()
        return download

    def pause(self, download_id: str) -> None:
        with self._lock:
            download = self._get(download_id)
            if download.state in _UNDER_WAY:
                self._change(replace(download, state="paused"))
                self._stop_if_running(download_id)

    def resume(self, download_id: str, token: str = "") -> None:
        """Queued again, at the byte where it stopped."""
        _check_token(token)
        with self._lock:
            download = self._get(download_id)
            if download.state in ("paused", "failed"):
                self._change(replace(download, state="waiting", message="", needs_token=False))
                self._tokens[download_id] = token or self._tokens.get(download_id, "")
                self._wake()

    def remove(self, download_id: str) -> None:
        """Out of the list; what is not whole is deleted, a file in its place stays."""
        with self._lock:
            download = self._get(download_id)
            del self._downloads[download_id]
            self._tokens.pop(download_id, None)
            self._record(download_id).unlink(missing_ok=True)
            is_running = self._stop_if_running(download_id)
        if download.part and download.state != "done" and not is_running:
            Path(download.part).unlink(missing_ok=True)

    def close(self) -> None:
        """Stop; what ran is paused at the next start."""
        with self._lock:
            self._closed = True
            self._stop.set()
            thread = self._thread
        if thread is not None:
            thread.join(5)

    # -------------------------------------------------------------------------- within

    def _get(self, download_id: str) -> Download:
        found = self._downloads.get(download_id)
        if found is None:
            raise RequestError("there is no such download: it was removed")
        return found

    def _record(self, download_id: str) -> Path:
        return self._folder / f"{download_id}.json"

    def _keep(self, download: Download) -> None:
        write(self._record(download.id), json.dumps(download.to_record()).encode())

    def _change(self, download: Download) -> None:
        """Unless it was removed meanwhile."""
        if download.id in self._downloads:
            self._downloads[download.id] = download
            self._keep(download)

    def _read(self) -> list[Download]:
        found = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                download = Download.from_record(json.loads(path.read_text("utf-8")))
            except (OSError, ValueError) as error:
                log.warning("%s can't be read and is left out: %s", path.name, error)
                continue
            if download.state in _UNDER_WAY:
                download = replace(download, state="paused", message="the program was ended")
            found.append(download)
        return found

    def _stop_if_running(self, download_id: str) -> bool:
        if self._running == download_id:
            self._stop.set()
        return self._running == download_id

    def _wake(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._work, name="downloads", daemon=True)
            self._thread.start()

    def _next(self) -> Download | None:
        """The oldest that waits; None ends the thread."""
        with self._lock:
            waiting = [each for each, _ in self.list() if each.state == "waiting"]
            if not waiting or self._closed:
                self._thread, self._running = None, ""
                return None
            self._stop.clear()
            self._running = waiting[0].id
            self._change(replace(waiting[0], state="running"))
            return self._downloads[self._running]

    def _work(self) -> None:
        while (download := self._next()) is not None:
            try:
                self._carry(download.id)
            except EaselError as error:
                needs = isinstance(error, TokenNeededError)
                self._end(download.id, "failed", error.message, needs_token=needs)
            except Exception:  # the thread serves the others too
                log.exception("the download of %s failed", download.source)
                self._end(download.id, "failed", "an error of Easel's own; its log has the details")

    def _carry(self, download_id: str) -> None:
        """Attempt after attempt, until the file is there or nothing came in several."""
        failures, before = 0, -1
        while not self._stop.is_set():
            with self._lock:
                download = self._downloads.get(download_id)
                token = self._tokens.get(download_id, "")
            if download is None:
                break
            transfer = Transfer(
                self._outward, self._arrivals, told=self._meter(), stopped=self._stop.is_set
            )
            try:
                arrived = transfer.attempt(download, token)
            except BrokenOffError as error:
                with self._lock:
                    have = self._downloads.get(download_id, download).have
                failures = failures + 1 if have <= before else 1
                before = max(before, have)
                if failures > len(self._waits):
                    raise
                log.info("%s: %s; it is tried again", download.source, error.message)
                self._stop.wait(self._waits[failures - 1])
                continue
            if arrived is not None:
                self._settle(download_id, arrived)
                return
        self._end(download_id, "paused", "")

    def _settle(self, download_id: str, arrived: Arrived) -> None:
        message = "" if arrived.is_new else "it was there already"
        with self._lock:
            download = self._downloads.get(download_id)
            if download is not None:
                download = replace(download, kind=arrived.kind, name=arrived.path.name)
                self._downloads[download_id] = download
        self._end(download_id, "done", message)
        if download is not None:
            log.info("%s came to lie at %s", download.source, arrived.path)
            self._arrived(download, arrived)

    def _end(
        self, download_id: str, state: DownloadState, message: str, *, needs_token: bool = False
    ) -> None:
        with self._lock:
            self._speeds.clear()
            self._running = ""
            download = self._downloads.get(download_id)
            if download is not None:
                if download.state == "paused" and state == "failed":
                    state, message = "paused", ""
                resumed = download.state == "waiting" and state == "paused"
                if not resumed:
                    self._change(
                        replace(download, state=state, message=message, needs_token=needs_token)
                    )
                if state == "done":
                    self._tokens.pop(download_id, None)
                return
        self._throw_away(download_id)

    def _throw_away(self, download_id: str) -> None:
        """The part of one that was removed while it ran."""
        part = self._parts.pop(download_id, "")
        if part:
            Path(part).unlink(missing_ok=True)

    def _meter(self) -> Callable[[Download], None]:
        """Takes over how far it is, and works out the speed."""
        began, first = time.monotonic(), -1

        def told(download: Download) -> None:
            nonlocal first
            if first < 0:
                first = download.have
            with self._lock:
                self._parts[download.id] = download.part
                known = self._downloads.get(download.id)
                if known is None:
                    return
                past = time.monotonic() - began
                if past > 0.5:
                    self._speeds[download.id] = (download.have - first) / past
                asked = known.state in ("paused", "waiting")  # since it began
                state = known.state if asked else download.state
                now = replace(download, state=state)
                self._downloads[download.id] = now
                if replace(now, have=0) != replace(known, have=0):
                    self._keep(now)

        return told


def _check_token(token: str) -> None:
    if not (token.isascii() and token.isprintable()) or " " in token or len(token) > 500:
        raise RequestError("a token has no spaces and only plain letters", field="token")
