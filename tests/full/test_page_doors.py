"""Every route of the real page asks for a password: Gradio's own ones too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modules.web.guard import OPEN_PATHS
from modules.web.server import build_web
from tests.api.conftest import ADDRESS
from tests.api.test_guard import USERS, built

pytestmark = pytest.mark.full


def single(routes: Iterable[Any]) -> Iterator[Any]:
    """Those of routers that are included too."""
    for route in routes:
        if inner := getattr(route, "effective_candidates", None):
            yield from single(inner())
        else:
            yield route


def test_the_real_page_and_all_its_routes_ask_for_a_password(tmp_path: Path) -> None:
    from modules.page.page import mount

    app = built(tmp_path, *USERS)
    try:
        web = build_web(app)
        mount(web, app)
        stranger = TestClient(web, base_url=ADDRESS, follow_redirects=False)
        mounted = next(route for route in web.routes if getattr(route, "path", None) == "")
        tried = set()
        for route in single(mounted.routes):  # type: ignore[attr-defined]
            path = re.sub(r"\{[^}]*\}", "1", route.path) or "/"
            for method in getattr(route, "methods", None) or {"GET"}:
                status = stranger.request(method, path).status_code
                assert status == 401 or path in OPEN_PATHS, (method, path, status)
                tried.add(path)
        assert {"/", "/config", "/gradio_api/upload"} <= tried and len(tried) > 30
    finally:
        app.close()
