"""What goes wrong gives a clear error, and the next request finds all as it was."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from fastapi.testclient import TestClient

from modules.app import App, build_app
from modules.flags import parse
from modules.web.server import build_web
from tests.api.conftest import ADDRESS, FAKE_WORKER, write_empty_checkpoint
from tests.api.real import Server
from tests.api.test_sdapi_control import progress, started, wait_until
from tests.api.test_sdapi_generation import post

# A worker that says Hello, and then imports for a minute.
STILL_LOADING = """
import time
from modules.jobs.channel import over_standard_streams
from modules.jobs.loop import Loop
Loop(over_standard_streams(), lambda start: time.sleep(60)).serve()
"""


def test_a_worker_that_dies_over_a_job_fails_it_and_the_next_is_made(client: TestClient) -> None:
    answer = post(client, "txt2img", prompt="crash at 0", steps=1)
    assert answer.status_code == 503
    assert "died 2 times over this job" in answer.json()["detail"]
    assert post(client, "txt2img", steps=1).status_code == 200


def test_a_full_disk_is_named_and_the_queue_goes_on(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("modules.pictures.files.os.fsync", full)
        answer = post(client, "txt2img", steps=1, n_iter=2)
    assert answer.status_code == 507
    assert "the disk is full: make room" in answer.json()["detail"]
    assert len(post(client, "txt2img", steps=1, n_iter=2).json()["images"]) == 2


def test_a_locked_database_is_named_and_takes_jobs_again_when_it_is_free(
    client: TestClient, app: App
) -> None:
    file = app.paths.easel_dir / "jobs.sqlite"
    app._store._connection.execute("pragma busy_timeout = 100")
    other = sqlite3.connect(file, isolation_level=None)
    try:
        other.execute("begin immediate")
        answer = post(client, "txt2img", steps=1)
        assert answer.status_code == 507 and "jobs.sqlite" in answer.json()["detail"]
        assert client.get("/sdapi/v1/progress").status_code == 200
    finally:
        other.close()
        app._store._connection.execute("pragma busy_timeout = 20000")
    assert post(client, "txt2img", steps=1).status_code == 200


def test_open_requests_are_answered_when_the_server_ends(
    client: TestClient, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, answers = started(client, prompt="slow 0.05", steps=60)
    wait_until(lambda: progress(client)["state"]["sampling_step"] > 0)
    with monkeypatch.context() as patch:
        patch.setattr(app, "is_ending", lambda: True)
        thread.join(10)
    assert "shutting down" in answers[0]["detail"] and "send it again" in answers[0]["detail"]
    client.post("/sdapi/v1/interrupt")


@pytest.fixture
def stoppable(tmp_path: Path) -> Any:
    flags = parse(["--data-dir", str(tmp_path), "--api", "--api-server-stop"], {})
    app = build_app(flags, worker_command=FAKE_WORKER)
    with TestClient(build_web(app), base_url=ADDRESS) as client:
        yield client
    app.close()


def test_the_server_ends_where_a_flag_allows_it(
    stoppable: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []
    monkeypatch.setattr("signal.raise_signal", lambda number: done.append(number))
    monkeypatch.setattr("os._exit", lambda code: done.append(code))
    assert stoppable.post("/sdapi/v1/server-stop").status_code == 200
    assert stoppable.post("/sdapi/v1/server-kill").status_code == 200
    assert done == [2, 0]  # SIGINT, as Ctrl+C sends it
    answer = stoppable.post("/sdapi/v1/server-restart")
    assert answer.status_code == 501 and "server-stop" in answer.text


def test_without_the_page_all_is_answered_while_the_worker_still_loads(tmp_path: Path) -> None:
    write_empty_checkpoint(tmp_path / "models/Stable-diffusion/one.safetensors")
    loading = [sys.executable, "-c", STILL_LOADING]
    app = build_app(parse(["--data-dir", str(tmp_path), "--nowebui"], {}), worker_command=loading)
    app.start()
    try:
        with TestClient(build_web(app), base_url=ADDRESS) as client:
            for route in ("options", "sd-models", "samplers", "progress", "embeddings", "loras"):
                assert client.get(f"/sdapi/v1/{route}").status_code == 200, route
            thread, answers = started(client, steps=1)
            wait_until(lambda: client.get("/internal/pending-tasks").json()["size"] == 1)
            app.is_ending = lambda: True
            thread.join(10)
            assert "shutting down" in answers[0]["detail"]
    finally:
        app.close()


def test_the_server_without_its_page_holds_neither_torch_nor_the_page(real_server: Server) -> None:
    assert real_server.process is not None
    libraries = {Path(part.path).parts[-3:] for part in maps(real_server.process.pid)}
    words = {word for parts in libraries for word in parts}
    assert "PIL" in words
    assert not {"torch", "pandas", "numpy"} & words


def maps(pid: int) -> list[Any]:
    process: Any = psutil.Process(pid)
    return process.memory_maps()


def test_a_client_that_sends_slowly_holds_nobody_up(real_server: Server) -> None:
    slow = [socket.create_connection(("127.0.0.1", real_server.port)) for _ in range(60)]
    try:
        for connection in slow:
            connection.sendall(head(10_000_000) + b'{"prompt": "')
        began = time.monotonic()
        assert real_server.txt2img()["images"]
        assert time.monotonic() - began < 20
    finally:
        for connection in slow:
            connection.close()


def head(length: int) -> bytes:
    return (
        "POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()
