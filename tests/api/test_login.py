"""Passwords, sessions and the pace of guessing, through the real application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from modules.app import App, build_app
from modules.flags import parse
from modules.web import admission
from modules.web.admission import Admission
from modules.web.server import build_web
from modules.web.sessions import LASTS, Sessions
from tests.api.conftest import ADDRESS, FAKE_WORKER

USERS = ("--gradio-auth", "ann:pass:word", "--api-auth", "bob:ä")
BROWSER = {"Accept": "text/html,*/*", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("login")


@pytest.fixture(scope="module")
def locked(folder: Path) -> Iterator[App]:
    flags = parse(["--data-dir", str(folder), "--api", *USERS], {})
    app = build_app(flags, worker_command=FAKE_WORKER)
    yield app
    app.close()


@pytest.fixture
def visitor(locked: App) -> TestClient:
    return TestClient(build_web(locked), base_url=ADDRESS, follow_redirects=False)


def log_in(visitor: TestClient, user: str = "ann", password: str = "pass:word", **more):
    return visitor.post("/login", data={"username": user, "password": password}, **more)


@pytest.mark.parametrize(
    "path",
    ["/", "/sdapi/v1/options", "/easel/static/page.js", "/docs", "/openapi.json", "/easel/v1/jobs"]
    + ["/internal/ping", "/gradio_api/info", "/nothing"],
)
def test_with_any_password_every_door_asks_for_one(visitor: TestClient, path: str) -> None:
    refused = visitor.get(path)
    assert refused.status_code == 401 and "Basic" in refused.headers["www-authenticate"]
    for wrong in (("ann", "wrong"), ("ann", "ä"), ("bob", "pass:word"), ("", "")):
        assert visitor.get(path, auth=wrong).status_code == 401
    for header in ("Basic !!", "Basic \xe4", "Bearer x", "Basic " + "W" * 4000):
        headers = {b"Authorization": header.encode("latin-1")}
        assert visitor.get(path, headers=headers).status_code in (401, 429)


def test_a_browser_is_led_to_the_login_page_and_back(visitor: TestClient) -> None:
    sent = visitor.get("/easel/v1/jobs?limit=3", headers=BROWSER)
    assert sent.status_code == 303
    address = sent.headers["location"]
    assert address == "/login?next=%2Feasel%2Fv1%2Fjobs%3Flimit%3D3"
    page = visitor.get(address, headers=BROWSER)
    assert page.status_code == 200 and 'name="password"' in page.text
    form = {"username": "ann", "password": "pass:word"}
    entered = visitor.post(address, data=form, headers=BROWSER)
    assert (entered.status_code, entered.headers["location"]) == (303, "/easel/v1/jobs?limit=3")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie
    assert "pass:word" not in cookie
    assert visitor.get("/easel/v1/status").status_code == 200


@pytest.mark.parametrize("next", ["//evil.com", "https://evil.com", "/\\evil.com", "evil", "/%0d"])
def test_a_login_sends_nobody_to_another_site(visitor: TestClient, next: str) -> None:
    entered = log_in(visitor, headers=BROWSER, params={"next": next})
    assert entered.headers["location"] in ("/", "/%0d")


def test_a_program_s_login_is_answered_as_json(visitor: TestClient) -> None:
    assert log_in(visitor, "ann", "no").status_code == 401
    assert log_in(visitor).json() == {"success": True}
    assert visitor.get("/sdapi/v1/options").status_code == 200


def test_a_script_of_the_page_gets_no_prompt_of_the_browser(visitor: TestClient) -> None:
    answer = visitor.get("/easel/v1/jobs", headers={"Sec-Fetch-Mode": "cors"})
    assert answer.status_code == 401 and "www-authenticate" not in answer.headers


def test_a_logout_ends_the_session_for_good(visitor: TestClient, locked: App) -> None:
    log_in(visitor)
    copied = dict(visitor.cookies)
    assert visitor.get("/logout").status_code == 200, "a read ends nothing"
    assert visitor.get("/easel/v1/status").status_code == 200
    assert visitor.post("/logout").status_code == 303
    again = TestClient(build_web(locked), base_url=ADDRESS, cookies=copied)
    assert again.get("/easel/v1/status").status_code == 401


def test_a_session_survives_a_restart_and_ends_with_its_password(tmp_path: Path) -> None:
    users = (("ann", "a"), ("bob", "b"))
    value = Sessions(tmp_path, users).begin("ann")
    assert Sessions(tmp_path, users).user_of(value) == "ann"
    assert Sessions(tmp_path, (("ann", "new"), users[1])).user_of(value) is None
    assert Sessions(tmp_path / "other", users).user_of(value) is None
    assert (tmp_path / "session-secret").stat().st_mode & 0o077 == 0


def test_a_session_ends_in_time_and_no_altered_one_is_believed(tmp_path: Path) -> None:
    now = [1000.0]
    sessions = Sessions(tmp_path, (("ann", "a"), ("bob", "b")), clock=lambda: now[0])
    value = sessions.begin("ann")
    text, _, signature = value.partition(".")
    other = signature[:-1] + ("1" if signature.endswith("0") else "0")
    for bad in (text, f"{text}.", f"x{text}.{signature}", f"{text}.{other}", "ä.ä", ""):
        assert sessions.user_of(bad) is None, bad
    now[0] += LASTS
    assert sessions.user_of(value) is None


def test_guessing_is_slowed_down_for_that_place_alone() -> None:
    now = [0.0]
    door = Admission((("ann", "a"),), clock=lambda: now[0])
    known = {"authorization": "Basic YW5uOmE="}
    assert door.admit(known, "5.5.5.5").user == "ann"
    for _ in range(admission.TRIES):
        assert door.check("ann", "guess", "5.5.5.5").user is None
    blocked = door.check("ann", "a", "5.5.5.5")
    assert blocked.user is None and 0 < blocked.wait <= admission.WINDOW
    assert door.check("ann", "a", "6.6.6.6").user == "ann"
    assert door.admit(known, "5.5.5.5").user == "ann", "what polls already is not shut out"
    now[0] += admission.WINDOW + 1
    assert door.check("ann", "a", "5.5.5.5").user == "ann"


def test_addresses_of_one_ipv6_line_are_one_place() -> None:
    door = Admission((("ann", "a"),), clock=lambda: 0.0)
    for number in range(admission.TRIES):
        door.check("ann", "guess", f"2001:db8::{number:x}")
    assert door.check("ann", "a", "2001:db8::ffff").wait
    assert not door.check("ann", "a", "2001:db8:0:1::1").wait


def test_guesses_from_everywhere_are_slowed_down_too() -> None:
    door = Admission((("ann", "a"),), clock=lambda: 0.0)
    for number in range(admission.TRIES_IN_ALL):
        door.check("ann", "guess", f"10.0.{number % 256}.{number // 256}")
    assert door.check("ann", "a", "7.7.7.7").wait


def test_a_blocked_place_is_told_to_wait(visitor: TestClient) -> None:
    for _ in range(admission.TRIES):
        log_in(visitor, "ann", "guess")
    answer = log_in(visitor)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
    assert visitor.get("/easel/v1/jobs", auth=("ann", "pass:word")).status_code == 429


def test_without_a_password_the_login_page_leads_on(client: TestClient) -> None:
    for answer in (client.get("/login", follow_redirects=False), client.post("/login")):
        assert answer.status_code in (303, 404, 405)
