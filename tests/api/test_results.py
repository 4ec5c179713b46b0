"""What one does with finished pictures over HTTP: zip, delete and put back, start, larger."""

from __future__ import annotations

import csv
import io
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from PIL import Image
from starlette.requests import Request

from modules.app import App
from modules.flags import parse
from modules.web.easel.results import may_show_folders
from tests.api.conftest import png, text
from tests.api.test_easel import finished, submit

JOBS = "/easel/v1/jobs"


def images(client: TestClient, job_id: str) -> list[int]:
    return [each["index"] for each in client.get(f"{JOBS}/{job_id}").json()["items"]]


def names_of(client: TestClient, word: str) -> list[str]:
    found = client.get("/easel/v1/history", params={"text": word}).json()["pictures"]
    return [each["name"] for each in found]


def test_a_zip_holds_the_files_of_a_job_as_they_were_saved(client: TestClient, app: App) -> None:
    other = finished(client, submit(client, prompt="another fox", steps=1))
    job = finished(client, submit(client, prompt="a zipped fox", steps=1, n_iter=3))
    app.jobs.image_path(job["id"], 1).unlink()

    answer = client.get(f"{JOBS}/{job['id']}/zip", params={"also": other["id"]})

    assert answer.headers["content-type"] == "application/zip"
    named = r"attachment; filename\*=UTF-8''\d{14}_%5B\w+%5D_(\d+)-(\d+)\.zip"
    found = re.fullmatch(named, answer.headers["content-disposition"])
    seeds = [item["seed"] for item in job["items"]]
    assert found and [int(seed) for seed in found.groups()] == [seeds[0], seeds[2]]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        # One file is gone by other means.
        kept = [job["items"][0], job["items"][2], other["items"][0]]
        assert archive.namelist() == [item["file_name"] for item in kept]
        assert archive.read(kept[0]["file_name"]) == client.get(kept[0]["url"]).content


def test_a_deleted_picture_leaves_disk_job_and_history_and_comes_back(
    client: TestClient, app: App
) -> None:
    job = finished(client, submit(client, prompt="a lost heron", steps=1, n_iter=2))
    address = f"{JOBS}/{job['id']}"
    path = app.jobs.image_path(job["id"], 0)
    data = path.read_bytes()

    deleted = client.delete(f"{address}/images/0").json()["id"]

    assert not path.exists() and images(client, job["id"]) == [1]
    assert client.get(f"{address}/images/0").status_code == 404
    assert client.delete(f"{address}/images/0").status_code == 404
    assert set(names_of(client, "heron")) - {job["grid"]["file_name"]} == {
        job["items"][1]["file_name"]
    }
    assert client.get(address).json()["interrupted"] is False, "it lacks nothing"
    assert client.post(f"{address}/retry").status_code == 409, "it is not made again"
    listed = client.get("/easel/v1/deleted").json()
    assert (listed["pictures"][0]["id"], listed["days"]) == (deleted, 30)

    assert client.get(f"/easel/v1/deleted/{deleted}/image").content == data
    path.write_bytes(b"somebody else's")
    assert client.post(f"/easel/v1/deleted/{deleted}/restore").status_code == 200

    assert images(client, job["id"]) == [0, 1] and path.read_bytes() == b"somebody else's"
    assert client.get(f"{address}/images/0").content == data
    assert f"{path.stem}-1.png" in names_of(client, "heron")
    assert client.post(f"/easel/v1/deleted/{deleted}/restore").status_code == 404
    for wrong in ("..", "%2e%2e", "20260101-000000-ffffff"):
        assert client.post(f"/easel/v1/deleted/{wrong}/restore").status_code == 404


def test_a_picture_deleted_in_the_history_leaves_its_job_and_keeps_its_mark(
    client: TestClient,
) -> None:
    job = finished(client, submit(client, prompt="a marked crane", steps=1))
    (record,) = client.get("/easel/v1/history?text=crane").json()["pictures"]
    address = f"/easel/v1/history/{record['id']}"
    client.post(f"{address}/favourite", json={"favourite": True})

    deleted = client.delete(address).json()["id"]
    assert images(client, job["id"]) == []
    client.post(f"/easel/v1/deleted/{deleted}/restore")

    assert images(client, job["id"]) == [0]
    (back,) = client.get("/easel/v1/history?text=crane&favourite=true").json()["pictures"]
    assert back["name"] == record["name"]
    client.post(f"/easel/v1/history/{back['id']}/favourite", json={"favourite": False})


def test_without_days_to_keep_it_a_deleted_picture_is_gone(client: TestClient, app: App) -> None:
    job = finished(client, submit(client, prompt="a gone gull", steps=1))
    path = app.jobs.image_path(job["id"], 0)
    before = app.settings.current.easel.easel_keep_deleted_days
    app.settings.update({"easel_keep_deleted_days": 0})
    try:
        assert client.delete(f"{JOBS}/{job['id']}/images/0").json() == {"id": None}
    finally:
        app.settings.update({"easel_keep_deleted_days": before})
    assert not path.exists()


