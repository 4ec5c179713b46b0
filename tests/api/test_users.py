"""Several users on one server: nobody sees or touches what is another's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from modules.app import App, build_app
from modules.flags import parse
from modules.generation.request import Request
from modules.web.server import build_web
from tests.api.conftest import ADDRESS, FAKE_WORKER, write_empty_checkpoint
from tests.api.real import wait_until
from tests.api.test_easel import finished, submit

USERS = "ann:a,bob:b"


def started(folder: Path, *flags: str) -> App:
    write_empty_checkpoint(folder / "models/Stable-diffusion/one.safetensors")
    arguments = ["--data-dir", str(folder), "--api", "--gradio-auth", USERS, *flags]
    app = build_app(parse(arguments, {}), worker_command=FAKE_WORKER)
    app.start()
    return app


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = started(tmp_path_factory.mktemp("apart"))
    yield app
    app.close()


def client_of(app: App, user: str) -> TestClient:
    pair = base64.b64encode(f"{user}:{user[0]}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}"}
    return TestClient(build_web(app), base_url=ADDRESS, headers=headers)


@pytest.fixture
def ann(apart: App) -> TestClient:
    return client_of(apart, "ann")


@pytest.fixture
def bob(apart: App) -> TestClient:
    return client_of(apart, "bob")


def test_a_job_belongs_to_who_logged_in_whatever_it_claims(ann: TestClient) -> None:
    record = json.loads(json.dumps(Request(prompt="mine", steps=2).to_record()))
    claimed = ann.post("/easel/v1/jobs", json={"request": record, "owner": "bob"})
    assert claimed.status_code == 422
    job = finished(ann, submit(ann, prompt="mine", steps=2))
    assert job["owner"] == "ann"


def test_another_s_job_is_as_if_it_never_was(ann: TestClient, bob: TestClient) -> None:
    job_id = submit(ann, prompt="slow 0.05", steps=20, n_iter=2)
    reads = ["", "/preview", "/images/0", "/images/0/start", "/zip", "/events"]
    posts = ["/interrupt", "/skip", "/cancel", "/retry", "/duplicate", "/images/0/enlarge"]
    for ending in reads:
        assert bob.get(f"/easel/v1/jobs/{job_id}{ending}").status_code == 404, ending
    assert bob.delete(f"/easel/v1/jobs/{job_id}/images/0").status_code == 404
    for ending in posts:
        assert bob.post(f"/easel/v1/jobs/{job_id}{ending}").status_code == 404, ending
    moved = bob.post(f"/easel/v1/jobs/{job_id}/move", json={"to": "front"})
    assert moved.status_code == 404
    assert job_id not in bob.get("/easel/v1/jobs?limit=500").text
    assert job_id in ann.get("/easel/v1/jobs?limit=500").text
    ann.post(f"/easel/v1/jobs/{job_id}/cancel")


def test_the_history_is_one_s_own(ann: TestClient, bob: TestClient) -> None:
    job = finished(ann, submit(ann, prompt="secretive", steps=2))
    found = ann.get("/easel/v1/history?text=secretive").json()
    assert found["total"] == 1
    number = found["pictures"][0]["id"]
    assert bob.get("/easel/v1/history?text=secretive").json()["total"] == 0
    for ending in ("", "/image", "/thumbnail"):
        assert bob.get(f"/easel/v1/history/{number}{ending}").status_code == 404
        assert ann.get(f"/easel/v1/history/{number}{ending}").status_code == 200
    mark = {"favourite": True}
    assert bob.post(f"/easel/v1/history/{number}/favourite", json=mark).status_code == 404
    assert bob.delete(f"/easel/v1/history/{number}").status_code == 404
    assert bob.get("/easel/v1/history/choices").json()["models"] == []
    deleted = ann.delete(f"/easel/v1/history/{number}").json()["id"]
    assert bob.get("/easel/v1/deleted").json()["pictures"] == []
    assert bob.get(f"/easel/v1/deleted/{deleted}/image").status_code == 404
    assert bob.post(f"/easel/v1/deleted/{deleted}/restore").status_code == 404
    assert ann.post(f"/easel/v1/deleted/{deleted}/restore").status_code == 200
    save = f"/easel/v1/jobs/{job['id']}/images/0/save"
    assert bob.post(save).status_code == 404
    assert ann.post(save).status_code == 200
    assert bob.get("/easel/v1/history?text=secretive").json()["total"] == 0
    assert ann.get("/easel/v1/history?text=secretive").json()["total"] == 2


def test_stopping_whatever_runs_stops_only_one_s_own(ann: TestClient, bob: TestClient) -> None:
    job_id = submit(ann, prompt="slow 0.02", steps=1000)

    def step() -> int:
        return ann.get(f"/easel/v1/jobs/{job_id}").json()["step"]

    wait_until(lambda: step() > 0)
    assert bob.get("/sdapi/v1/progress").json()["progress"] == 0
    assert bob.post("/sdapi/v1/interrupt").status_code == 200
    assert bob.post("/sdapi/v1/skip").status_code == 200
    before = step()
    wait_until(lambda: step() > before + 5)
    assert ann.get("/sdapi/v1/progress").json()["progress"] > 0
    assert ann.post("/sdapi/v1/interrupt").status_code == 200
    assert finished(ann, job_id)["interrupted"]


def test_one_user_s_hundred_jobs_do_not_hold_up_another_s_one(
    ann: TestClient, bob: TestClient
) -> None:
    first = submit(ann, prompt="slow 0.02", steps=20)
    later = [submit(ann, prompt="slow 0.05", steps=4) for _ in range(5)]
    other = submit(bob, prompt="quick", steps=2)
    assert bob.get(f"/easel/v1/jobs/{other}").json()["position"] <= 1
    done = finished(bob, other)
    ends = [ann.get(f"/easel/v1/jobs/{job_id}").json()["finished"] for job_id in later]
    assert sum(end is not None and end < done["finished"] for end in ends) <= 1
    for job_id in (first, *later):
        ann.post(f"/easel/v1/jobs/{job_id}/cancel")


def test_nobody_passes_by_the_others_by_priority(ann: TestClient) -> None:
    record = json.loads(json.dumps(Request(steps=2).to_record()))
    answer = ann.post("/easel/v1/jobs", json={"request": record, "priority": 1})
    assert answer.status_code == 422 and "priority" in answer.text


def test_each_user_has_a_share_of_the_queue(apart: App, ann: TestClient, bob: TestClient) -> None:
    apart.settings.update({"easel_max_queue": 4})
    try:
        busy = submit(ann, prompt="slow 0.05", steps=1000)
        path = f"/easel/v1/jobs/{busy}"
        wait_until(lambda: ann.get(path).json()["state"] == "running")
        waiting = [submit(ann, steps=2), submit(ann, steps=2)]
        record = json.loads(json.dumps(Request(steps=2).to_record()))
        answer = ann.post("/easel/v1/jobs", json={"request": record})
        assert answer.status_code == 429 and "2 of your jobs" in answer.text
        assert submit(bob, steps=2)
        for job_id in (*waiting, busy):
            ann.post(f"/easel/v1/jobs/{job_id}/cancel")
    finally:
        apart.settings.update({"easel_max_queue": 1000})


def test_a_flag_lets_users_share_and_one_user_needs_none(tmp_path: Path) -> None:
    app = started(tmp_path, "--users-share-jobs")
    try:
        ann, bob = client_of(app, "ann"), client_of(app, "bob")
        job = finished(ann, submit(ann, steps=2))
        assert bob.get(f"/easel/v1/jobs/{job['id']}").json()["owner"] == "ann"
    finally:
        app.close()
