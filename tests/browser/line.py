"""A TCP line to a server that can be cut in the two ways that lines are cut: at once, or unnoticed.

Knows nothing of what is spoken over it.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Line:
    """Listens on `port` of 127.0.0.1 and hands on to `server_port`."""

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.is_cut = False
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing arrives and nobody is told: as when a router goes dark. What was
        connected before or meanwhile stays dead for good.
        """
        self.is_cut = True

    def mend(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._ends.append(near)
                if not self.is_cut:
                    threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self.server_port))
        except OSError:
            near.close()
            return
        self._ends.append(far)
        for ends in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(1 << 16):
                if self.is_cut:
                    return  # and the other end is not told
                target.sendall(chunk)
            if not self.is_cut:
                target.shutdown(socket.SHUT_WR)


@contextmanager
def line_to(server_port: int) -> Iterator[Line]:
    line = Line(server_port)
    try:
        yield line
    finally:
        line.close()
