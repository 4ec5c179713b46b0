"""The colour canvas inside Gradio: tabs, reload, the server's commands, the token of a drawing."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Response, Route

from modules.library.canvas import CanvasStore
from tests.browser.canvas_driver import PICTURES, Canvas
from tests.browser.canvas_server import gradio_page

pytestmark = pytest.mark.browser


def refuse_posts(route: Route) -> None:
    if route.request.method == "POST":
        route.abort()
    else:
        route.continue_()


def test_a_drawing_on_the_page_survives_tabs_and_reload_and_reaches_the_server(browser, tmp_path):
    store = CanvasStore(tmp_path)
    with gradio_page(PICTURES, store) as address:
        context = browser.new_context(viewport={"width": 900, "height": 1000})
        page = context.new_page()
        asked: list[str] = []
        answers: list[Response] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("response", lambda response: answers.append(response))
        canvas = Canvas(page).open(address)
        page.get_by_role("tab", name="Sketch", exact=True).click()
        page.wait_for_selector("#img2img_sketch .easel-canvas")
        page.evaluate("window.canvas = EaselCanvas.get('img2img_sketch')")
        canvas.drag((100, 100), (300, 200))
        drawn = canvas.composite()
        page.get_by_role("tab", name="Other", exact=True).click()
        page.get_by_role("tab", name="Sketch", exact=True).click()
        assert (canvas.composite() == drawn).all()
        page.get_by_role("button", name="Send").click()
        page.wait_for_function("document.querySelector('#token textarea').value !== ''")
        token = page.locator("#token textarea").input_value()
        stored = Image.open(io.BytesIO(store.composite(token, max_pixels=2**24)))
        assert (np.asarray(stored.convert("RGBA")) == drawn).all()

        page.get_by_role("button", name="Load").click()
        page.wait_for_selector('[data-size="160x96"]')
        canvas.do("(canvas.addLayer(), canvas.changeLayer({opacity: 40}))")
        page.route("**/easel/v1/canvas/*", refuse_posts)
        canvas.drag((20, 20), (100, 60))
        drawn = canvas.composite()
        with page.expect_navigation():
            page.evaluate("location.reload()")  # the server knows nothing of the stroke
        page.unroute("**/easel/v1/canvas/*")
        page.get_by_role("tab", name="Sketch", exact=True).click()
        page.wait_for_selector('[data-size="160x96"]')
        page.evaluate("window.canvas = EaselCanvas.get('img2img_sketch')")
        assert (canvas.composite() == drawn).all()
        assert canvas.exported("original") == PICTURES["/noise.png"]
        assert canvas.do("canvas.doc.layers.map((layer) => layer.opacity)") == [100, 40]
        stored = Image.open(
            io.BytesIO(store.composite(canvas.do("canvas.flush()"), max_pixels=2**24))
        )
        assert (np.asarray(stored.convert("RGBA")) == drawn).all()
        assert canvas.errors == []
        ours = (address, "data:", "blob:")
        assert [url for url in asked if not url.startswith(ours)] == []
        assert [each.url for each in answers if "/easel/" in each.url and not each.ok] == []
