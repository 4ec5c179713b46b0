"""Progress, stopping, settings and lists, as clients use them."""

from __future__ import annotations

import json
import math
import struct
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modules.app import App


def write_header(path: Path, entries: dict[str, Any]) -> Path:
    """A safetensors file of that header: metadata, and tensors by (dtype, shape)."""
    header, end = {}, 0
    for name, entry in entries.items():
        if isinstance(entry, tuple):
            size = 4 * math.prod(entry[1])
            span = [end, end := end + size]
            entry = {"dtype": entry[0], "shape": entry[1], "data_offsets": span}
        header[name] = entry
    raw = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(end))
    return path


def wait_until(check: Any, seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def started(client: TestClient, **body: Any) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []

    def run() -> None:
        answers.append(client.post("/sdapi/v1/txt2img", json=body).json())

    thread = threading.Thread(target=run)
    thread.start()
    return thread, answers


def progress(client: TestClient) -> dict[str, Any]:
    return client.get("/sdapi/v1/progress").json()


def test_idle_progress_is_zero(client: TestClient) -> None:
    wait_until(lambda: progress(client)["state"]["job"] == "")
    found = progress(client)
    assert found["progress"] == 0 and found["current_image"] is None
    assert found["state"]["job_count"] == 0


def test_a_running_job_shows_its_progress_and_is_interrupted(client: TestClient) -> None:
    thread, answers = started(client, prompt="slow 0.1", steps=100, n_iter=3)
    found = wait_until(lambda: (p := progress(client))["state"]["sampling_step"] > 1 and p)
    assert found["state"]["sampling_steps"] == 100
    assert 0 < found["progress"] < 1
    assert client.post("/sdapi/v1/interrupt").status_code == 200
    thread.join(20)
    assert not thread.is_alive() and len(answers[0]["images"]) < 3


def test_skip_goes_on_with_the_next_batch(client: TestClient) -> None:
    thread, answers = started(client, prompt="slow 0.1", steps=20, n_iter=2)
    wait_until(lambda: progress(client)["state"]["sampling_step"] > 1)
    assert client.post("/sdapi/v1/skip").status_code == 200
    thread.join(20)
    assert len(answers[0]["images"]) >= 1


def test_options_posted_back_whole_change_nothing(client: TestClient, app: App) -> None:
    before = app.settings.current
    everything = client.get("/sdapi/v1/options").json()
    assert client.post("/sdapi/v1/options", json=everything).status_code == 200
    assert app.settings.current.get("samples_format") == before.get("samples_format")
    assert client.get("/sdapi/v1/options").json() == everything


def test_an_option_is_changed_and_kept(client: TestClient, app: App) -> None:
    assert client.post("/sdapi/v1/options", json={"jpeg_quality": "91"}).status_code == 200
    assert app.settings.current.saving_images.jpeg_quality == 91
    assert client.get("/sdapi/v1/options").json()["jpeg_quality"] == 91
    client.post("/sdapi/v1/options", json={"jpeg_quality": 80})


def test_one_bad_option_changes_none(client: TestClient, app: App) -> None:
    answer = client.post("/sdapi/v1/options", json={"jpeg_quality": 70, "eta_ddim": 99})
    assert answer.status_code == 422 and "eta_ddim" in answer.text
    assert app.settings.current.saving_images.jpeg_quality == 80


def test_keys_of_other_programs_are_kept_for_them(client: TestClient, app: App) -> None:
    app.settings.update({"their_key": [1]}, keep_unknown=True)
    assert client.get("/sdapi/v1/options").json()["their_key"] == [1]
    assert client.post("/sdapi/v1/options", json={"their_key": [2]}).status_code == 200
    assert client.get("/sdapi/v1/options").json()["their_key"] == [2]


def test_a_key_that_nobody_knows_is_named(client: TestClient) -> None:
    answer = client.post("/sdapi/v1/options", json={"samples_fromat": "jpg"})
    assert answer.status_code == 422
    assert "samples_fromat" in answer.text and "samples_format" in answer.text


def test_the_checkpoint_is_chosen_by_any_of_its_names(client: TestClient) -> None:
    for name in ("two", "one.safetensors"):
        client.post("/sdapi/v1/options", json={"sd_model_checkpoint": name})
        chosen = client.get("/sdapi/v1/options").json()["sd_model_checkpoint"]
        assert chosen.startswith(name)
    answer = client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "three"})
    assert answer.status_code == 404 and "three" in answer.text


