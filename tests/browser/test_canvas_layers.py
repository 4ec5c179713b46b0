"""The canvas's layers, shapes and undo without end, by real mouse and keys in a real browser."""

import numpy as np
import pytest

from tests.browser.canvas_driver import PICTURES

pytestmark = pytest.mark.browser


def test_layers_are_drawn_on_apart_and_seen_together(canvas):
    page, keyboard = canvas.page, canvas.page.keyboard
    canvas.do("canvas.setBrush({size: 20}), canvas.setColour('#ff0000')")
    canvas.drag((20, 64), (108, 64))
    keyboard.press("n")
    canvas.do("canvas.setColour('#0000ff')")
    canvas.drag((64, 20), (64, 108))
    states = [canvas.composite().tobytes()]
    assert canvas.composite()[64, 64].tolist() == [0, 0, 255, 255]

    def seen(*act: str) -> list[int]:
        for each in act:
            page.get_by_role("button", name=each, exact=True).click()
        states.append(canvas.composite().tobytes())
        return canvas.composite()[64, 64].tolist()

    assert seen("Hide Layer 2") == [255, 0, 0, 255]
    canvas.drag((10, 10), (30, 30))
    assert "hidden" in page.locator(".ec-message").inner_text()
    assert seen("Show Layer 2", "Move the layer down") == [255, 0, 0, 255]
    assert seen("Move the layer up") == [0, 0, 255, 255]
    slider = page.get_by_role("slider", name="Layer opacity")
    slider.focus()
    for _ in range(2):
        keyboard.press("PageDown")  # each a tenth
    assert canvas.do("canvas.doc.layer.opacity") == 80
    expected = 255 - 204, 0, 204, 255
    assert seen() == pytest.approx(expected, abs=1)
    assert seen("Merge with the layer below (M)") == pytest.approx(expected, abs=1)
    assert canvas.attribute("layers") == "1"
    assert (
        np.abs(np.diff([np.frombuffer(each, np.uint8) for each in states[-2:]], axis=0)).max() <= 1
    )
    for _ in range(7):
        canvas.do("canvas.undo()")
    assert canvas.composite().tobytes() == states[0]
    for _ in range(7):
        canvas.do("canvas.redo()")
    assert canvas.composite().tobytes() == states[-1]


def test_layers_are_added_chosen_named_and_deleted_by_keys_and_buttons(canvas):
    page, keyboard = canvas.page, canvas.page.keyboard
    page.mouse.move(*canvas.at(60, 60))
    for key in "nn,h":
        keyboard.press(key)
    shown = page.locator(".ec-layer-list .ec-layer-name").all_inner_texts()
    assert shown == ["Layer 3", "Layer 2", "Layer 1"]
    assert page.locator("[data-chosen][data-hidden]").inner_text() == "Layer 2"
    page.get_by_role("button", name="Layer 1", exact=True).focus()
    keyboard.press("F2")
    keyboard.type("bench")  # letters that are keys of tools
    keyboard.press("Enter")
    keyboard.press("Enter")
    assert canvas.do("canvas.doc.layer.name") == "bench"
    assert canvas.attribute("tool") == "brush"
    page.get_by_role("button", name="Layer 3", exact=True).drag_to(page.locator(".ec-layer").nth(2))
    page.get_by_role("button", name="Delete the layer").click()
    assert canvas.do("canvas.doc.layers.map((layer) => layer.name)") == ["bench", "Layer 2"]
    page.get_by_role("button", name="Black background").last.click()
    assert canvas.composite()[5, 5].tolist() == [0, 0, 0, 255]
    names = page.eval_on_selector_all(
        ".easel-canvas :is(button, input, select)",
        "nodes => nodes.filter((node) => !(node.ariaLabel || node.textContent.trim())).length",
    )
    assert names == 0


