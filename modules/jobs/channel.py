"""Both ends' way to send and receive messages over a pair of pipes.

`send` may be called from several threads; `receive` from one. Works with plain blocking pipes, so
that Windows needs nothing else. Knows frames, not what they say.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import IO

from modules.jobs import messages
from modules.jobs.messages import Message


class Channel:
    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = threading.Lock()

    def send(self, message: Message) -> bool:
        """False when the other end is gone: whoever receives will see that too."""
        frame = messages.encode(message)
        try:
            with self._lock:
                self._writer.write(frame)
                self._writer.flush()
        except (OSError, ValueError):  # ValueError: closed by our own side
            return False
        return True

    def receive(self) -> Message | None:
        """The next message; None when the other end is gone. ProtocolError on noise."""
        try:
            return messages.read(self._reader)
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """Close both sides: the other end sees the end of the stream. For the receiving thread."""
        self._reader.close()
        with self._lock, contextlib.suppress(OSError):
            self._writer.close()  # what is still in the buffer has nobody to read it


def over_standard_streams() -> Channel:
    """The worker's end. From here on whatever prints to standard output lands on standard error.

    A library's stray print would otherwise destroy a frame.
    """
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    if sys.platform == "win32":
        import msvcrt

        for stream in (reader, writer):
            msvcrt.setmode(stream.fileno(), os.O_BINARY)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return Channel(reader, writer)
