"""/easel/v1/networks: cards are listed, searched, described and given pictures, by name."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from modules.app import App
from tests.api.conftest import png

BASE = "/easel/v1/networks"


@pytest.fixture(scope="module", autouse=True)
def loras(app: App) -> Iterator[Path]:
    folder = app.paths.data_dir / "models" / "Lora"
    (folder / "deep").mkdir(parents=True)
    for name, alias in (("ink", "ink wash"), ("deep/clay", "")):
        header = json.dumps({"__metadata__": {"ss_output_name": alias}}).encode()
        (folder / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    (folder / "deep" / "clay.txt").write_text("soft and round")
    yield folder
    for file in folder.rglob("*.*"):
        file.unlink()


def cards(client: TestClient, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get(BASE, params={"kind": "lora", **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()["cards"]


def test_cards_are_listed_with_the_word_that_goes_into_a_prompt(client: TestClient) -> None:
    assert [(card["name"], card["word"]) for card in cards(client)] == [
        ("ink", "<lora:ink wash:1>"),
        ("clay", "<lora:clay:1>"),
    ]
    answer = client.get(BASE, params={"kind": "lora", "limit": 1, "offset": 1}).json()
    assert (answer["total"], answer["folders"]) == (2, ["deep"])
    assert [card["name"] for card in answer["cards"]] == ["clay"]
    assert [card["name"] for card in cards(client, text="ROUND")] == ["clay"]


def test_notes_are_written_and_read_and_change_the_word(client: TestClient, loras: Path) -> None:
    named = {"kind": "lora", "name": "ink"}
    body = {"description": "black ink", "activation_text": "inkwash", "preferred_weight": 0.6}
    assert client.post(f"{BASE}/notes", params=named, json=body).status_code == 200

    (card,) = cards(client, text="black")
    assert (card["word"], card["activation_text"]) == ("<lora:ink wash:0.6>", "inkwash")
    whole = client.get(f"{BASE}/card", params=named).json()
    assert whole["notes"]["activation text"] == "inkwash"
    assert whole["metadata"] == {"ss_output_name": "ink wash"}
    assert json.loads((loras / "ink.json").read_text())["preferred weight"] == 0.6


def test_a_picture_becomes_the_preview(client: TestClient) -> None:
    named = {"kind": "lora", "name": "clay"}
    assert client.get(f"{BASE}/preview", params=named).status_code == 404
    sent = client.post(f"{BASE}/preview", params=named, content=png((900, 300), "blue"))
    assert sent.status_code == 200, sent.text

    (card,) = cards(client, text="clay")
    small = Image.open(io.BytesIO(client.get(card["thumbnail"]).content))
    assert small.size == (320, 107)


def test_what_is_no_card_or_no_picture_is_refused(client: TestClient) -> None:
    for name in ("nobody", "../ink", "deep/clay"):
        assert client.get(f"{BASE}/card", params={"kind": "lora", "name": name}).status_code == 404
    assert client.get(BASE, params={"kind": "vae"}).status_code == 422
    named = {"kind": "lora", "name": "ink"}
    broken = client.post(f"{BASE}/preview", params=named, content=b"no picture")
    assert broken.status_code in (400, 422)
    bad = client.post(f"{BASE}/notes", params=named, json={"preferred_weight": 9})
    assert bad.status_code == 422
