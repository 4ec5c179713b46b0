"""Keys: what they do to a prompt, to jobs and pictures, and the sheet that lists them."""

import pytest

from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser

# The cursor is at the bar; (before, keys, after).
EDITS = [
    ("a ca|t", "Control+ArrowUp", "a (cat:1.1)"),
    ("a (ca|t:1.1)", "Control+ArrowDown", "a cat"),
    ("((ca|t)) b", "Control+ArrowUp", "(cat:1.31) b"),
    ("[c|at] dog", "Control+ArrowDown", "(cat:0.809) dog"),
    ("a [cat:d|og:0.5]", "Control+ArrowUp", "a [cat:(dog:1.1):0.5]"),
    (r"(a \(b c|at)", "Control+ArrowUp", r"(a \(b cat:1.2)"),
    ("<lora:fi|ne:0.8> b", "Control+ArrowDown", "<lora:fine:0.75> b"),
    ("<lora:fi|ne>", "Control+ArrowUp", "<lora:fine:1.05>"),
    ("a, b| c, d", "Alt+ArrowRight", "a, d, b c"),
    ("a, b| c, d", "Alt+ArrowLeft", "b c, a, d"),
    ("|a, b", "Alt+ArrowLeft", "a, b"),
    ("a ca|t", "Control+ArrowUp", "a (cat:1.1)"),
]


def test_keys_weigh_and_move_what_the_cursor_stands_in(easel: Easel):
    area = easel.text("txt2img_prompt")
    for before, keys, after in EDITS:
        area.fill(before.replace("|", ""))
        area.evaluate("(box, at) => box.setSelectionRange(at, at)", before.index("|"))
        area.press(keys)
        assert area.input_value() == after, (before, keys)
    area.press("Control+z")
    assert area.input_value() == "a cat", "the browser's own undo knows the change"


def test_the_sheet_opens_by_key_and_button_lists_every_key_and_takes_escape(easel: Easel):
    sheet = easel.page.locator("dialog.ez-sheet")
    easel.text("txt2img_prompt").press("?")
    assert easel.text("txt2img_prompt").input_value() == "?"
    easel.page.locator(".easel-footer .ez-keys-button").click()
    sheet.wait_for()
    listed = sheet.locator("dd").all_inner_texts()
    assert {"Interrupt", "Skip the picture in work", "Next picture", "This sheet"} <= {*listed}
    easel.page.keyboard.press("Escape")
    sheet.wait_for(state="detached")
    easel.page.locator(".easel-footer").click(position={"x": 2, "y": 2})
    easel.page.keyboard.press("?")
    sheet.wait_for()
    assert easel.page.evaluate("document.activeElement.closest('dialog') !== null")
