"""The doors of docs/doors.md, each tested by the name that stands there, and the guard alone."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.routing import Mount, Route

from modules.app import App, build_app
from modules.errors import FlagsError
from modules.flags import check_exposure, parse
from modules.library.outward import Outward
from modules.web import admission
from modules.web.guard import OPEN_PATHS, Guard, Policy, host_of, is_known_host
from modules.web.server import build_web
from tests.api.conftest import ADDRESS, FAKE_WORKER, png, text, write_empty_checkpoint
from tests.conftest import ROOT

USERS = ("--gradio-auth", "ann:pass:word", "--api-auth", "bob:ä")
ANN, BOB = ("ann", "pass:word"), ("bob", "ä".encode())


def built(folder: Path, *flags: str) -> App:
    """Not started: no job of it runs."""
    write_empty_checkpoint(folder / "models/Stable-diffusion/one.safetensors")
    return build_app(parse(["--data-dir", str(folder), *flags], {}), worker_command=FAKE_WORKER)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """With two users, and an application under "/" as the page is."""
    app = built(tmp_path_factory.mktemp("locked"), "--api", *USERS)
    yield app
    app.close()


@pytest.fixture
def stranger(locked: App) -> TestClient:
    web = build_web(locked)
    page = FastAPI()

    @page.get("/{path:path}")
    def anything(path: str) -> str:
        return f"the page {path}"

    web.mount("/", page)
    return TestClient(web, base_url=ADDRESS, follow_redirects=False)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[App]:
    """Without a password, for this test alone."""
    app = built(tmp_path, "--api")
    yield app
    app.close()


def client_of(app: App) -> TestClient:
    return TestClient(build_web(app), base_url=ADDRESS, raise_server_exceptions=False)


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


# ------------------------------------------------------------------------------ docs/doors.md


def doors() -> list[str]:
    """The tests that the page names."""
    page = (ROOT / "docs" / "doors.md").read_text(encoding="utf-8")
    return re.findall(r"\| `(test_\w+)` \|$", page, re.M)


def test_every_door_of_the_page_has_its_test() -> None:
    assert len(doors()) >= 19
    assert [name for name in doors() if name not in globals()] == []


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/upload", "/gradio_api/file=/etc/x"])
def test_the_page_and_whatever_is_mounted_under_it_ask_for_a_password(
    stranger: TestClient, path: str
) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        assert stranger.request(method, path).status_code == 401, method
    assert stranger.get(path, auth=ANN).status_code == 200


def every_route(router: Any, prefix: str = "") -> list[tuple[str, str]]:
    """(method, path) of all routes, with something for each parameter."""
    found = []
    for route in router.routes:
        if (included := getattr(route, "original_router", None)) is not None:
            found += every_route(included, prefix + getattr(router, "prefix", ""))
            continue
        assert isinstance(route, Route | Mount), route
        path = prefix + re.sub(r"\{[^}]*\}", "1", route.path)
        methods = route.methods or {"GET"} if isinstance(route, Route) else {"GET"}
        found += [(method, path) for method in methods]
    return found


def test_every_route_asks_for_a_password(locked: App, stranger: TestClient) -> None:
    routes = every_route(build_web(locked).router)
    paths = {path for _, path in routes}
    assert {"/sdapi/v1/txt2img", "/easel/v1/jobs/1/images/1", "/internal/sysinfo"} <= paths
    assert {"/docs", "/openapi.json", "/easel/static", "/easel/v1/canvas/1"} <= paths
    for method, path in routes:
        status = stranger.request(method, path).status_code
        assert status == 401 or path in OPEN_PATHS, (method, path, status)


def test_only_the_login_page_and_its_icon_are_open(stranger: TestClient) -> None:
    assert OPEN_PATHS == {"/login", "/favicon.ico"}
    for path in OPEN_PATHS:
        assert stranger.get(path).status_code == 200
    for path in ("/login/", "//login", "/login/x", "/x/../login/..", "/LOGIN", "/favicon.ico/x"):
        assert stranger.get(path).status_code == 401, path


@pytest.mark.parametrize("user", [ANN, BOB])
@pytest.mark.parametrize("path", ["/", "/sdapi/v1/options", "/easel/v1/jobs", "/openapi.json"])
def test_a_page_s_password_opens_the_api_and_the_reverse(
    stranger: TestClient, path: str, user: Any
) -> None:
    assert stranger.get(path, auth=user).status_code == 200
    for wrong in ((user[0], "wrong"), (user[0], ""), ("", user[1]), ("nobody", user[1])):
        assert stranger.get(path, auth=wrong).status_code in (401, 429)


def test_the_network_is_not_served_without_a_password() -> None:
    for flags in (["--listen"], ["--server-name", "192.168.1.5"], ["--server-name", "::"]):
        with pytest.raises(FlagsError, match="--insecure-listen"):
            check_exposure(parse(flags, {}))
        check_exposure(parse([*flags, "--api-auth", "a:b"], {}))
        check_exposure(parse([*flags, "--insecure-listen"], {}))


def test_another_site_s_page_reads_nothing(client: TestClient, tmp_path: Path) -> None:
    evil = {"Origin": "https://evil.com"}
    ask = {**evil, "Access-Control-Request-Method": "POST"}
    for answer in (
        client.get("/easel/v1/status", headers=evil),
        client.options("/easel/v1/jobs", headers=ask),
        client.get("/easel/v1/status", headers={**evil, "Host": "192.168.1.5:7860"}),
    ):
        assert "access-control-allow-origin" not in answer.headers
    app = built(tmp_path, "--cors-allow-origins", "https://friend.example")
    try:
        friend = {"Origin": "https://friend.example"}
        answer = client_of(app).get("/easel/v1/me", headers=friend)
        assert answer.headers["access-control-allow-origin"] == "https://friend.example"
        answer = client_of(app).get("/easel/v1/me", headers=evil)
        assert "access-control-allow-origin" not in answer.headers
    finally:
        app.close()


def test_guessing_passwords_is_slowed_down(stranger: TestClient) -> None:
    seen = [
        stranger.get("/sdapi/v1/options", auth=("ann", str(n))).status_code
        for n in range(admission.TRIES + 1)
    ]
    assert seen == [401] * (admission.TRIES - 1) + [429, 429]
    answer = stranger.get("/sdapi/v1/options", auth=ANN)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0


def test_users_see_only_what_is_theirs(stranger: TestClient) -> None:
    record = {"request": {"prompt": "mine"}}
    job = stranger.post("/easel/v1/jobs", json=record, auth=ANN).json()
    assert stranger.get(job["url"], auth=ANN).json()["owner"] == "ann"
    assert stranger.get(job["url"], auth=BOB).status_code == 404
    assert stranger.delete(f"{job['url']}/images/0", auth=BOB).status_code == 404
    me = stranger.get("/easel/v1/me", auth=BOB).json()
    assert (me["user"], me["sees_all"]) == ("bob", False)


def test_large_pictures_and_batches_are_refused(fresh: App) -> None:
    fresh.settings.update({"easel_max_pixels": 10_000, "easel_max_batch_pixels": 1_000_000})
    client = client_of(fresh)
    large = png((101, 100))
    assert client.post("/easel/v1/inputs", content=large).status_code == 413
    for answer in (
        client.post("/sdapi/v1/img2img", json={"init_images": [text(large)]}),
        client.post("/easel/v1/jobs", json={"request": {"init": {"images": [text(large)]}}}),
    ):
        assert answer.status_code == 413 and "easel_max_pixels" in answer.text
    for route, body in (
        ("/sdapi/v1/txt2img", {"batch_size": 4}),
        ("/easel/v1/jobs", {"request": {"batch_size": 4}}),
    ):
        answer = client.post(route, json=body)
        assert answer.status_code == 413 and "easel_max_batch_pixels" in answer.text
    assert client.post("/easel/v1/inputs", content=png((100, 100))).status_code == 201


def test_a_full_queue_asks_to_come_back(fresh: App) -> None:
    fresh.settings.update({"easel_max_queue": 1})
    client = client_of(fresh)
    assert client.post("/easel/v1/jobs", json={"request": {}}).status_code == 201
    for route, body in (("/easel/v1/jobs", {"request": {}}), ("/sdapi/v1/txt2img", {})):
        answer = client.post(route, json=body)
        assert answer.status_code == 429 and "easel_max_queue" in answer.text


@pytest.mark.parametrize("flag", ["--hide-ui-dir-config", "--insecure-listen"])
def test_a_request_moves_no_folder_that_is_hidden(tmp_path: Path, flag: str) -> None:
    app = built(tmp_path, "--api", flag)
    try:
        client = client_of(app)
        wish = {"override_settings": {"outdir_samples": str(tmp_path / "elsewhere")}}
        body = {"request": wish, "settings": {"outdir_txt2img_samples": "/etc"}}
        job = client.post("/easel/v1/jobs", json=body).json()
        settings = client.get(job["url"]).json()["settings"]
        assert "outdir_samples" not in settings and "outdir_txt2img_samples" not in settings
    finally:
        app.close()


def test_several_users_can_not_reach_each_other_s_folders(stranger: TestClient) -> None:
    body = {"request": {"override_settings": {"outdir_samples": "/etc"}}}
    job = stranger.post("/easel/v1/jobs", json=body, auth=ANN).json()
    assert "outdir_samples" not in stranger.get(job["url"], auth=ANN).json()["settings"]


def test_no_web_address_is_fetched_unless_a_setting_says_so(
    fresh: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    fresh.outward = Outward(lookup=lookup)
    client = client_of(fresh)
    body = {"init_images": ["http://pictures.example/a.png"]}
    wish = {"request": {"init": {"images": body["init_images"]}}}
    changed = client.post("/sdapi/v1/options", json={"api_enable_requests": True})
    assert changed.status_code == 200
    for route, sent in (("/sdapi/v1/img2img", body), ("/easel/v1/jobs", wish)):
        answer = client.post(route, json=sent)
        assert answer.status_code == 422 and "api_enable_requests" in answer.text
    assert asked == [], "and no request can switch it on"
    fresh.settings.update({"api_enable_requests": True})
    for route, sent in (("/sdapi/v1/img2img", body), ("/easel/v1/jobs", wish)):
        answer = client.post(route, json=sent)
        assert answer.status_code == 422 and "private network" in answer.text
    assert asked == ["pictures.example"] * 2


def test_webhooks_are_off_and_never_private_unless_flags_say_so(fresh: App, tmp_path: Path) -> None:
    body = {"request": {}, "webhook": "http://127.0.0.1:9/told"}
    answer = client_of(fresh).post("/easel/v1/jobs", json=body)
    assert answer.status_code == 422 and "--webhooks" in answer.text
    for flags, status in ((["--webhooks"], 422), (["--webhooks", "--webhooks-local"], 201)):
        app = built(tmp_path / str(status), *flags)
        try:
            assert client_of(app).post("/easel/v1/jobs", json=body).status_code == status
        finally:
            app.close()


def test_no_password_is_told_logged_or_stored(
    stranger: TestClient, locked: App, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    form = {"username": "ann", "password": "pass:word"}
    told = [
        stranger.get(path, auth=ANN).text
        for path in ("/sdapi/v1/cmd-flags", "/internal/sysinfo", "/sdapi/v1/options", "/nothing")
    ]
    told.append(str(stranger.post("/login", data=form).headers))
    assert not [answer for answer in told if "pass:word" in answer]
    assert "pass:word" not in caplog.text
    files = [file for file in locked.paths.easel_dir.rglob("*") if file.is_file()]
    assert files and not [file for file in files if b"pass:word" in file.read_bytes()]


def test_the_docs_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/docs")
    assert (
        answer.status_code == 200
        and "script-src 'sha256-" in answer.headers["content-security-policy"]
    )
    assert not re.findall(r"""(?:src|href)\s*=|https?:|@import""", answer.text.split("<script>")[0])
    assert client.get("/redoc").url.path == "/docs"
