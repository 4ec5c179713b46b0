"""One browser and one painted server for the session; each test begins with an empty profile."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize
from playwright.sync_api import Error as PlaywrightError

from tests.browser.canvas_driver import PICTURES, Canvas, open_browser
from tests.browser.canvas_server import bare_page
from tests.browser.page_driver import Easel
from tests.browser.servers import Server

TIMEOUT = 90_000  # ms; a busy machine draws slowly
DESK: ViewportSize = {"width": 1280, "height": 900}
# (width, height) that the two checkpoints name as their own.
SIZES = {"one": (128, 64), "two": (64, 192)}


def write_listed_checkpoint(path: Path, size: tuple[int, int]) -> None:
    """A file that can be listed but not loaded; the painter loads none."""
    metadata = {"__metadata__": {"modelspec.resolution": "{}x{}".format(*size)}}
    header = json.dumps(metadata).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with open_browser(chromium) as browser:
        yield browser


def make_painted(folder: Path) -> Server:
    for name, size in SIZES.items():
        write_listed_checkpoint(folder / f"models/Stable-diffusion/{name}.safetensors", size)
    (folder / "config.json").write_text(json.dumps({"sd_model_checkpoint": "one.safetensors"}))
    return Server(folder)


@pytest.fixture(scope="session")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The whole program, but its pictures are painted by a painter without torch."""
    server = make_painted(tmp_path_factory.mktemp("painted"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Easel]]:
    """Opens a server in a profile of its own, or in that of an earlier visit; afterwards no visit
    may have had a problem. `enter` is quicker where an empty profile is not what is looked at.
    """
    contexts, visits = [], []

    def opened(
        server: Server,
        *,
        beside: Easel | None = None,
        viewport: ViewportSize = DESK,
        color_scheme: Literal["light", "dark"] = "light",
    ) -> Easel:
        if beside is None:
            context = browser.new_context(viewport=viewport, color_scheme=color_scheme)
            context.set_default_timeout(TIMEOUT)
            contexts.append(context)
        else:
            context = beside.page.context
        visits.append(Easel(context.new_page(), server))
        return visits[-1].open()

    yield opened
    for context in contexts:
        context.close()
    assert [problem for each in visits for problem in each.problems] == []


@pytest.fixture(scope="session")
def desk(browser: Browser) -> Iterator[BrowserContext]:
    """A profile with one tab that many tests share: a warm page opens three times as fast."""
    context = browser.new_context(viewport=DESK, color_scheme="light")
    context.set_default_timeout(TIMEOUT)
    context.new_page()
    yield context
    context.close()


@pytest.fixture
def enter(desk: BrowserContext) -> Iterator[Callable[..., Easel]]:
    """Opens a server in the shared tab, once in a test; nothing is kept in the browser from before,
    and afterwards the page may not have had a problem.
    """
    entered: list[Easel] = []

    def opened(server: Server, *, viewport: ViewportSize = DESK) -> Easel:
        assert not entered, "the tab is one"
        page = desk.pages[0]
        if not page.url.startswith(server.address):
            page.goto("about:blank")  # the other server's page asks for nothing any more
        if page.viewport_size != viewport:
            page.set_viewport_size(viewport)
        page.emulate_media(color_scheme="light")  # whatever the test before made of it
        entered.append(Easel(page, server))
        entered[0].forget()
        return entered[0].open()

    yield opened
    for page in desk.pages[1:]:
        page.close()
    for easel in entered:
        try:
            easel.leave()
        except PlaywrightError:  # a page that no longer answers is nothing for the next test
            easel.page.close()
            desk.new_page()
            raise
        assert easel.problems == []


@pytest.fixture
def easel(enter: Callable[..., Easel], painted: Server) -> Iterator[Easel]:
    """The page of the painted server, idle."""
    painted.settle()
    yield enter(painted)
    painted.settle()


@pytest.fixture(scope="session")
def canvas_address() -> Iterator[str]:
    """A bare page with nothing but one canvas; its parameters are in canvas_page.html."""
    with bare_page(PICTURES) as address:
        yield address


@pytest.fixture(scope="session")
def canvas_driver(browser: Browser) -> Iterator[Canvas]:
    context = browser.new_context(viewport={"width": 720, "height": 900}, has_touch=True)
    context.set_default_timeout(20_000)
    yield Canvas(context.new_page())
    context.close()


@pytest.fixture
def canvas(canvas_driver: Canvas, canvas_address: str) -> Iterator[Canvas]:
    canvas_driver.page.mouse.move(715, 5)
    yield canvas_driver.open(canvas_address, "?width=128&height=128")
    assert canvas_driver.errors == []
