"""Adding models over HTTP: sent in pieces, read from another program's folder, fetched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modules.app import build_app
from modules.flags import parse
from modules.web.server import build_web
from tests.api.conftest import ADDRESS, FAKE_WORKER
from tests.unit.library.shop import Shop
from tests.unit.library.weights import CHECKPOINT, LORA, weights

DATA = weights({**CHECKPOINT, "x": (300, 400)}, fill=b"7")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """The application with these flags; no worker is started."""
    apps = []

    def opened(*flags: str) -> TestClient:
        argv = ["--data-dir", str(tmp_path / "data"), *flags]
        apps.append(build_app(parse(argv, {}), worker_command=FAKE_WORKER))
        return TestClient(build_web(apps[-1]), base_url=ADDRESS, raise_server_exceptions=False)

    yield opened
    for app in apps:
        app.close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop(DATA)
    server = shop.open()
    yield shop
    server.shutdown()
    server.server_close()


def models(client: TestClient) -> dict[str, Any]:
    return client.get("/easel/v1/models").json()


def checkpoints(client: TestClient) -> list[str]:
    found = client.get("/easel/v1/networks", params={"kind": "checkpoint"}).json()
    return [card["name"] for card in found["cards"]]


def test_a_checkpoint_is_sent_in_pieces_and_listed(serve: Callable[..., TestClient]) -> None:
    client = serve()
    assert models(client)["only_builtin"] is True
    head = 8 + int.from_bytes(DATA[:8], "little")
    asked = {"name": "mine.safetensors", "size": len(DATA)}
    sent = client.post("/easel/v1/models/uploads", params=asked, content=DATA[:head]).json()
    while sent["arrived"] is None:
        piece = DATA[sent["offset"] :][:100_000]
        place = f"/easel/v1/models/uploads/{sent['id']}"
        sent = client.put(place, params={"offset": sent["offset"]}, content=piece).json()
    assert sent["arrived"]["word"] == "checkpoint"
    assert "mine.safetensors" in checkpoints(client)
    assert models(client)["only_builtin"] is False

    wrong = client.post("/easel/v1/models/uploads", params=asked, content=b"<html>" * 9)
    assert wrong.status_code == 422 and "no safetensors" in wrong.json()["detail"]


def test_another_program_s_folder_is_read_and_forgotten(
    serve: Callable[..., TestClient], tmp_path: Path
) -> None:
    client = serve()
    (tmp_path / "comfy/models/checkpoints").mkdir(parents=True)
    (tmp_path / "comfy/models/checkpoints/theirs.safetensors").write_bytes(DATA)
    wrong = client.post("/easel/v1/models/folders", json={"path": str(tmp_path / "data")})
    assert wrong.status_code == 422 and "ComfyUI/models" in wrong.json()["detail"]

    path = str(tmp_path / "comfy")
    told = client.post("/easel/v1/models/folders", json={"path": path}).json()
    assert told["folders"] == [{"path": path, "kinds": ["checkpoint"]}]
    assert "theirs.safetensors" in checkpoints(client)
    told = client.post("/easel/v1/models/folders/forget", json={"path": path}).json()
    assert told["folders"] == [] and "theirs.safetensors" not in checkpoints(client)


def test_a_file_is_fetched_paused_resumed_and_chosen(
    serve: Callable[..., TestClient], shop: Shop, tmp_path: Path
) -> None:
    client = serve("--downloads-local", "--hub-address", shop.address)
    shop.wait = 0.05
    shop.tell_sum()
    body = {"repository": "a/b", "file": "far.safetensors", "token": "hf_secret"}
    added = client.post("/easel/v1/downloads", json=body).json()

    def until(state: str) -> dict[str, Any]:
        deadline = time.monotonic() + 10
        while (row := client.get("/easel/v1/downloads").json()["downloads"][0])["state"] != state:
            assert time.monotonic() < deadline and row["state"] != "failed", row
            time.sleep(0.02)
        return row

    while until("running")["have"] == 0:
        time.sleep(0.01)
    client.post(f"/easel/v1/downloads/{added['id']}/pause")
    assert 0 < until("paused")["have"] < len(DATA)
    shop.wait = 0.0
    client.post(f"/easel/v1/downloads/{added['id']}/resume")
    row = until("done")
    assert (row["name"], row["kind"], row["have"]) == ("far.safetensors", "checkpoint", len(DATA))
    assert "far.safetensors" in checkpoints(client)
    (card,) = [
        card
        for card in client.get("/easel/v1/networks?kind=checkpoint").json()["cards"]
        if card["name"] == "far.safetensors"
    ]
    assert card["hash"] == shop.told_sum[:10]
    client.delete(f"/easel/v1/downloads/{added['id']}")
    assert client.get("/easel/v1/downloads").json()["downloads"] == []
    assert "far.safetensors" in checkpoints(client)
    assert "hf_secret" not in str(row)


def test_nothing_is_fetched_from_a_private_address(
    serve: Callable[..., TestClient], shop: Shop
) -> None:
    body = {"url": f"{shop.address}/far.safetensors"}
    private = serve().post("/easel/v1/downloads", json=body)
    assert private.status_code == 422 and "private" in private.json()["detail"]


def test_offline_says_that_downloads_are_off(serve: Callable[..., TestClient]) -> None:
    client = serve("--offline", "--downloads-local")
    assert models(client)["offline"] is True
    answer = client.post("/easel/v1/downloads", json={"url": "http://127.0.0.1/a.safetensors"})
    assert answer.status_code == 403 and "--offline" in answer.json()["detail"]


@pytest.mark.parametrize("flags", [["--gradio-auth", "a:x,b:y"], ["--insecure-listen"]])
def test_only_the_owner_adds_models_where_there_are_others(
    serve: Callable[..., TestClient], flags: list[str]
) -> None:
    client = serve(*flags)
    client.auth = ("a", "x")
    assert models(client)["may_add"] is False
    data = weights(LORA)
    asked = [
        client.post("/easel/v1/models/uploads", params={"name": "a.safetensors", "size": 9}),
        client.post("/easel/v1/models/folders", json={"path": "/"}),
        client.post("/easel/v1/models/folders/forget", json={"path": "/"}),
        client.put("/easel/v1/models/uploads/x", params={"offset": 0}, content=data),
        client.delete("/easel/v1/models/uploads/x"),
        client.get("/easel/v1/downloads"),
        client.post("/easel/v1/downloads", json={"url": "http://a.example/a.safetensors"}),
        client.post("/easel/v1/downloads/x/pause"),
        client.post("/easel/v1/downloads/x/resume"),
        client.delete("/easel/v1/downloads/x"),
    ]
    assert {answer.status_code for answer in asked} == {403}


def test_a_flag_lets_every_user_add_models_but_choose_no_folder(
    serve: Callable[..., TestClient], tmp_path: Path
) -> None:
    client = serve("--gradio-auth", "a:x,b:y", "--users-add-models")
    client.auth = ("b", "y")
    state = models(client)
    assert (state["may_add"], state["may_choose_folders"]) == (True, False)
    (tmp_path / "VAE").mkdir()
    answer = client.post("/easel/v1/models/folders", json={"path": str(tmp_path)})
    assert answer.status_code == 403
