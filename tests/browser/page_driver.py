"""Drives Easel's page as a person does: by ids that the original's users know, and by keys."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from tests.browser.servers import Server

_LOST = ("CONNECTION", "EMPTY_RESPONSE", "INTERNET_DISCONNECTED", "NETWORK_CHANGED")
HARMLESS = ("data:", "blob:", "about:")


class Easel:
    """One browser tab with the page in it.

    `problems` collects errors of the page, messages of its console, and requests to elsewhere.
    """

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.problems: list[str] = []
        self.may_lose_server = False
        self.may_be_refused = False  # a 4xx is logged by the browser whatever the page does
        self._listening: list[tuple[Any, Callable[..., Any]]] = []
        self.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.on("console", self._heard)
        self.on("request", lambda request: self._asked(request.url))

    def on(self, event: Any, hear: Callable[..., Any]) -> None:
        """Hear of an event of the page's for as long as it is this test's."""
        self.page.on(event, hear)
        self._listening.append((event, hear))

    def leave(self) -> None:
        """Give the tab back: hear no more of it, and let the page keep nothing in it."""
        for event, hear in self._listening:
            self.page.remove_listener(event, hear)
        self.page.unroute_all()
        self.page.evaluate("Storage.prototype.setItem = () => {}, sessionStorage.clear()")

    def _heard(self, message: Any) -> None:
        lost = any(f"ERR_{what}" in message.text for what in _LOST)
        refused = "responded with a status of 4" in message.text
        allowed = (self.may_lose_server and lost) or (self.may_be_refused and refused)
        if message.type == "error" and not allowed:
            self.problems.append(f"console: {message.text} {message.location}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.server.address, *HARMLESS)):
            self.problems.append(f"asked elsewhere: {url}")

    def forget(self) -> None:
        """Empty what the browser keeps of this server's page, but for its cache of files."""
        session = self.page.context.new_cdp_session(self.page)
        kept = {"origin": self.server.address, "storageTypes": "local_storage,cookies"}
        session.send("Storage.clearDataForOrigin", kept)
        session.detach()

    def open(self, query: str = "") -> "Easel":
        self.page.goto(f"{self.server.address}/{query}")
        return self.ready()

    def ready(self) -> "Easel":
        self.page.wait_for_selector("body[data-easel-ready]", state="attached")
        return self

    def reload(self) -> None:
        self.page.reload()
        self.ready()

    # -- controls ------------------------------------------------------------------------------

    def tab(self, name: str) -> None:
        """Open a tab."""
        self.page.get_by_role("tab", name=name, exact=True).first.click()

    def img2img(self, source: str = "img2img") -> None:
        """Open img2img and one of its sub-tabs."""
        self.page.locator("#tabs > .tab-wrapper").get_by_role(
            "tab", name="img2img", exact=True
        ).click()
        self.page.locator("#mode_img2img").get_by_role("tab", name=source, exact=True).click()

    def text(self, elem_id: str) -> Locator:
        return self.page.locator(f"#{elem_id} textarea")

    def number(self, elem_id: str) -> Locator:
        return self.page.locator(f"#{elem_id} input[type=number]")

    def choice(self, elem_id: str) -> Locator:
        return self.page.locator(f"#{elem_id} input").first

    def write(self, text: str, elem_id: str = "txt2img_prompt") -> None:
        self.text(elem_id).fill(text)

    def set(self, elem_id: str, value: float) -> None:
        self.number(elem_id).fill(str(value))
        self.number(elem_id).press("Tab")

    def choose(self, elem_id: str, label: str) -> None:
        self.choice(elem_id).click()
        self.page.get_by_role("option", name=label, exact=True).click()

    def tick(self, elem_id: str, on: bool = True) -> None:
        self.page.locator(f"#{elem_id} input[type=checkbox]").set_checked(on)

    def click(self, elem_id: str) -> None:
        self.page.locator(f"#{elem_id}").click()

    def wait(self, condition: str, argument: Any = None) -> None:
        """Until the JavaScript `condition` (with `argument`) is true."""
        self.page.wait_for_function(f"(argument) => {condition}", arg=argument, polling=50)

    def wait_value(self, locator: Locator, value: str) -> None:
        locator.wait_for()
        self.page.wait_for_function(
            "([element, value]) => element.value === value",
            arg=[locator.element_handle(), value],
            polling=50,
        )

    def wait_text(self, locator: Locator, text: str) -> None:
        self.page.wait_for_function(
            "([element, text]) => element.textContent.trim() === text",
            arg=[locator.element_handle(), text],
            polling=50,
        )

    def wait_until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Until something outside the page is true."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come true"
            self.page.wait_for_timeout(50)

    def toast(self) -> str:
        found = self.page.locator(".easel-notice, .ez-complaint").last
        found.wait_for()
        return found.inner_text()

    # -- results -------------------------------------------------------------------------------

    def results(self, tab: str) -> Locator:
        return self.page.locator(f"#{tab}_gallery .ez-results")

    def wait_state(self, tab: str, *states: str) -> None:
        self.wait(
            "argument[1].includes(document.body.dataset[`easel_${argument[0]}`])",
            [tab, list(states)],
        )

    def wait_status(self, tab: str, words: str) -> None:
        self.wait(
            "document.querySelector(`#${argument[0]}_gallery .ez-status`)"
            ".textContent.includes(argument[1])",
            [tab, words],
        )

    def wait_step(self, tab: str, step: int) -> None:
        """Until the job shown is at that step, or at a later one."""
        self.wait(
            "(Number(document.querySelector(`#${argument[0]}_gallery .ez-status`)"
            ".textContent.match(/step (\\d+)/)?.[1]) || 0) >= argument[1]",
            [tab, step],
        )

    def wait_shown(self, tab: str, job: str, count: int = 1) -> None:
        """Until the pictures of this job are shown and its end is told."""
        self.wait(
            "(root => root && root.dataset.job === argument[1] && root.dataset.state === 'idle'"
            " && Number(root.dataset.count) === argument[2])"
            "(document.querySelector(`#${argument[0]}_gallery .ez-results`))",
            [tab, job, count],
        )

    def generate(self, tab: str = "txt2img", *, count: int = 1) -> dict[str, Any]:
        """Press Generate and wait for the pictures; the job's record."""
        self.press_generate(tab)
        job = self.server.newest(tab)["id"]
        self.wait_shown(tab, job, count)
        return self.server.get(f"easel/v1/jobs/{job}")

    def press_generate(self, tab: str = "txt2img") -> None:
        """Press Generate, and return when the job is queued."""
        with self.page.expect_response(
            lambda answer: "/gradio_api/" in answer.url and answer.request.method == "POST"
        ):
            self.click(f"{tab}_generate")
        self.wait("document.body")

    def infotext(self, tab: str = "txt2img") -> str:
        return self.page.locator(f"#html_info_{tab}").inner_text()

    # -- files ---------------------------------------------------------------------------------

    def drop(self, selector: str, name: str, kind: str, data: bytes) -> None:
        """Drop a file on an element."""
        self.page.evaluate(
            """([selector, name, type, text]) => {
                const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File([bytes], name, { type }));
                const event = { bubbles: true, cancelable: true, dataTransfer };
                const target = document.querySelector(selector);
                target.dispatchEvent(new DragEvent("dragover", event));
                target.dispatchEvent(new DragEvent("drop", event));
            }""",
            [selector, name, kind, base64.b64encode(data).decode()],
        )

    def upload(self, elem_id: str, path: Path) -> None:
        self.page.locator(f"#{elem_id} input[type=file]").set_input_files(str(path))
        self.page.locator(f"#{elem_id} img").wait_for()

    # -- canvases ------------------------------------------------------------------------------

    def load(self, canvas: str, path: Path) -> None:
        """Open a picture on a canvas as its button does."""
        self.page.locator(f"#{canvas} input[type=file]").set_input_files(str(path))
        self.wait_picture(canvas)

    def wait_picture(self, canvas: str, size: str = "") -> None:
        """Until the canvas holds a picture (of that size, such as "200x104")."""
        sized = f'[data-size="{size}"]' if size else ""
        self.page.wait_for_selector(f'#{canvas} [data-empty="false"]{sized}')

    def stroke(self, canvas: str, *points: tuple[float, float]) -> None:
        """Draw through points given in parts of the picture's width and height."""
        view = self.page.locator(f"#{canvas} .ec-view")
        view.scroll_into_view_if_needed()
        box = view.bounding_box()
        assert box
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()

    def stored(self, name: str) -> bytes:
        """The stored input picture of that sum."""
        return (self.server.folder / "easel/inputs" / name[:2] / name).read_bytes()
