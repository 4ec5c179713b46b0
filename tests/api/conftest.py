"""The real application with a painter in place of the engine: HTTP is what is tested here."""

from __future__ import annotations

import base64
import io
import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from modules.app import App, build_app
from modules.flags import parse
from modules.web.server import build_web
from tests.api.real import Server, free_port

ADDRESS = "http://127.0.0.1:7860"
FAKE_WORKER = [sys.executable, "-m", "tests.unit.jobs.fake_worker"]


def write_empty_checkpoint(path: Path) -> Path:
    """A file that can be listed but not loaded; the painter loads none."""
    header = json.dumps({"__metadata__": {"modelspec.resolution": "128x64"}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return path


def png(size: tuple[int, int] = (8, 8), colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def opened(coded: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(coded)))


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("api")
    for name in ("one", "two"):
        write_empty_checkpoint(folder / f"models/Stable-diffusion/{name}.safetensors")
    (folder / "styles.csv").write_text("name,prompt,negative_prompt\ndusk,at dusk,noon\n")
    app = build_app(parse(["--data-dir", str(folder), "--api"], {}), worker_command=FAKE_WORKER)
    app.settings.update({"sd_model_checkpoint": "one.safetensors"})
    app.start()
    yield app
    app.close()


@pytest.fixture(scope="session")
def client(app: App) -> Iterator[TestClient]:
    with TestClient(build_web(app), base_url=ADDRESS, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The program in processes of its own, with its real worker and two tiny checkpoints."""
    from tests.api.tiny import install_tiny_models  # imports torch

    folder = install_tiny_models(tmp_path_factory.mktemp("real"), "one", "two")
    server = Server(folder, free_port())
    server.start()
    yield server
    server.stop()
