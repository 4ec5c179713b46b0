"""The colour canvas in a real browser: exact pixels, tools, undo, shortcuts, touch, saving.

Drawing happens on the canvas's own bare page by real mouse and touch events; points are given in
picture pixels.
"""

import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.canvas_driver import NOISE, PICTURES, changed

pytestmark = pytest.mark.browser


def test_a_stroke_changes_only_the_pixels_under_it(canvas):
    canvas.load("/noise.png")
    before = canvas.composite()
    canvas.do("canvas.setBrush({size: 10})")
    canvas.drag((20, 30), (60, 50))
    left, top, right, bottom = changed(before, canvas.composite())
    assert (14, 24) <= (left, top) and left <= 16 and top <= 26
    assert 64 <= right <= 66 and 54 <= bottom <= 56


def test_the_inside_of_a_stroke_has_exactly_the_chosen_colour(canvas):
    canvas.do("canvas.setColour('#3b7f1d')")
    canvas.drag((30, 40), (90, 40))
    inside = canvas.layer("composite")[34:47, 30:90]
    assert (inside == (0x3B, 0x7F, 0x1D, 255)).all()


def test_a_stroke_that_crosses_itself_is_not_darker_there(canvas):
    canvas.do("canvas.setBrush({size: 20, opacity: 0.5})")
    canvas.drag((30, 30), (90, 90), (90, 30), (30, 90))
    alpha = canvas.layer("ink")[..., 3]
    assert alpha.max() == 128
    assert alpha[60, 60] == alpha[88, 88] == 128


def test_a_soft_brush_fades_from_its_middle_to_its_edge(canvas):
    canvas.do("canvas.setBrush({size: 40, softness: 1})")
    canvas.drag((20, 64), (108, 64), steps=20)
    across = canvas.layer("ink")[44:84, 64, 3].astype(int)
    assert across[19] > 245 and 90 < across[10] < 166 and across[0] < 12
    assert (np.diff(across[:20]) >= 0).all()


def test_a_second_stroke_of_half_opacity_adds_to_the_first(canvas):
    canvas.do("canvas.setBrush({size: 20, opacity: 0.5})")
    canvas.drag((30, 60), (90, 60))
    canvas.drag((60, 30), (60, 90))
    assert canvas.layer("ink")[60, 60, 3] == 192


def test_the_bucket_fills_a_closed_outline_up_to_the_line_without_a_fringe(canvas):
    canvas.do("canvas.setBrush({size: 7})")  # the line's edges lie in the middle of pixels
    canvas.drag((30, 30), (90, 30), (90, 90), (30, 90), (30, 29), steps=20)
    canvas.do("canvas.setColour('#e02020')")
    canvas.page.keyboard.press("g")
    canvas.click(60, 60)
    picture = canvas.composite()
    assert (picture[36:84, 36:84] == (0xE0, 0x20, 0x20, 255)).all()
    assert (picture[5, 5] == 255).all()
    assert (picture[60, 30:60, 1] <= 0x20).all(), "a pale fringe between line and filling"


def test_the_bucket_leaves_what_differs_by_more_than_the_tolerance(canvas):
    canvas.load("/ramp.png")
    before = canvas.composite()
    canvas.do("canvas.setTool('fill'), canvas.setBrush({tolerance: 10})")
    canvas.click(50.5, 50.5)
    assert changed(before, canvas.composite()) == (40, 0, 61, 96)


def test_picking_takes_the_colour_under_the_pointer_and_returns_to_the_brush(canvas):
    canvas.load("/noise.png")
    canvas.page.mouse.move(*canvas.at(10, 10))
    canvas.page.keyboard.press("i")
    canvas.click(77.5, 33.5)
    red, green, blue = NOISE[33, 77]
    assert canvas.attribute("color") == f"#{red:02x}{green:02x}{blue:02x}"
    assert canvas.attribute("tool") == "brush"


def test_the_eraser_brings_the_background_back_exactly(canvas):
    canvas.load("/noise.png")
    before = canvas.composite()
    canvas.do("canvas.setBrush({size: 20, opacity: 0.7})")
    canvas.drag((20, 30), (100, 60))
    assert (canvas.composite() != before).any()
    canvas.do("canvas.setTool('eraser'), canvas.setBrush({size: 60, opacity: 1})")
    canvas.drag((10, 20), (120, 70))
    assert (canvas.composite() == before).all()
    assert canvas.do("canvas.exportLayers().then((layers) => layers.ink)") is None


