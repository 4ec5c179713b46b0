"""A local web server that gives a file away in as many ways as real ones do."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Shop:
    """`breaks` is how often the line breaks after `step` bytes; `wait` is in seconds for each
    piece of that size.
    """

    data: bytes = b""
    ranges: bool = True
    breaks: int = 0
    step: int = 1 << 16
    wait: float = 0.0
    etag: str = '"one"'
    told_sum: str = ""  # as the hub tells it on its redirection
    moves_to: str = ""
    token: str = ""
    busy: int = 0
    disposition: str = ""
    no_length: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, range
    tokens: list[str] = field(default_factory=list)
    address: str = ""

    def tell_sum(self) -> None:
        self.told_sum = hashlib.sha256(self.data).hexdigest()

    def open(self) -> ThreadingHTTPServer:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{server.server_port}"
        return server

    def answer(self, handler: Any) -> None:
        asked = handler.headers.get("Range", "")
        self.asked.append((handler.path, asked))
        self.tokens.append(handler.headers.get("Authorization", ""))
        if (
            self.token
            and self.tokens[-1] != f"Bearer {self.token}"
            and "/store/" not in handler.path
        ):
            return self.end(handler, 401)
        if self.busy:
            self.busy -= 1
            return self.end(handler, 503)
        if (self.moves_to or self.told_sum) and "/store/" not in handler.path:
            place = self.moves_to or f"{self.address}/store/file"
            linked = {"X-Linked-Etag": f'"{self.told_sum}"'} if self.told_sum else {}
            return self.end(handler, 302, {"Location": place, **linked})
        begin, status = 0, 200
        if asked and self.ranges and handler.headers.get("If-Range", self.etag) == self.etag:
            begin, status = int(asked[6:].rstrip("-")), 206
        self.give(handler, begin, status)
        return None

    def give(self, handler: Any, begin: int, status: int) -> None:
        handler.send_response(status)
        handler.send_header("ETag", self.etag)
        if self.disposition:
            handler.send_header("Content-Disposition", self.disposition)
        if not self.no_length:
            handler.send_header("Content-Length", str(len(self.data) - begin))
        if status == 206:
            span = f"bytes {begin}-{len(self.data) - 1}/{len(self.data)}"
            handler.send_header("Content-Range", span)
        handler.end_headers()
        breaks = self.breaks > 0
        self.breaks -= breaks
        for at in range(begin, len(self.data), self.step):
            try:
                handler.wfile.write(self.data[at : at + self.step])
                handler.wfile.flush()
            except OSError:  # the client went away
                break
            if breaks:
                break
            time.sleep(self.wait)
        handler.close_connection = True

    @staticmethod
    def end(handler: Any, status: int, headers: dict[str, str] | None = None) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
