"""The routes of A1111's page that plug-ins use: tasks by name, and what this machine is."""

from __future__ import annotations

import json
import threading
from typing import Any

from fastapi.testclient import TestClient

from modules.app import build_app
from modules.flags import parse
from modules.web.server import build_web
from tests.api.conftest import ADDRESS, FAKE_WORKER
from tests.api.test_sdapi_control import progress, wait_until


def task(client: TestClient, name: str, **more: Any) -> dict[str, Any]:
    return client.post("/internal/progress", json={"id_task": name, **more}).json()


def asked(client: TestClient, name: str) -> threading.Thread:
    """A slow txt2img under that name, of which the server knows when this returns."""
    body = {"prompt": "slow 0.05", "steps": 60, "force_task_id": name}
    thread = threading.Thread(
        target=client.post, args=("/sdapi/v1/txt2img",), kwargs={"json": body}
    )
    thread.start()
    wait_until(lambda: (t := task(client, name))["active"] or t["queued"])
    return thread


def test_a_task_is_followed_by_the_name_that_its_client_gave_it(client: TestClient) -> None:
    wait_until(lambda: progress(client)["state"]["job"] == "")
    first, second = "task(mine-1)", "task(mine-2)"
    threads = [asked(client, name) for name in (first, second)]
    running = wait_until(lambda: (t := task(client, first))["live_preview"] and t)
    assert running["active"] and not running["queued"] and 0 < running["progress"] < 1
    assert running["live_preview"].startswith("data:image/")
    assert task(client, first, live_preview=False)["live_preview"] is None
    waiting = task(client, second)
    assert waiting["queued"] and waiting["textinfo"].startswith("In queue: 1")
    assert client.get("/internal/pending-tasks").json() == {"size": 1, "tasks": [second]}
    for name in (first, second):
        wait_until(lambda name=name: task(client, name)["active"])
        client.post("/sdapi/v1/interrupt")
        wait_until(lambda name=name: task(client, name)["completed"])
    for thread in threads:
        thread.join(20)


def test_a_task_that_nobody_knows_is_nothing(client: TestClient) -> None:
    for name in ("task(unknown)", "", "task(txt2img-00)"):
        told = task(client, name)
        assert not (told["active"] or told["queued"] or told["completed"])


def test_the_machine_is_told_without_secrets(client: TestClient) -> None:
    told = json.loads(client.get("/internal/sysinfo").text)
    assert told["Version"].startswith("v1.10.1") and told["RAM"]["total"] > 0
    download = client.get("/internal/sysinfo-download")
    assert "attachment" in download.headers["content-disposition"]


def test_the_hints_name_the_settings(client: TestClient) -> None:
    hints = client.get("/internal/quicksettings-hint").json()
    assert {"name": "CLIP_stop_at_last_layers", "label": "Clip skip"} in hints


def test_the_start_is_timed(client: TestClient) -> None:
    told = client.get("/internal/profile-startup").json()
    assert told["total"] == max(told["records"].values()) > 0


def test_ping_is_answered(client: TestClient) -> None:
    assert client.get("/internal/ping").json() == {}


def test_these_routes_are_behind_the_guard_and_tell_no_password(tmp_path) -> None:
    app = build_app(
        parse(["--data-dir", str(tmp_path), "--api", "--api-auth", "ann:hush-hush"], {}),
        worker_command=FAKE_WORKER,
    )
    try:
        with TestClient(build_web(app), base_url=ADDRESS) as client:
            assert client.get("/internal/sysinfo").status_code == 401
            assert client.post("/internal/progress").status_code == 401
            for route in ("/internal/sysinfo", "/sdapi/v1/cmd-flags", "/sdapi/v1/options"):
                answer = client.get(route, auth=("ann", "hush-hush"))
                assert answer.status_code == 200 and "hush" not in answer.text
    finally:
        app.close()
