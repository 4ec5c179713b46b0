"""Styles: chosen, applied, edited in the dialog, kept in styles.csv."""

import pytest

from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser


@pytest.fixture
def styles(easel: Easel):
    """The painted server's file of styles, with two in it; none is left behind."""
    path = easel.server.folder / "styles.csv"
    path.write_text(
        'name,prompt,negative_prompt\nink,ink drawing,colour\ngold,"{prompt}, golden",\n', "utf-8"
    )
    easel.reload()
    yield path
    path.unlink()


def test_a_style_is_made_changed_and_deleted_in_the_dialog(easel: Easel, styles):
    easel.write("my words")
    easel.write("my fears", "txt2img_neg_prompt")
    easel.click("txt2img_styles_edit_button")
    dialog = easel.page.get_by_role("dialog", name="Edit styles")
    easel.choice("txt2img_styles_edit_select").fill("mine")
    easel.page.keyboard.press("Enter")
    easel.click("txt2img_style_copy")
    easel.wait_value(easel.text("txt2img_edit_style_prompt"), "my words")
    easel.click("txt2img_edit_style_save")
    easel.wait_until(lambda: b"mine,my words,my fears\n" in styles.read_bytes())
    assert styles.read_bytes().startswith(b"\xef\xbb\xbfname,prompt,negative_prompt\n")
    assert styles.with_name("styles.csv.bak").read_bytes().startswith(b"name,")
    easel.choose("txt2img_styles_edit_select", "ink")
    easel.wait_value(easel.text("txt2img_edit_style_prompt"), "ink drawing")
    easel.page.once("dialog", lambda asked: asked.accept())
    easel.click("txt2img_edit_style_delete")
    easel.wait_value(easel.text("txt2img_edit_style_prompt"), "")
    assert b"\nink," not in styles.read_bytes()
    easel.page.keyboard.press("Escape")
    assert not dialog.is_visible()
    easel.choose("txt2img_styles", "mine")  # the form's list knows it at once


def test_chosen_styles_are_sent_and_applied_to_the_prompts_on_demand(easel: Easel, styles):
    easel.write("a barn")
    easel.choose("txt2img_styles", "gold")
    easel.choose("txt2img_styles", "ink")
    easel.page.keyboard.press("Escape")
    tokens = "document.querySelector('#txt2img_{}_tokens').textContent === '{}/75'"
    easel.wait(tokens.format("prompt", 7) + " && " + tokens.format("neg_prompt", 1))
    sent = easel.generate()["request"]
    assert (sent["prompt"], sent["styles"]) == ("a barn", ["gold", "ink"])
    easel.click("txt2img_style_apply")
    easel.wait_value(easel.text("txt2img_prompt"), "a barn, golden, ink drawing")
    easel.wait_value(easel.text("txt2img_neg_prompt"), "colour")
    assert easel.generate()["request"]["styles"] == []


@pytest.mark.full
def test_pasted_styles_move_from_the_prompt_to_their_field(easel: Easel, styles):
    easel.write("a barn, ink drawing\nNegative prompt: colour\nSteps: 5, Sampler: Euler, Seed: 1")
    easel.click("txt2img_paste")
    easel.wait_value(easel.text("txt2img_prompt"), "a barn")
    assert easel.text("txt2img_neg_prompt").input_value() == ""
    assert easel.page.locator("#txt2img_styles").get_by_text("ink", exact=True).is_visible()
