"""A server for the canvas's tests: a bare page that holds nothing but one canvas.

It listens on 127.0.0.1 on a free port and keeps everything in memory.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from modules.page.canvas import SCRIPTS, STYLES

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "modules" / "page" / "static"


def links() -> str:
    return "".join(f'<link rel="stylesheet" href="/static/{name}">' for name in STYLES)


def script_tags() -> str:
    return "".join(f'<script src="/static/{name}"></script>' for name in SCRIPTS)


class _Handler(SimpleHTTPRequestHandler):
    pictures: dict[str, bytes]

    def __init__(self, *args, pictures: dict[str, bytes]):
        self.pictures = pictures
        super().__init__(*args, directory=str(STATIC))

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/static/"):
            self.path = path.removeprefix("/static")
            super().do_GET()
        elif path == "/":
            page = (HERE / "canvas_page.html").read_text("utf-8")
            self.answer(
                page.replace("<!-- styles and scripts -->", links() + script_tags()).encode(),
                "text/html",
            )
        elif path in self.pictures:
            self.answer(self.pictures[path], "image/png")
        else:
            self.send_error(404)

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args) -> None:
        pass


@contextmanager
def bare_page(pictures: dict[str, bytes]) -> Iterator[str]:
    """Address of the bare page's server; `pictures` maps further paths to PNG bytes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, pictures=pictures))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