def test_undo_and_redo_return_to_the_same_bytes_through_every_kind_of_change(canvas):
    states = [canvas.composite().tobytes()]

    def step(act) -> None:
        act()
        states.append(canvas.composite().tobytes())

    step(lambda: canvas.drag((20, 20), (100, 60)))
    canvas.do("canvas.setColour('#2f6fe4')")
    step(lambda: canvas.drag((100, 20), (20, 70)))
    step(lambda: (canvas.do("canvas.setTool('fill')"), canvas.click(64, 120)))
    step(lambda: canvas.load("/noise.png"))
    step(lambda: (canvas.do("canvas.setTool('brush')"), canvas.drag((20, 20), (100, 60))))
    step(lambda: canvas.do("canvas.clear()"))
    step(lambda: canvas.do("canvas.newCanvas(64, 32, '#000000')"))
    canvas.do("canvas.setTool('fill'), canvas.setColour('#ff9fb8')")
    step(lambda: canvas.click(10, 10))
    assert len(set(states)) == len(states) - 1, "clearing shows the picture again"
    for expected in reversed(states[:-1]):
        canvas.do("canvas.undo()")
        assert canvas.composite().tobytes() == expected
    assert canvas.attribute("can-undo") == "false"
    for expected in states[1:]:
        canvas.do("canvas.redo()")
        assert canvas.composite().tobytes() == expected
    assert canvas.attribute("can-redo") == "false"


@pytest.mark.parametrize("path", ["/noise.png", "/see-through.png"])
def test_a_loaded_picture_comes_back_bit_for_bit_but_for_the_ink(canvas, path):
    canvas.load(path)
    canvas.do("canvas.setColour('#7d3fc8'), canvas.setBrush({size: 30, opacity: .6, softness: .5})")
    canvas.drag((20, 20), (60, 60))
    original = Image.open(io.BytesIO(canvas.exported("original"))).convert("RGBA")
    ink = Image.fromarray(canvas.layer("ink"))
    expected = np.asarray(Image.alpha_composite(original, ink))
    assert canvas.exported("original") == PICTURES[path]
    assert (canvas.composite() == expected).all()
    assert (canvas.layer("composite") == expected).all()
    untouched = np.asarray(ink)[..., 3] == 0
    assert untouched.any() and (expected[untouched] == np.asarray(original)[untouched]).all()


def test_a_broken_picture_is_refused_with_a_message_and_the_drawing_stays(canvas):
    canvas.drag((20, 20), (60, 60))
    before = canvas.composite()
    canvas.do("canvas.open('/broken.png')")
    assert "no picture" in canvas.page.locator(".ec-message").inner_text()
    assert (canvas.composite() == before).all()


def test_pictures_can_be_dropped_and_pasted(canvas):
    code = """async ([path, kind]) => {
        const blob = await (await fetch(path)).blob();
        const transfer = new DataTransfer();
        transfer.items.add(new File([blob], "p.png", {type: "image/png"}));
        const options = {bubbles: true, cancelable: true};
        if (kind === "drop") {
          const event = new DragEvent("drop", {...options, dataTransfer: transfer});
          document.querySelector(".ec-stage").dispatchEvent(event);
        } else {
          const event = new ClipboardEvent("paste", {...options, clipboardData: transfer});
          document.body.dispatchEvent(event);
        }
    }"""
    canvas.page.evaluate(code, ["/noise.png", "drop"])
    canvas.page.wait_for_selector('[data-size="160x96"]')
    canvas.page.mouse.move(*canvas.at(20, 20))
    canvas.page.evaluate(code, ["/see-through.png", "paste"])
    canvas.page.wait_for_selector('[data-size="80x80"]')
    # What is none gets an answer, and the picture stays.
    drop = """(given) => {
        const transfer = new DataTransfer();
        if (given) transfer.items.add(new File(["words"], given, {type: "text/plain"}));
        else transfer.setData("text/plain", "words");
        const options = {bubbles: true, cancelable: true, dataTransfer: transfer};
        const event = new DragEvent("drop", options);
        document.querySelector(".ec-stage").dispatchEvent(event);
        return document.querySelector(".ec-message").textContent;
    }"""
    assert canvas.page.evaluate(drop, "").startswith("The canvas takes a picture")
    assert canvas.page.evaluate(drop, "notes.txt").startswith("notes.txt is no picture")
    assert canvas.attribute("size") == "80x80"


