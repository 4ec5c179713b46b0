"""/easel/v1: jobs submitted, followed, ordered, repeated."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel

from modules.app import App
from modules.generation import request as wished
from modules.generation.extras import Extras
from modules.generation.soft_inpainting import SoftInpainting
from modules.jobs.job import ItemView, JobView
from modules.web.easel import events, records, wish
from modules.web.server import build_web
from tests.api.conftest import ADDRESS, png
from tests.api.test_easel import finished

JOBS = "/easel/v1/jobs"


def ask(client: TestClient, status: int = 201, **body: Any) -> dict[str, Any]:
    """A submission; `request` fields may be given beside the others."""
    own = {name: body.pop(name) for name in tuple(body) if name in records.Submission.model_fields}
    request = own.pop("request", {"steps": 2} | body)
    answer = client.post(JOBS, json={"request": request, **own})
    assert answer.status_code == status, answer.text
    return answer.json()


def state(client: TestClient, job_id: str) -> dict[str, Any]:
    return client.get(f"{JOBS}/{job_id}").json()


def until(client: TestClient, job_id: str, name: str) -> None:
    limit = time.monotonic() + 10
    while state(client, job_id)["state"] != name:
        assert time.monotonic() < limit, state(client, job_id)
        time.sleep(0.02)


@pytest.fixture
def busy(client: TestClient) -> Any:
    """A job that holds the worker until the test is over."""
    job_id = ask(client, prompt="slow 0.02", steps=1000)["id"]
    until(client, job_id, "running")
    yield job_id
    client.post(f"{JOBS}/{job_id}/cancel")
    until(client, job_id, "cancelled")


@pytest.mark.parametrize(
    ("model", "record"),
    [
        (wish.Wish, wished.Request),
        (wish.WishedHires, wished.Hires),
        (wish.WishedInit, wished.Init),
        (wish.WishedMask, wished.Mask),
        (wish.WishedSoftness, SoftInpainting),
        (wish.WishedExtras, Extras),
        (records.Job, JobView),
    ],
)
def test_the_description_names_every_field(model: type[BaseModel], record: type) -> None:
    assert list(model.model_fields) == [entry.name for entry in fields(record)]


def test_the_description_names_every_field_of_a_picture() -> None:
    names = [entry.name for entry in fields(ItemView)]
    assert list(records.Image.model_fields) == [*names, "url", "data"]


def test_what_is_described_is_what_is_taken() -> None:
    """The defaults and the ends of every range are no more and no less than the record takes."""
    assert wished.Request.from_record(wish.Wish.model_validate({}).model_dump()) == wished.Request()
    for name, field in wish.Wish.model_fields.items():
        for end in ("ge", "le"):
            limits = [getattr(rule, end) for rule in field.metadata if hasattr(rule, end)]
            for limit in limits:
                wished.Request.from_record({name: limit})
                beyond = limit + (1 if end == "le" else -1)
                with pytest.raises(wished.RequestError):
                    wished.Request.from_record({name: beyond})


def test_a_picture_may_be_sent_along(client: TestClient) -> None:
    data = png((24, 8))
    for text in (base64.b64encode(data).decode(), f"data:image/png;base64,{_text(data)}"):
        init = {"images": [text], "mask": {"image": text}}
        job = finished(client, ask(client, prompt="needs", init=init)["id"])
        assert job["kind"] == "img2img" and f"needs {len(data)}" in job["items"][0]["infotext"]
    ask(client, 422, init={"images": ["nonsense"]})
    ask(client, 422, init={"images": []})


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_results_come_by_address_or_inline(client: TestClient) -> None:
    sent = ask(client, prompt="a cat", n_iter=2)
    job = client.get(f"{sent['url']}?wait=20").json()
    assert job["state"] == "done"
    plain = client.get(f"{sent['url']}/images").json()["images"]
    inline = client.get(f"{sent['url']}/images?inline=true").json()["images"]
    assert [item["data"] for item in plain] == [None, None]
    grid = job["grid"]
    assert grid["index"] == -1 and client.get(grid["url"]).status_code == 200
    for item in inline:
        assert base64.b64decode(item["data"]) == client.get(item["url"]).content


def test_waiting_for_a_job_ends_in_time(client: TestClient, busy: str) -> None:
    began = time.monotonic()
    job = client.get(f"{JOBS}/{busy}?wait=0.2").json()
    assert job["state"] == "running" and 0.15 < time.monotonic() - began < 3


def test_the_same_key_is_the_same_job_even_where_the_queue_is_full(
    client: TestClient, app: App, busy: str
) -> None:
    first = ask(client, idempotency_key="once")
    assert ask(client, idempotency_key="once") == first
    other = ask(client, idempotency_key="twice")
    assert other != first
    app.settings.update({"easel_max_queue": 2})
    try:
        assert ask(client, idempotency_key="once") == first
        assert "2 jobs wait" in ask(client, 429)["detail"]
    finally:
        app.settings.update({"easel_max_queue": 1000})
        for job in (first, other):
            client.post(f"{JOBS}/{job['id']}/cancel")


def test_the_list_comes_in_pages(client: TestClient) -> None:
    made = [ask(client, prompt=f"page {n}")["id"] for n in range(3)]
    finished(client, made[-1])
    seen: list[str] = []
    before, page = "", {}
    while len(seen) < 3:
        page = client.get(JOBS, params={"limit": 1, "before": before, "source": "easel"}).json()
        seen += [job["id"] for job in page["jobs"]]
        before = page["next"]
    assert seen == made[::-1]
    assert page["total"] >= 3
    assert client.get(JOBS, params={"state": ["failed", "queued"], "kind": "none"}).json() == {
        "jobs": [],
        "total": 0,
        "next": None,
    }
    assert client.get(JOBS, params={"before": "nothing"}).status_code == 404
    assert client.get(JOBS, params={"state": "odd"}).status_code == 422


def test_waiting_jobs_are_put_in_another_order(client: TestClient, busy: str) -> None:
    a, b, c, d = (ask(client, prompt=name)["id"] for name in "abcd")

    def order() -> list[str]:
        waiting = {job_id: state(client, job_id)["position"] for job_id in (a, b, c, d)}
        return sorted(waiting, key=waiting.__getitem__)

    def move(job_id: str, **place: Any) -> int:
        return client.post(f"{JOBS}/{job_id}/move", json=place).status_code

    assert order() == [a, b, c, d]
    assert move(d, to="front") == 200 and order() == [d, a, b, c]
    assert move(a, after=b) == 200 and order() == [d, b, a, c]
    assert move(c, before=b) == 200 and order() == [d, c, b, a]
    assert move(d, to="back") == 200 and order() == [c, b, a, d]
    assert move(a, priority=5) == 200 and order() == [a, c, b, d]
    assert move(d, to="front") == 200 and order() == [d, a, c, b]
    assert move(b, after=d) == 200 and order() == [d, b, a, c]
    assert move(a) == 422 and move(a, to="front", priority=1) == 422
    assert move(a, before="nothing") == 404 and move(a, before=a) == 409
    assert move(busy, to="front") == 409 and move(a, after=busy) == 409
    for job_id in (a, b, c, d):
        client.post(f"{JOBS}/{job_id}/cancel")
    assert move(a, to="front") == 409


def test_a_retried_job_makes_only_what_it_lacks(client: TestClient) -> None:
    job_id = ask(client, prompt="slow 0.1", steps=2, n_iter=8, seed=50)["id"]
    while not (items := state(client, job_id)["items"]):
        time.sleep(0.01)
    assert client.post(f"{JOBS}/{job_id}/retry").status_code == 409, "it has not ended"
    client.post(f"{JOBS}/{job_id}/cancel")
    until(client, job_id, "cancelled")
    assert client.post(f"{JOBS}/{job_id}/retry").status_code == 200
    job = finished(client, job_id)
    assert job["state"] == "done" and [item["seed"] for item in job["items"]] == list(range(50, 58))
    assert job["items"][0]["file_name"] == items[0]["file_name"], "it was not made again"
    assert all(item["complete"] for item in job["items"])
    refused = client.post(f"{JOBS}/{job_id}/retry")
    assert refused.status_code == 409 and "duplicate it" in refused.text


def test_a_duplicate_is_the_same_wish_whatever_the_settings_are_now(
    client: TestClient, app: App
) -> None:
    first = finished(client, ask(client, prompt="twin", settings={"eta_noise_seed_delta": 3})["id"])
    app.settings.update({"eta_noise_seed_delta": 9})
    try:
        path = f"{JOBS}/{first['id']}/duplicate"
        same = finished(client, client.post(path).json()["id"])
        other = finished(client, client.post(path, json={"new_seed": True}).json()["id"])
    finally:
        app.settings.update({"eta_noise_seed_delta": 0})
    assert same["id"] != first["id"]
    assert (same["request"], same["settings"]) == (first["request"], first["settings"])
    assert other["request"]["seed"] != first["request"]["seed"]


def test_events_tell_of_a_job_until_it_ends(client: TestClient) -> None:
    job_id = ask(client, prompt="slow 0.1", steps=10)["id"]
    told: list[tuple[str, dict[str, Any]]] = []
    with client.stream("GET", f"{JOBS}/{job_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                told.append((name, json.loads(line[6:])))
    assert [name for name, _ in told][-1] == "end" and 3 <= len(told) <= 12
    assert told[-1][1] == state(client, job_id)
    steps = [job["step"] for name, job in told if name == "job"]
    assert steps == sorted(steps) and max(steps) >= 3


def test_too_many_event_streams_are_refused(
    app: App, busy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "STREAMS", 0)
    answer = TestClient(build_web(app), base_url=ADDRESS).get(f"{JOBS}/{busy}/events")
    assert answer.status_code == 429 and "poll the job" in answer.text


def test_a_closed_stream_makes_room() -> None:
    places = events._Places(1)

    async def through() -> list[int]:
        async def texts() -> AsyncIterator[str]:
            yield "a"

        seen = [places.free async for _ in places.held(texts())]
        return [*seen, places.free]

    assert asyncio.run(through()) == [0, 1]


def test_who_asks_is_told(client: TestClient) -> None:
    assert client.get("/easel/v1/me").json() == {
        "user": "",
        "sees_all": True,
        "shows_folders": False,
    }
