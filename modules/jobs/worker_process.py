"""One worker process: started, spoken to, its errors written down, ended.

Works with plain pipes and threads. Knows the process, nothing of jobs.
"""

from __future__ import annotations

import collections
import logging
import logging.handlers
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modules.errors import WorkerError
from modules.jobs.channel import Channel
from modules.jobs.messages import Message, Quit

log = logging.getLogger(__name__)

_LAST_LINES = 12


class WorkerLog:
    """What workers write to standard error, in a file that is changed for a new one at 5 MB."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=5_000_000, backupCount=3, encoding="utf-8", errors="replace", delay=True
        )

    def write(self, line: str) -> None:
        record = logging.LogRecord("worker", logging.INFO, "", 0, line, None, None)
        self._handler.handle(record)
        log.info("%s", line)

    def close(self) -> None:
        self._handler.close()


class WorkerProcess:
    """Alive from its making on. WorkerError where the system can't start it."""

    def __init__(self, command: Sequence[str], *, folder: Path, output: WorkerLog) -> None:
        # Ctrl+C in the terminal is for the server: it ends its workers in good order.
        apart: dict[str, Any] = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
            if sys.platform == "win32"
            else {"start_new_session": True}
        )
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                **apart,
            )
        except OSError as error:
            raise WorkerError(f"the worker can't be started ({error}): {command[0]}") from error
        assert self._process.stdin and self._process.stdout
        self._channel = Channel(self._process.stdout, self._process.stdin)
        self._output = output
        self._lines: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)
        self._drain = threading.Thread(target=self._write_down, name="worker-log", daemon=True)
        self._drain.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_lines(self) -> tuple[str, ...]:
        return tuple(self._lines)

    def send(self, message: Message) -> bool:
        """False when the process is gone."""
        return self._channel.send(message)

    def receive(self) -> Message | None:
        """The next message; None when the process is gone. ProtocolError on noise."""
        return self._channel.receive()

    def kill(self) -> None:
        """At once; it may be called from any thread, and twice."""
        self._process.kill()

    def quit(self, timeout: float = 5.0) -> None:
        """In good order, or by force after `timeout` seconds."""
        asking = threading.Thread(target=lambda: self.send(Quit()), daemon=True)
        asking.start()  # a worker that hangs reads nothing, and then sending would hang too
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            log.warning("worker %d does not end: killed", self.pid)
            self.kill()

    def reap(self) -> str:
        """Wait for the end, which is near, and say in words how it came."""
        self._process.wait()
        self._drain.join(timeout=2)
        self._channel.close()
        return ending_in_words(self._process.returncode)

    def _write_down(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with stream:
            for raw in stream:
                line = raw.decode("utf-8", "replace").rstrip()
                if line:
                    self._lines.append(line)
                    self._output.write(line)


def ending_in_words(code: int) -> str:
    """How a process with this return code ended."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return "killed by SIGKILL, as systems do when memory runs out"
    return f"killed by {name}"