@pytest.mark.parametrize(
    ("route", "key", "value"),
    [
        ("samplers", "name", "DPM++ 2M"),
        ("schedulers", "label", "Karras"),
        ("sd-models", "model_name", "one"),
        ("latent-upscale-modes", "name", "Latent"),
        ("upscalers", "name", "Lanczos"),
        ("prompt-styles", "name", "dusk"),
    ],
)
def test_the_lists_have_what_they_should(
    client: TestClient, route: str, key: str, value: str
) -> None:
    rows = client.get(f"/sdapi/v1/{route}").json()
    assert value in [row[key] for row in rows]


@pytest.mark.parametrize(
    "route", ["face-restorers", "realesrgan-models", "script-info", "extensions"]
)
def test_what_this_version_has_none_of_is_an_empty_list(client: TestClient, route: str) -> None:
    assert client.get(f"/sdapi/v1/{route}").json() == []


def test_networks_are_listed_with_what_their_files_say(client: TestClient, app: App) -> None:
    folder = app.paths.data_dir
    lora = write_header(
        folder / "models/Lora/sub/pear.safetensors",
        {"__metadata__": {"ss_output_name": "pear v2", "ss_tag_frequency": '{"a": 1}'}},
    )
    write_header(folder / "embeddings/sad.safetensors", {"emb_params": ("F32", [3, 768])})
    (folder / "models/hypernetworks").mkdir(parents=True, exist_ok=True)
    (folder / "models/hypernetworks/old.pt").touch()
    for route in ("refresh-loras", "refresh-embeddings"):
        assert client.post(f"/sdapi/v1/{route}").status_code == 200
    assert client.get("/sdapi/v1/loras").json() == [
        {
            "name": "pear",
            "alias": "pear v2",
            "path": str(lora),
            "metadata": {"ss_output_name": "pear v2", "ss_tag_frequency": {"a": 1}},
        }
    ]
    found = client.get("/sdapi/v1/embeddings").json()
    assert set(found) == {"loaded", "skipped"}
    assert found["loaded"]["sad"]["shape"] == 768 and found["loaded"]["sad"]["vectors"] == 3
    assert [row["name"] for row in client.get("/sdapi/v1/hypernetworks").json()] == ["old"]
    lora.unlink()


def test_scripts_are_listed_for_both_tabs(client: TestClient) -> None:
    assert client.get("/sdapi/v1/scripts").json() == {"txt2img": [], "img2img": []}


def test_the_worker_is_asked_for_its_memory_and_to_unload(client: TestClient) -> None:
    assert client.get("/sdapi/v1/memory").status_code == 200
    for route in ("unload-checkpoint", "reload-checkpoint"):
        assert client.post(f"/sdapi/v1/{route}").json() == {}


@pytest.mark.parametrize("route", ["server-kill", "server-restart", "server-stop"])
def test_the_server_is_not_stopped_unless_a_flag_allows_it(client: TestClient, route: str) -> None:
    assert client.post(f"/sdapi/v1/{route}").status_code == 404


def test_reading_the_options_does_not_need_the_chosen_checkpoint(
    client: TestClient, app: App
) -> None:
    app.settings.update({"sd_model_checkpoint": "deleted.safetensors"})
    told = client.get("/sdapi/v1/options").json()
    assert told["sd_model_checkpoint"] == "deleted.safetensors"
    assert client.post("/sdapi/v1/options", json=told).status_code == 200
    app.settings.update({"sd_model_checkpoint": "one.safetensors"})


def test_flags_are_told_without_secrets(client: TestClient) -> None:
    told = client.get("/sdapi/v1/cmd-flags").json()
    assert told["api"] is True
    assert not told.get("api_auth") and not told.get("gradio_auth")
