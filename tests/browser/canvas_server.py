"""Servers for the canvas's tests: its own bare page, and a small Gradio app that holds it.

Both listen on 127.0.0.1 on a free port and keep everything in memory.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import UploadFile

from modules.library.canvas import CanvasStore
from modules.page.canvas import SCRIPTS, STYLES, sketch_canvas

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "modules" / "page" / "static"


def links() -> str:
    return "".join(f'<link rel="stylesheet" href="/static/{name}">' for name in STYLES)


def script_tags() -> str:
    return "".join(f'<script src="/static/{name}"></script>' for name in SCRIPTS)


def loader() -> str:
    """The scripts, in their order also where Gradio adds them to a page that is there already."""
    names = json.dumps(SCRIPTS)
    return (
        f"<script>if (!window.canvasScripts) for (const name of (window.canvasScripts = {names})) "
        "{ const script = document.createElement('script'); script.async = false;"
        "script.src = `/static/${name}`; document.head.append(script); }</script>"
    )


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


def canvas_routes(app: FastAPI, store: CanvasStore) -> None:
    """The server's side of the canvas: what the page's own routes do with the same store."""

    @app.post("/easel/v1/canvas/{canvas_id}")
    async def save(canvas_id: str, request: Request) -> dict[str, str]:
        form = await request.form()
        ground = form.get("background")
        layers = [part for part in form.getlist("layers") if isinstance(part, UploadFile)]
        token = store.save(
            canvas_id,
            json.loads(str(form["state"])),
            layers={part.filename or "": await part.read() for part in layers},
            background=await ground.read() if isinstance(ground, UploadFile) else None,
            max_pixels=2**24,
        )
        return {"token": token}

    @app.get("/easel/v1/canvas/{canvas_id}")
    def load(canvas_id: str) -> Response:
        state = store.state(canvas_id)
        if state is None:
            return JSONResponse({"detail": "no such canvas"}, 404)
        base = f"/easel/v1/canvas/{canvas_id}"
        found = {
            "state": state.to_record(),
            "token": f"{canvas_id}.{state.revision}",
            "background_url": f"{base}/background" if state.image else None,
            "layer_urls": {each.id: f"{base}/{each.id}" for each in state.layers if each.file},
        }
        return JSONResponse(found)

    @app.get("/easel/v1/canvas/{canvas_id}/{part}")
    def part(canvas_id: str, part: str) -> Response:
        return Response(store.part(canvas_id, part), headers={"Cache-Control": "no-store"})


async def _picture(content: bytes, request: Request) -> Response:
    return Response(content, media_type="image/png")


def gradio_blocks() -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as blocks:
        with gr.Tabs():
            with gr.Tab("Other"):
                gr.Markdown("nothing here")
            with gr.Tab("Sketch"):
                sketch = sketch_canvas("img2img_sketch")
                token = gr.Textbox(elem_id="token", label="Token", interactive=True)
                send, load = gr.Button("Send"), gr.Button("Load")
        flush = "async (drawing) => [await EaselCanvasGradio.flush('img2img_sketch')]"
        send.click(lambda drawing: drawing, [sketch], [token], js=flush, queue=False)
        command = {"load": "/noise.png", "nonce": 1}
        load.click(lambda: command, None, [sketch], queue=False)
    return blocks


@contextmanager
def gradio_page(pictures: dict[str, bytes], store: CanvasStore) -> Iterator[str]:
    """Address of a Gradio page with the canvas in its second tab, saving into `store`."""
    app = FastAPI()
    canvas_routes(app, store)
    app.mount("/static", StaticFiles(directory=STATIC))
    for path, content in pictures.items():
        app.add_route(path, partial(_picture, content))
    head = links() + loader()
    app = gr.mount_gradio_app(app, gradio_blocks(), path="/", head=head, ssr_mode=False)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