def test_what_a_picture_started_from_is_given_back(client: TestClient) -> None:
    start = png((16, 16), "blue")
    body: dict[str, Any] = {"prompt": "a start", "steps": 1, "init": {"images": [text(start)]}}
    job = finished(client, client.post(JOBS, json={"request": body}).json()["id"])
    answer = client.get(f"{JOBS}/{job['id']}/images/0/start")
    assert answer.content == start and answer.headers["content-type"] == "image/png"
    other = finished(client, submit(client, prompt="no start", steps=1))
    assert client.get(f"{JOBS}/{other['id']}/images/0/start").status_code == 404


def test_a_picture_is_made_larger_with_what_it_was_made_with(client: TestClient, app: App) -> None:
    wish = {"prompt": "a small owl", "steps": 3, "seed": 50, "n_iter": 2, "cfg_scale": 4.5}
    job = finished(client, submit(client, **wish, width=64, height=64))
    app.settings.update({"sd_model_checkpoint": "two.safetensors"})
    try:
        body = {"scale": 1.5, "upscaler": "Lanczos", "denoising_strength": 0.4}
        answer = client.post(f"{JOBS}/{job['id']}/images/1/enlarge", json=body)
    finally:
        app.settings.update({"sd_model_checkpoint": "one.safetensors"})
    assert answer.status_code == 201, answer.text
    larger = finished(client, answer.json()["id"])
    made = larger["request"]
    assert (made["prompt"], made["seed"], made["cfg_scale"]) == ("a small owl", 51, 4.5)
    assert larger["image_count"] == 1 and len(larger["items"]) == 1
    assert made["hires"]["firstpass_image"] == job["items"][1]["sha256"]
    assert (made["hires"]["scale"], made["hires"]["upscaler"]) == (1.5, "Lanczos")
    assert larger["settings"] == job["settings"], "the checkpoint of then, not that of now"
    again = client.post(f"{JOBS}/{job['id']}/images/9/enlarge")
    assert again.status_code == 422


def test_a_folder_is_shown_only_at_this_machine_s_own_desktop(
    client: TestClient, tmp_path: Path
) -> None:
    def shows(
        peer: str = "127.0.0.1",
        host: str = "localhost:7860",
        flags: tuple[str, ...] = (),
        *,
        screen: bool = True,
        header: tuple[bytes, bytes] = (b"accept", b"*/*"),
    ) -> bool:
        environment = {"DISPLAY": ":0"} if screen else {}
        scope = {"type": "http", "client": (peer, 5), "headers": [(b"host", host.encode()), header]}
        known = parse(["--data-dir", str(tmp_path), *flags], environment, windows=False)
        return may_show_folders(Request(scope), known)

    assert shows() and shows(peer="::1", host="127.0.0.1")
    assert not shows(peer="192.168.0.7")
    assert not shows(host="192.168.0.7"), "a proxy's client, or a tunnel's"
    assert not shows(header=(b"x-forwarded-for", b"10.0.0.1"))
    assert not shows(screen=sys.platform != "linux")
    assert not shows(flags=("--hide-ui-dir-config",))
    assert not shows(flags=("--listen", "--insecure-listen"))
    assert client.post(f"{JOBS}/1/images/0/show-folder").status_code == 403


def test_the_larger_size_is_that_of_the_picture(client: TestClient) -> None:
    job = finished(client, submit(client, prompt="an odd size", steps=1, width=72, height=64))
    answer = client.post(f"{JOBS}/{job['id']}/images/0/enlarge")
    made = finished(client, answer.json()["id"])["request"]
    assert (made["width"], made["height"]) == (72, 64)
    assert Image.open(io.BytesIO(client.get(job["items"][0]["url"]).content)).size == (72, 64)


def test_a_saved_picture_is_copied_and_written_down_in_log_csv(
    client: TestClient, app: App
) -> None:
    job = finished(client, submit(client, prompt="a kept fox", steps=3, n_iter=2, seed=11))
    address, folder = f"{JOBS}/{job['id']}/images", app.paths.data_dir / "kept"
    app.settings.update({"outdir_save": "kept"})
    try:
        (name,) = client.post(f"{address}/1/save").json()["names"]
        (again,) = client.post(f"{address}/1/save").json()["names"]
        assert (folder / name).read_bytes() == client.get(f"{address}/1").content
        assert name == "00000-12-a kept fox.png" and again.startswith("00001")
        assert name in names_of(client, "kept")
        with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
            row, _ = csv.DictReader(file)
        told = {"prompt": "a kept fox", "seed": "12", "steps": "3", "filename": name}
        assert told.items() <= row.items()
        assert row["sampler"] == job["summary"]["sampler_name"]

        app.settings.update({"save_selected_only": False, "save_write_log_csv": False})
        names = client.post(f"{address}/0/save").json()["names"]
        assert len(names) == 2 + bool(job["grid"])
        assert len((folder / "log.csv").read_text().splitlines()) == 3
        assert client.post(f"{address}/7/save").status_code == 404
        app.jobs.image_path(job["id"], 0).unlink()
        assert client.post(f"{address}/0/save").status_code == 404
    finally:
        defaults = {"save_selected_only": True, "save_write_log_csv": True}
        app.settings.update({"outdir_save": "log/images", **defaults})