def test_keys_act_over_the_canvas_but_never_in_a_text_field(canvas):
    keyboard = canvas.page.keyboard
    canvas.page.mouse.move(*canvas.at(64, 64))
    canvas.page.locator("#prompt").focus()
    keyboard.type("beg [x]")
    assert canvas.page.locator("#prompt").input_value() == "beg [x]"
    assert (canvas.attribute("tool"), canvas.do("canvas.brush.size")) == ("brush", 24)
    canvas.drag((20, 20), (60, 60))
    keyboard.press("e")
    keyboard.press("]")
    assert (canvas.attribute("tool"), canvas.do("canvas.brush.size")) == ("eraser", 26)
    keyboard.press("Control+z")
    assert canvas.attribute("can-undo") == "false"
    keyboard.press("Control+Shift+z")
    assert canvas.attribute("can-undo") == "true"
    keyboard.press("x")
    assert canvas.attribute("color") == "#ffffff"
    canvas.page.locator(".ec-hex").fill("#12ab")
    keyboard.press("b")
    assert canvas.page.locator(".ec-hex").input_value() == "#12abb"
    assert canvas.attribute("tool") == "eraser"


def test_keys_do_nothing_while_the_pointer_and_the_focus_are_elsewhere(canvas):
    canvas.page.mouse.move(710, 5)
    canvas.page.keyboard.press("e")
    assert canvas.attribute("tool") == "brush"


def test_shift_draws_straight_lines(canvas):
    canvas.do("canvas.setBrush({size: 4})")
    canvas.page.keyboard.down("Shift")
    canvas.drag((20, 20), (60, 100), (100, 20))
    canvas.click(100, 100)
    canvas.page.keyboard.up("Shift")
    painted = canvas.layer("ink")[..., 3] > 0
    assert painted[20, 60] and painted[60, 100]
    assert not painted[60:100, 20:95].any()


def test_escape_gives_up_the_stroke_being_drawn(canvas):
    before = canvas.composite()
    canvas.page.mouse.move(*canvas.at(20, 20))
    canvas.page.mouse.down()
    canvas.page.mouse.move(*canvas.at(80, 80), steps=4)
    canvas.page.keyboard.press("Escape")
    canvas.page.mouse.up()
    assert (canvas.composite() == before).all()
    assert canvas.attribute("can-undo") == "false"


def test_the_wheel_zooms_with_alt_and_changes_the_brush_with_ctrl(canvas):
    zoom = float(canvas.attribute("zoom"))
    canvas.page.mouse.move(*canvas.at(32, 32))
    before = canvas.at(32, 32)
    canvas.page.keyboard.down("Alt")
    canvas.page.mouse.wheel(0, -100)
    canvas.page.keyboard.up("Alt")
    assert float(canvas.attribute("zoom")) == pytest.approx(zoom * 1.15, rel=0.01)
    assert canvas.at(32, 32) == pytest.approx(before, abs=1.5)
    canvas.page.keyboard.down("Control")
    canvas.page.mouse.wheel(0, 100)
    canvas.page.keyboard.up("Control")
    assert canvas.do("canvas.brush.size") == 22
    canvas.page.keyboard.press("r")
    assert float(canvas.attribute("zoom")) == zoom


def test_a_finger_draws_and_a_second_finger_turns_the_stroke_into_a_zoom(canvas):
    client = canvas.page.context.new_cdp_session(canvas.page)

    def touch(kind: str, *points: tuple[int, int]) -> None:
        places = [dict(zip("xy", place[point], strict=True)) for point in points]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    place = {p: canvas.at(*p) for p in [(30, 30), (50, 50), (90, 90), (30, 90), (90, 30)]}
    touch("touchStart", (30, 30))
    touch("touchMove", (50, 50))
    touch("touchMove", (90, 90))
    touch("touchEnd")
    canvas.page.wait_for_selector('[data-rev="1"]')
    assert (canvas.composite()[60, 60, :3] == 0).all()
    drawn = canvas.composite()
    zoom = float(canvas.attribute("zoom"))
    touch("touchStart", (50, 50))
    touch("touchMove", (30, 90))
    touch("touchStart", (30, 90), (50, 50))
    touch("touchMove", (30, 90), (90, 30))
    touch("touchEnd")
    canvas.page.wait_for_function(f"canvas.view.zoom > {zoom * 1.2}")
    assert canvas.attribute("rev") == "1"
    assert (canvas.composite() == drawn).all()


