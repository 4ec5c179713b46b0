"""People who log in: the page behind a password, each with his own pictures."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import TIMEOUT, make_painted
from tests.browser.page_driver import Easel
from tests.browser.servers import Server

pytestmark = pytest.mark.browser


class Locked(Server):
    """Asks as ann, as programs do."""

    def get(self, path: str) -> Any:
        pair = base64.b64encode(b"ann:a").decode()
        asked = Request(f"{self.address}/{path}", headers={"Authorization": f"Basic {pair}"})
        with urlopen(asked, timeout=20) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("locked")
    make_painted(folder)  # for the checkpoints it lists
    server = Locked(folder, "--gradio-auth", "ann:a,bob:b")
    server.start()
    yield server
    server.stop()


def log_in(easel: Easel, user: str, password: str) -> None:
    easel.page.locator("input[name=username]").fill(user)
    easel.page.locator("input[name=password]").fill(password)
    easel.page.get_by_role("button", name="Log in").click()


@pytest.mark.full
def test_people_log_in_draw_for_themselves_and_log_out(browser: Browser, locked: Server):
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT)
    easel = Easel(context.new_page(), locked)
    easel.page.goto(locked.address)
    assert easel.page.url == f"{locked.address}/login"
    log_in(easel, "ann", "b")
    easel.page.get_by_text("user or password is wrong").wait_for()
    easel.problems.clear()  # the browser notes the 401
    log_in(easel, "ann", "a")
    easel.ready()
    easel.write("of ann alone")
    easel.click("txt2img_generate")
    easel.wait("document.querySelector('#txt2img_gallery .ez-results')?.dataset.count === '1'")
    assert locked.newest("txt2img")["owner"] == "ann"
    easel.reload()
    easel.page.get_by_role("link", name="Log out").click()
    easel.page.get_by_role("button", name="Log out").click()
    easel.page.wait_for_url("**/login")
    log_in(easel, "bob", "b")
    easel.ready()
    easel.wait_state("txt2img", "idle")
    assert easel.results("txt2img").get_attribute("data-count") in (None, "0")
    assert easel.problems == []
    context.close()
