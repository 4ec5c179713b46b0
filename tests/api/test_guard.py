"""One guard in front of every route: rebinding, other sites' pages, credentials, sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request

from modules.web.guard import Guard, Policy, host_of, is_known_host
from tests.api.conftest import ADDRESS


def guarded(policy: Policy) -> TestClient:
    web = FastAPI()

    @web.get("/{path:path}")
    async def read(path: str) -> str:
        return path

    @web.post("/{path:path}")
    async def write(path: str, request: Request) -> int:
        return len(await request.body())

    web.add_middleware(Guard, policy=policy)
    return TestClient(web, base_url=ADDRESS)


@pytest.mark.parametrize(
    ("netloc", "known"),
    [
        ("127.0.0.1:7860", True),
        ("localhost", True),
        ("[::1]:7860", True),
        ("192.168.1.5:7860", True),
        ("easel.home", True),
        ("a.proxy.example", True),
        ("proxy.example", False),
        ("evil.com", False),
        ("127.0.0.1.evil.com", False),
        ("", False),
        ("[", False),
    ],
)
def test_only_hosts_that_cannot_be_rebound_are_served(netloc: str, known: bool) -> None:
    assert is_known_host(host_of(netloc), ("easel.home", "*.proxy.example")) is known


def test_a_rebound_name_is_turned_away() -> None:
    answer = guarded(Policy()).get("/", headers={"Host": "evil.com"})
    assert answer.status_code == 400 and "--allowed-host" in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": ADDRESS}, 200),
        ({"Origin": "http://evil.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "https://friend.example"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_another_site_s_page_cannot_press_buttons(headers: Mapping[str, str], status: int) -> None:
    client = guarded(Policy(origins=("https://friend.example",)))
    assert client.post("/interrupt", headers=dict(headers)).status_code == status
    assert client.get("/", headers=dict(headers)).status_code == 200, "a read has no effect"


def chunks() -> Iterator[bytes]:
    for _ in range(5):
        yield b"x" * 400


def test_a_body_over_the_limit_is_refused_with_and_without_a_length() -> None:
    client = guarded(Policy(max_body=1000))
    assert client.post("/", content=b"x" * 1000).json() == 1000
    assert client.post("/", content=b"x" * 1001).status_code == 413
    assert client.post("/", content=chunks()).status_code == 413


def test_every_answer_tells_browsers_not_to_guess(client: TestClient) -> None:
    headers = client.get("/internal/ping").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"


def test_no_file_outside_the_static_folder_is_served(client: TestClient) -> None:
    secret = Path("../webui.py")
    for path in (
        f"/easel/static/{secret}",
        "/easel/static/%2e%2e/page.py",
        "/easel/static//etc/passwd",
    ):
        assert client.get(path).status_code == 404


def test_an_origin_that_the_pattern_names_in_whole_may_press_buttons() -> None:
    client = guarded(Policy(origin_pattern=r"https://[a-z]+\.friend\.example"))
    asked = {
        origin: client.post("/x", headers={"origin": origin}).status_code
        for origin in ("https://a.friend.example", "https://a.friend.example.evil.com")
    }
    assert list(asked.values()) == [200, 403]
