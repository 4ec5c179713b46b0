"""The colour canvas on the page itself: it outlasts tabs and reloads, and what it shows is what a
job starts from.
"""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Route

from tests.browser.canvas_driver import PICTURES, Canvas
from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser

SKETCH = "img2img_sketch"


def refuse_posts(route: Route) -> None:
    if route.request.method == "POST":
        route.abort()
    else:
        route.continue_()


def sketch(easel: Easel) -> Canvas:
    """The canvas's own answers; the strokes are the page's."""
    easel.page.locator(f"#{SKETCH} .easel-canvas").wait_for()
    easel.page.evaluate("(name) => { window.canvas = EaselCanvas.get(name) }", SKETCH)
    return Canvas(easel.page)


def started_from(easel: Easel) -> np.ndarray:
    """(height, width, 4): the picture that a job of now starts from."""
    name = easel.generate("img2img")["request"]["init"]["images"][0]
    return np.asarray(Image.open(io.BytesIO(easel.stored(name))).convert("RGBA"))


def test_a_drawing_survives_tabs_and_reload_and_is_what_a_job_starts_from(
    easel: Easel, tmp_path: Path
):
    easel.img2img("Sketch")
    canvas = sketch(easel)
    easel.stroke(SKETCH, (0.2, 0.3), (0.8, 0.6))
    drawn = canvas.composite()
    assert len(np.unique(drawn)) > 1
    easel.tab("PNG Info")
    easel.tab("img2img")
    assert (canvas.composite() == drawn).all()
    assert (started_from(easel) == drawn).all()

    (tmp_path / "noise.png").write_bytes(PICTURES["/noise.png"])
    easel.load(SKETCH, tmp_path / "noise.png")
    easel.wait_picture(SKETCH, "160x96")
    canvas.do("(canvas.addLayer(), canvas.changeLayer({opacity: 40}))")
    easel.page.route("**/easel/v1/canvas/*", refuse_posts)
    easel.stroke(SKETCH, (0.1, 0.2), (0.6, 0.6))
    drawn = canvas.composite()
    easel.reload()  # the server knows nothing of the stroke
    easel.page.unroute_all()
    easel.wait_picture(SKETCH, "160x96")
    canvas = sketch(easel)
    assert (canvas.composite() == drawn).all()
    assert canvas.exported("original") == PICTURES["/noise.png"]
    assert canvas.do("canvas.doc.layers.map((layer) => layer.opacity)") == [100, 40]
    assert (started_from(easel) == drawn).all()
    refused = [each for each in easel.problems if "ERR_FAILED" in each]
    assert refused == easel.problems
    easel.problems.clear()
