"""The page's scripts and styles as one file."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from modules.web import static


@pytest.fixture(scope="module")
def client() -> TestClient:
    web = FastAPI()
    web.include_router(static.build_router())
    web.mount("/easel/static", static.Files(directory=static.STATIC))
    return TestClient(web)


def test_files_come_as_one_in_the_order_of_their_names_and_are_kept(client: TestClient):
    both = client.get("/easel/static/joined.js?v=1&names=page,dom")
    page, dom = (client.get(f"/easel/static/{name}.js?v=1") for name in ("page", "dom"))
    assert both.text == f"{page.text}\n{dom.text}"
    assert all("immutable" in answer.headers["cache-control"] for answer in (both, page))
    assert both.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("address", ["js?names=../page", "js?names=page,none", "py?names=page"])
def test_nothing_but_scripts_and_styles_is_joined(client: TestClient, address: str):
    assert client.get(f"/easel/static/joined.{address}").status_code == 404
    unnamed = client.get("/easel/static/page.js")
    assert "immutable" not in unnamed.headers.get("cache-control", "")
