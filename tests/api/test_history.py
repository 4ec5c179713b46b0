"""/easel/v1/history: what was made is found, shown, marked and deleted, by number and never by
path.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from PIL import Image

from modules.app import App
from modules.pictures.metadata import read_infotext
from tests.api.test_easel import finished, submit

BASE = "/easel/v1/history"


def found(client: TestClient, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get(BASE, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["pictures"]


def test_a_picture_that_was_just_made_is_in_the_history(client: TestClient) -> None:
    finished(client, submit(client, prompt="a zeppelin over fields", steps=2, seed=31))

    (record,) = found(client, text="zepp field")

    assert (record["seed"], record["prompt"]) == (31, "a zeppelin over fields")
    picture = client.get(record["url"])
    assert (
        read_infotext(picture.content)[0] == client.get(f"{BASE}/{record['id']}").json()["infotext"]
    )
    small = client.get(record["thumbnail"])
    assert small.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(small.content)).size == (320, 320)
    assert (record["width"], record["height"]) == (512, 512)


def test_a_picture_that_is_not_saved_is_not_in_the_history(client: TestClient) -> None:
    finished(client, submit(client, prompt="a submarine", steps=2, save_images=False))

    assert found(client, text="submarine") == []


def test_a_file_put_there_by_hand_is_found_after_a_look(client: TestClient, app: App) -> None:
    path = app.paths.data_dir / "outputs" / "txt2img-images" / "other" / "by-hand.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 7)).save(path)

    app.history.look(force=True)

    assert [(each["name"], each["width"]) for each in found(client, text="hand")] == [
        ("by-hand.png", 5)
    ]


def test_favourites_and_deleting(client: TestClient, app: App) -> None:
    finished(client, submit(client, prompt="a windmill", steps=2))
    (record,) = found(client, text="windmill")
    address = f"{BASE}/{record['id']}"

    assert client.post(f"{address}/favourite", json={"favourite": True}).status_code == 200
    assert [each["id"] for each in found(client, favourite=True)] == [record["id"]]
    path: Path = app.history.path(record["id"])
    assert client.delete(address).status_code == 200

    assert not path.exists() and found(client, text="windmill") == []
    assert client.get(address).status_code == 404


def test_bad_numbers_and_searches_are_refused_by_name(client: TestClient) -> None:
    assert client.get(f"{BASE}/999999/image").status_code == 404
    assert client.get(f"{BASE}/..%2f..%2fetc/image").status_code in (404, 422)
    for bad in ({"limit": 0}, {"limit": 10**6}, {"seed": "x"}, {"offset": -1}, {"seed": 2**70}):
        assert client.get(BASE, params=bad).status_code == 422, bad
    assert found(client, text='"; drop table pictures; --') == []
    assert client.get(f"{BASE}/choices").json()["samplers"]
