"""/easel/v1: jobs with ids, pictures, drawings, texts."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from modules.app import App
from modules.generation.request import Request
from modules.generation.styles import Style
from modules.pictures.metadata import read_infotext
from tests.api.conftest import png

CANVAS = "img2img_sketch-test"


def finished(client: TestClient, job_id: str) -> dict[str, Any]:
    for _ in range(400):
        job = client.get(f"/easel/v1/jobs/{job_id}").json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.05)
    raise AssertionError("the job did not end")


def submit(client: TestClient, **wish: Any) -> str:
    record = json.loads(json.dumps(Request(**wish).to_record()))
    answer = client.post("/easel/v1/jobs", json={"request": record})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def test_a_job_s_pictures_are_fetched_by_address(client: TestClient) -> None:
    job = finished(client, submit(client, prompt="a cat", steps=2, n_iter=2, seed=4))
    assert job["state"] == "done" and [item["seed"] for item in job["items"]] == [4, 5]
    answer = client.get(job["items"][1]["url"])
    assert answer.headers["content-type"] == "image/png"
    assert read_infotext(answer.content)[0] == job["items"][1]["infotext"]
    saved = client.get(job["items"][1]["url"], params={"download": True})
    assert saved.headers["content-disposition"].startswith("attachment")


def test_jobs_are_listed_newest_first_and_by_kind(client: TestClient) -> None:
    first, second = submit(client, steps=2), submit(client, steps=2)
    listed = [job["id"] for job in client.get("/easel/v1/jobs?kind=txt2img").json()["jobs"]]
    assert listed.index(second) < listed.index(first)
    others = client.get("/easel/v1/jobs?kind=img2img").json()["jobs"]
    assert {first, second}.isdisjoint(job["id"] for job in others)
    finished(client, second)


def test_a_failed_job_says_why_and_the_next_one_runs(client: TestClient) -> None:
    job = finished(client, submit(client, prompt="refuse at 0", steps=2))
    assert job["state"] == "failed" and job["error"]["message"]
    assert finished(client, submit(client, prompt="fine", steps=2))["state"] == "done"


def test_a_waiting_job_is_cancelled(client: TestClient) -> None:
    busy = submit(client, prompt="slow 0.1", steps=30)
    waiting = submit(client, prompt="waits", steps=2)
    assert client.get(f"/easel/v1/jobs/{waiting}").json()["state"] == "queued"
    assert client.post(f"/easel/v1/jobs/{waiting}/cancel").status_code == 200
    assert client.get(f"/easel/v1/jobs/{waiting}").json()["state"] == "cancelled"
    client.post(f"/easel/v1/jobs/{busy}/interrupt?now=true")
    finished(client, busy)


@pytest.mark.parametrize(
    "path", ["jobs/nothing", "jobs/nothing/images/0", "canvas/no-such-drawing"]
)
def test_what_is_not_there_is_404(client: TestClient, path: str) -> None:
    assert client.get(f"/easel/v1/{path}").status_code == 404


@pytest.mark.parametrize(
    "request_record", [{"steps": 0}, {"surprise": 1}, {"init": {"images": ["x"]}}, {"hires": 5}]
)
def test_an_unusable_request_is_refused(client: TestClient, request_record: dict[str, Any]) -> None:
    answer = client.post("/easel/v1/jobs", json={"request": request_record})
    assert answer.status_code == 422, answer.text


def test_an_uploaded_picture_is_named_by_its_sum(client: TestClient) -> None:
    stored = client.post("/easel/v1/inputs", content=png((24, 8))).json()
    assert (stored["width"], stored["height"]) == (24, 8)
    wish = {"prompt": "needs", "steps": 2, "init": {"images": [stored["sha256"]]}}
    job_id = client.post("/easel/v1/jobs", json={"request": wish}).json()["id"]
    assert f"needs {len(png((24, 8)))}" in finished(client, job_id)["items"][0]["infotext"]


def test_a_drawing_is_kept_and_comes_back(client: TestClient) -> None:
    ink = Image.new("RGBA", (16, 8))
    ink.putpixel((2, 3), (9, 8, 7, 255))
    buffer = io.BytesIO()
    ink.save(buffer, "PNG")
    ground = png((16, 8), "blue")
    state = {"width": 16, "height": 8, "image": True, "name": "x.png", "layers": [{"id": "1a"}]}
    answer = client.post(
        f"/easel/v1/canvas/{CANVAS}",
        data={"state": json.dumps(state)},
        files=[("layers", ("1a", buffer.getvalue())), ("background", ("x.png", ground))],
    )
    assert answer.status_code == 200, answer.text
    found = client.get(f"/easel/v1/canvas/{CANVAS}").json()
    assert found["token"] == answer.json()["token"]
    assert found["state"]["name"] == "x.png"
    assert client.get(found["background_url"]).content == ground
    assert client.get(found["layer_urls"]["1a"]).content == buffer.getvalue()


def test_tokens_are_counted(client: TestClient) -> None:
    body = {"text": "a photo of a cat", "negative": "x " * 80}
    counted = client.post("/easel/v1/tokens", json=body).json()
    assert (counted["count"], counted["limit"]) == (5, 75)
    assert counted["negative"] == {"count": 80, "limit": 150}


def test_the_tokens_of_chosen_styles_count_while_a_setting_says_so(
    client: TestClient, app: App
) -> None:
    app.styles.save(Style("ink", "ink drawing", "colour"))
    body = {"text": "a cat", "styles": ["ink", "unknown"]}
    counted = client.post("/easel/v1/tokens", json=body).json()
    assert (counted["count"], counted["negative"]["count"]) == (5, 1)
    app.settings.update({"include_styles_into_token_counters": False})
    try:
        assert client.post("/easel/v1/tokens", json=body).json()["count"] == 2
    finally:
        app.settings.update({"include_styles_into_token_counters": True})
        app.styles.delete("ink")


def test_png_info_of_a_plain_picture_is_empty(client: TestClient) -> None:
    found = client.post("/easel/v1/png-info", content=png()).json()
    assert found == {"infotext": None, "items": {}, "fields": {}}
    assert client.post("/easel/v1/png-info", content=b"zip").status_code == 422


def test_the_description_of_the_api_is_complete(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    assert {"/easel/v1/jobs", "/sdapi/v1/txt2img", "/sdapi/v1/options"} <= set(described)


def test_several_pictures_come_in_one_body_and_a_bad_one_spoils_no_other(
    client: TestClient,
) -> None:
    sent = [png((24, 8)), b"no picture", png((8, 24))]
    sizes = ",".join(str(len(each)) for each in sent)
    route = f"/easel/v1/inputs/several?sizes={sizes}"
    good, bad, other = client.post(route, content=b"".join(sent)).json()["stored"]
    assert [len(each["sha256"]) for each in (good, bad, other)] == [64, 0, 64]
    assert "no picture" in bad["problem"] and not good["problem"]
    short = client.post(route, content=b"".join(sent)[:-1])
    assert short.status_code == 422 and "add up" in short.text