def test_a_pen_pressed_lightly_draws_a_thinner_line(canvas):
    client = canvas.page.context.new_cdp_session(canvas.page)

    def pen(kind: str, point: tuple[float, float], force: float) -> None:
        x, y = point
        client.send(
            "Input.dispatchMouseEvent",
            {"type": kind, "x": x, "y": y, "force": force, "pointerType": "pen", "button": "left"}
            | {"buttons": 1, "clickCount": 1},
        )

    for row, force in ((30, 0.2), (80, 1.0)):
        pen("mousePressed", canvas.at(20, row), force)
        pen("mouseMoved", canvas.at(60, row), force)
        pen("mouseMoved", canvas.at(100, row), force)
        pen("mouseReleased", canvas.at(100, row), 0)
    canvas.page.wait_for_selector('[data-rev="2"]')
    painted = canvas.layer("ink")[..., 3] > 127
    light, hard = painted[:55, 60].sum(), painted[55:, 60].sum()
    assert hard == pytest.approx(24, abs=1)
    assert light == pytest.approx(24 * 0.28, abs=1)
    canvas.do("canvas.setBrush({pressure: 'opacity'}), canvas.addLayer()")
    pen("mousePressed", canvas.at(20, 110), 0.5)
    pen("mouseReleased", canvas.at(20, 110), 0)
    canvas.page.wait_for_selector('[data-rev="4"]')
    assert canvas.layer("ink")[110, 20, 3] == pytest.approx(255 * 0.55, abs=1)


def test_a_failed_save_is_said_and_the_drawing_is_not_taken_for_saved(canvas):
    canvas.do("canvas.saving.save = () => Promise.reject(new Error('the disk is full'))")
    canvas.drag((20, 20), (60, 60))
    canvas.page.wait_for_selector('[data-saved="error"]')
    assert canvas.page.locator(".ec-message").inner_text() == "Not saved: the disk is full"
    canvas.do("canvas.saving.save = async () => 'later'")
    assert canvas.do("canvas.flush()") == "later"
    assert canvas.page.locator(".ec-message").inner_text() == ""


def test_a_new_canvas_has_the_chosen_size_and_background(canvas):
    page = canvas.page
    page.get_by_role("button", name="New canvas").first.click()
    page.get_by_role("spinbutton", name="Width").fill("192")
    page.get_by_role("spinbutton", name="Height").fill("64")
    page.get_by_role("button", name="Black background").click()
    page.locator(".ec-form").get_by_role("button", name="New canvas").click()
    assert canvas.attribute("size") == "192x64"
    assert (canvas.composite() == (0, 0, 0, 255)).all()
    assert canvas.do("canvas.isEmpty") is False
    assert canvas.do("canvas.newCanvas(100000, 8, '#ffffff')") is False
    assert "100000" in page.locator(".ec-message").inner_text()
    assert canvas.attribute("size") == "192x64"


def test_resizing_a_plain_canvas_keeps_the_drawing(canvas):
    canvas.drag((20, 20), (100, 100))
    before = canvas.composite()
    assert canvas.do("canvas.setSize(256, 192)") is True
    assert (canvas.composite()[:128, :128] == before).all()
    canvas.load("/noise.png")
    assert canvas.do("canvas.setSize(256, 192)") is False
    assert canvas.attribute("size") == "160x96"


def test_a_wrong_colour_is_refused_with_a_message(canvas):
    canvas.page.locator(".ec-hex").fill("#12345g")
    canvas.page.keyboard.press("Enter")
    assert "#12345g" in canvas.page.locator(".ec-message").inner_text()
    assert canvas.attribute("color") == "#000000"


def test_an_inpaint_mask_is_ink_that_leaves_the_picture_alone(canvas, canvas_address):
    canvas.open(canvas_address, "?mode=inpaint")
    assert canvas.do("canvas.isEmpty") is True
    canvas.load("/noise.png")
    canvas.drag((40, 40), (120, 40))
    assert (canvas.composite()[..., :3] == NOISE).all()
    mask = canvas.layer("ink")[..., 3]
    assert mask[40, 80] == 255 and mask[90, 150] == 0
    canvas.page.get_by_role("button", name="Invert the mask").click()
    canvas.do("canvas.setVeil(0.2)")  # seen through, but no weaker
    assert (canvas.layer("ink")[..., 3] == 255 - mask).all()
    canvas.do("(canvas.addLayer(), canvas.toggleLayer())")  # a mask is one thing of its own
    assert canvas.attribute("layers") == "1"
    canvas.do("canvas.undo()")
    assert (canvas.layer("ink")[..., 3] == mask).all()


def test_changes_are_saved_and_a_token_is_given_for_what_is_drawn(canvas):
    assert canvas.do("canvas.flush()") == ""
    canvas.drag((20, 20), (60, 60))
    canvas.page.wait_for_selector('[data-saved="saved"]')
    assert canvas.do("canvas.flush()") == "token-1"
    canvas.drag((20, 60), (60, 20))
    assert canvas.do("canvas.flush()") == "token-2"
    canvas.do("(canvas.undo(), canvas.undo())")
    assert canvas.do("canvas.flush()") == ""
