"""How running jobs go, as a bar on the terminal's last line.

Knows the queue and the terminal; whether there is one at all its maker asks.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Mapping
from typing import TextIO

from modules.jobs.live import Live
from modules.jobs.queue import JobQueue

_PAUSE = 0.3  # seconds between two looks
_WIDTH = 20  # signs of a bar
_CLEAR = "\r\x1b[K"


class Console:
    """Draws from `open` to `close`, in a thread of its own. Other lines of the log push the bar
    down: it is wiped before each.
    """

    def __init__(self, queue: JobQueue, stream: TextIO) -> None:
        self._queue = queue
        self._stream = stream
        self._lock = threading.Lock()
        self._shown = ""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)

    def open(self) -> None:
        for handler in logging.getLogger().handlers:
            handler.addFilter(self._make_way)
        self._thread.start()

    def close(self) -> None:
        """Wipe the bar; nothing where it was never opened."""
        if self._ending.is_set() or not self._thread.is_alive():
            return
        self._ending.set()
        self._thread.join(timeout=2)
        for handler in logging.getLogger().handlers:
            handler.removeFilter(self._make_way)
        self._draw("")

    def _run(self) -> None:
        while not self._ending.wait(_PAUSE):
            width = shutil.get_terminal_size().columns
            self._draw(line_of(self._queue.glances())[: width - 1])

    def _draw(self, line: str) -> None:
        with self._lock:
            if line == self._shown:
                return
            self._shown = line
            try:
                self._stream.write(_CLEAR + line)
                self._stream.flush()
            except (OSError, ValueError):  # the terminal is gone: the jobs are not
                self._ending.set()

    def _make_way(self, record: logging.LogRecord) -> bool:
        self._draw("")
        return True


def line_of(glances: Mapping[str, Live]) -> str:
    """All running jobs on one line; "" where none runs."""
    return "   ".join(_bar(job_id, live) for job_id, live in glances.items())


def _bar(job_id: str, live: Live) -> str:
    if live.message or not live.steps:
        return f"{job_id[:6]} {live.message or 'beginning'}"
    share = live.step / live.steps
    filled = round(_WIDTH * share)
    bar = "#" * filled + "-" * (_WIDTH - filled)
    place = f"{live.image_index + 1}/{live.image_count} " if live.image_count > 1 else ""
    left = f"<{_clock(live.eta)}" if live.eta is not None else ""
    pace = live.pace
    speed = "" if pace is None else f", {pace:.2f}it/s" if pace >= 1 else f", {1 / pace:.2f}s/it"
    return (
        f"{job_id[:6]} {place}{100 * share:3.0f}%|{bar}| {live.step}/{live.steps} "
        f"[{_clock(live.batch_seconds)}{left}{speed}]"
    )


def _clock(seconds: float) -> str:
    """Minutes and seconds, hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
