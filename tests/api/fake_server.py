"""The whole server with the painter in place of the engine: python -m tests.api.fake_server.

For tools that need an address: it serves until it is ended. Without the page.
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from modules.app import build_app
from modules.flags import parse
from modules.web.server import build_web
from tests.api.conftest import FAKE_WORKER, write_empty_checkpoint


def main() -> None:
    flags = parse(["--nowebui", *sys.argv[1:]], {})
    folder = Path(flags.data_dir or ".")
    write_empty_checkpoint(folder / "models/Stable-diffusion/one.safetensors")
    app = build_app(flags, worker_command=FAKE_WORKER)
    app.settings.update({"sd_model_checkpoint": "one.safetensors"})
    try:
        app.start()
        config = uvicorn.Config(build_web(app), port=flags.effective_port, log_level="warning")
        uvicorn.Server(config).run()
    finally:
        app.close()


if __name__ == "__main__":
    main()
