"""A minute without the server, in the three ways that it gets lost: the page says so calmly, comes
back by itself, and nothing of the job, the form or the drawing is lost.
"""

import copy
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pytest
from PIL import Image

from tests.browser.line import line_to
from tests.browser.page_driver import Easel
from tests.browser.servers import Server
from tests.browser.test_canvas_on_page import SKETCH, sketch, started_from

pytestmark = [pytest.mark.browser, pytest.mark.full]

AWAY = 62.0  # seconds
BACK_WITHIN = 30.0  # seconds from the server's being there to the picture; looks are 2 s apart
NOTICES = ".easel-notice, .ez-complaint"

Loss = Callable[[], AbstractContextManager[None]]


def away(easel: Easel, loss: Loss, goes_on: bool) -> None:
    """A job runs, its server is lost for a minute and comes back."""
    easel.may_lose_server = True
    easel.img2img("Sketch")
    canvas = sketch(easel)
    easel.page.evaluate("window.neverReloaded = true")
    easel.stroke(SKETCH, (0.2, 0.3), (0.8, 0.6))
    easel.write("slow 0.5", "img2img_prompt")
    easel.set("img2img_steps", 40)
    easel.press_generate("img2img")
    easel.wait_step("img2img", 1)
    job = easel.server.newest("img2img")["id"]
    asked: list[str] = []
    with loss():
        easel.on("request", lambda request: asked.append(request.url))
        easel.wait_status("img2img", "Connection lost; trying again")
        easel.page.get_by_text("The server does not answer; trying again").wait_for()
        easel.write("typed while it was away", "img2img_prompt")
        easel.set("img2img_steps", 3)
        easel.stroke(SKETCH, (0.3, 0.8), (0.7, 0.2))
        drawn = canvas.composite()
        easel.page.wait_for_timeout(AWAY * 1000)
        assert easel.page.locator(NOTICES).count() == 0, "calmly: a line, no heap of messages"
        assert len(asked) < 3 * AWAY + 20, "and it does not press"
        assert canvas.composite().tobytes() == drawn.tobytes()
    if goes_on:
        assert easel.server.get(f"easel/v1/jobs/{job}")["state"] == "done"
        easel.page.set_default_timeout(BACK_WITHIN * 1000)
    easel.wait_shown("img2img", job)
    easel.page.locator(".easel-state").wait_for(state="hidden")
    easel.wait_status("img2img", "Done")
    assert easel.page.evaluate("window.neverReloaded")
    assert easel.text("img2img_prompt").input_value() == "typed while it was away"
    assert easel.number("img2img_steps").input_value() == "3"
    assert canvas.composite().tobytes() == drawn.tobytes()
    assert (started_from(easel) == drawn).all()
    newest = easel.server.newest("img2img")
    assert newest["request"]["prompt"] == "typed while it was away" and newest["state"] == "done"
    picture = Image.open(io.BytesIO(easel.server.bytes(newest["items"][0]["url"].lstrip("/"))))
    assert np.asarray(picture).any()


def test_a_minute_without_a_network_loses_nothing(visit, painted: Server):
    easel: Easel = visit(painted)

    @contextmanager
    def offline() -> Iterator[None]:
        easel.page.context.set_offline(True)
        yield
        easel.page.context.set_offline(False)

    away(easel, offline, goes_on=True)


def test_a_minute_on_a_dead_line_that_tells_nobody_loses_nothing(visit, painted: Server):
    with line_to(painted.port) as line:
        far = copy.copy(painted)
        far.address = f"http://127.0.0.1:{line.port}"
        easel: Easel = visit(far)

        @contextmanager
        def dead() -> Iterator[None]:
            line.cut()
            yield
            line.mend()

        away(easel, dead, goes_on=True)
        easel.page.context.close()


def test_a_server_that_is_stopped_and_started_within_a_minute_loses_nothing(visit, painted: Server):
    easel: Easel = visit(painted)

    @contextmanager
    def stopped() -> Iterator[None]:
        painted.stop()
        yield
        painted.start()

    away(easel, stopped, goes_on=False)
