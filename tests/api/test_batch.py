"""img2img's batch over /easel/v1: pictures read from a folder of the machine, and by whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modules.app import build_app
from modules.flags import parse
from modules.web.server import build_web
from tests.api.conftest import ADDRESS, FAKE_WORKER, png, text

FOLDER = "/easel/v1/inputs/folder"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("1.png", "2.png"):
        (folder / name).write_bytes(png(colour="red" if name == "1.png" else "blue"))
    (folder / "3.png").write_bytes(b"no picture")
    return folder


def test_a_folder_becomes_the_inputs_of_one_job(client: TestClient, pictures: Path) -> None:
    part = client.post(FOLDER, json={"path": str(pictures)}).json()
    assert (part["count"], part["next"]) == (3, "")
    named = [{"image": each["sha256"], "name": each["name"]} for each in part["stored"]]
    named[1] |= {"prompt": "a pear", "steps": 3}
    sent = {"image": text(png(colour="green")), "name": "green.png"}
    wish: dict[str, Any] = {"prompt": "a barn", "steps": 2, "init": {"inputs": [*named, sent]}}
    job = client.post("/easel/v1/jobs", json={"request": wish}).json()["url"]
    done = client.get(job, params={"wait": 20}).json()
    assert (done["state"], done["made"], done["failed"]) == ("done", 3, 1)
    assert [item["prompt"] for item in done["items"]] == ["a barn", "a pear", "a barn"]
    assert [(each["name"], each["index"]) for each in done["failures"]] == [("3.png", 2)]
    brief = client.get(job, params={"brief": True}).json()
    assert brief["request"]["init"]["inputs"] == [] and brief["input_count"] == 4
    wish["init"] |= {"images": [text(png())]}
    refused = client.post("/easel/v1/jobs", json={"request": wish})
    assert refused.status_code == 422 and "not both" in refused.json()["detail"]


def test_folders_are_read_only_where_they_may_be_chosen(tmp_path: Path, pictures: Path) -> None:
    (pictures / "link").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "secret.png").write_bytes(png())
    (pictures / "4.png").symlink_to(tmp_path / "secret.png")
    flags = ["--hide-ui-dir-config", "--gradio-allowed-path", str(pictures)]
    argv = ["--data-dir", str(tmp_path / "data"), *flags]
    app = build_app(parse(argv, {}), worker_command=FAKE_WORKER)
    try:
        client = TestClient(build_web(app), base_url=ADDRESS)
        answers = [
            client.post(FOLDER, json={"path": str(path)})
            for path in (pictures, tmp_path, pictures / "link", pictures / "..")
        ]
        assert [answer.status_code for answer in answers] == [200, 422, 422, 422]
        assert "can't be chosen here" in answers[1].json()["detail"]
        told = {each["name"]: each["problem"] for each in answers[0].json()["stored"]}
        assert told["1.png"] == "" and "may not be read" in told["4.png"]
    finally:
        app.close()