def test_shapes_have_exact_edges_and_shift_makes_them_regular(canvas):
    canvas.do("canvas.setBrush({size: 4, filled: true})")
    canvas.page.mouse.move(*canvas.at(10, 10))
    canvas.page.keyboard.press("u")
    canvas.drag((20, 30), (60, 50), (80, 70))
    alpha = canvas.layer("ink")[..., 3]
    assert (alpha[30:70, 20:80] == 255).all() and alpha.sum() == 255 * 40 * 60
    canvas.do("canvas.clear(), canvas.setBrush({filled: false})")
    canvas.drag((20, 30), (80, 70))
    alpha = canvas.layer("ink")[..., 3]
    assert alpha.sum() == 255 * (44 * 64 - 36 * 56)
    assert not alpha[32:68, 22:78].any()
    canvas.do("canvas.clear(), canvas.setBrush({filled: true}), canvas.setTool('ellipse')")
    canvas.page.keyboard.down("Shift")
    canvas.drag((20, 20), (100, 60))
    canvas.page.keyboard.up("Shift")
    covered = canvas.layer("ink")[..., 3] / 255
    assert covered.sum() == pytest.approx(np.pi * 40 * 40, rel=0.005)
    assert covered[60, 21:99].all() and covered[21:99, 60].all()
    assert not covered[:, :20].any() and not covered[100:].any()


def test_undo_goes_back_over_changes_that_memory_no_longer_holds(canvas, canvas_address):
    canvas.open(canvas_address, "?width=128&height=128&undo=0")
    states = [canvas.composite().tobytes()]
    for row in range(3):
        canvas.do("canvas.setColour(argument)", f"#{row}8{row}8{row}8")
        canvas.drag((20, 30 + 30 * row), (110, 40 + 20 * row))
        states.append(canvas.composite().tobytes())
    canvas.load("/noise.png")
    canvas.do("canvas.addLayer()")
    states += [canvas.composite().tobytes()] * 2
    canvas.page.wait_for_function("!canvas.history.packing")
    kept = canvas.do("canvas.history.past.map((change) => change.packed?.key != null)")
    assert kept == [False] + [True] * 3 + [False], (
        "old pixels, where there were any, lie in the attic"
    )
    for expected in reversed(states[:-1]):
        canvas.do("canvas.undo()")
        assert canvas.composite().tobytes() == expected
    for expected in states[1:]:
        canvas.do("canvas.redo()")
        assert canvas.composite().tobytes() == expected


def test_a_reload_right_after_a_stroke_or_a_picture_finds_it_in_the_journal(canvas, canvas_address):
    canvas.open(canvas_address, "?width=128&height=128&journal=1")
    fail = "canvas.saving.save = () => Promise.reject(new Error('away'))"
    restored = "drawer.journalOf('canvas').read().then((all) => canvas.restore(null, all))"

    def leave_with(act: str) -> None:
        with canvas.page.expect_navigation():
            canvas.page.evaluate(f"Promise.resolve({act}).then(() => location.reload()), 0")
        canvas.do(fail)
        canvas.do(restored)

    canvas.do(fail)
    canvas.do("canvas.setColour('#2f6fe4'), canvas.addLayer(), canvas.renameLayer(1, 'sky')")
    canvas.drag((20, 20), (100, 90))
    canvas.do("canvas.setBrush({size: 40}), canvas.setTool('eraser')")
    canvas.drag((20, 90), (100, 20))
    canvas.do("canvas.undo(), canvas.redo()")
    drawn = canvas.composite()
    leave_with("0")
    assert (canvas.composite() == drawn).all()
    assert canvas.do("canvas.doc.layer.name") == "sky"
    leave_with("canvas.loadImage('/see-through.png')")
    assert canvas.exported("original") == PICTURES["/see-through.png"]
    canvas.do("canvas.saving.save = async () => 'kept'")
    assert canvas.do("canvas.flush()") == "kept"
    canvas.page.wait_for_function("drawer.journalOf('canvas').read().then((all) => !all.length)")
