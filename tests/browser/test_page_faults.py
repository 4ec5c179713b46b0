"""Bad input at every control: told beside it, and the rest of the form stays. What a lost
connection and a server that is killed do to the page.
"""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import make_painted
from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser

# Types each value into every number of an open tab as a person does, and leaves it. Answers what
# went wrong: a value that stayed, or that was changed without a word beside it.
TYPE_INTO_ALL = """
async ([tab, values]) => {
  const wrong = [];
  const inputs = [...document.querySelectorAll(`#tab_${tab} input[type=number]`)];
  let tried = 0;
  for (const input of inputs.filter((each) => each.offsetParent)) {
    const block = input.closest(".block[id]");
    const range = block?.querySelector("input[type=range]");
    const [low, high] = range ? [Number(range.min), Number(range.max)] : [-1, 2 ** 53 - 1];
    const before = input.value;
    for (const value of values) {
      input.focus({ preventScroll: true });
      input.value = value;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.blur();
      await new Promise((go) => setTimeout(go, 0));
      const after = Number(input.value);
      const isIn = value !== "" && Number(value) >= low && Number(value) <= high;
      const words = block?.querySelector(".ez-complaint")?.textContent ?? "";
      const emptySeed = value === "" && !range;
      const isOut = input.value === "" || after < low || after > high;
      const isLost = value === "" && range && input.value !== before;
      if (isOut || isLost) wrong.push([block?.id, value, input.value]);
      else if (!isIn && !words && !emptySeed) wrong.push([block?.id, value, "no word"]);
      tried += 1;
      input.value = before;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
  return { wrong, tried };
}
"""
BAD_NUMBERS = ["", "-5", "1.5", "99999", "1e300"]


def beside(easel: Easel, elem_id: str) -> str:
    """The words below a control."""
    found = easel.page.locator(f"#{elem_id} .ez-complaint")
    found.wait_for()
    return found.inner_text()


def count(easel: Easel) -> int:
    return easel.server.get("easel/v1/jobs?limit=1")["total"]


def test_no_number_of_the_form_is_taken_or_changed_without_a_word(easel: Easel):
    easel.write("kept as it is")
    for box in ("txt2img_hr-checkbox", "txt2img_enable-checkbox", "txt2img_subseed_show"):
        easel.tick(box)
    found = easel.page.evaluate(TYPE_INTO_ALL, ["txt2img", BAD_NUMBERS])
    assert found["wrong"] == [] and found["tried"] >= 16 * len(BAD_NUMBERS)
    easel.img2img("Inpaint")
    for box in ("soft_inpainting_enabled-checkbox", "img2img_enable-checkbox"):
        easel.tick(box)
    found = easel.page.evaluate(TYPE_INTO_ALL, ["img2img", BAD_NUMBERS])
    assert found["wrong"] == [] and found["tried"] >= 17 * len(BAD_NUMBERS)
    easel.tab("txt2img")
    # Letters, and a job asked for by keys while the bad number is still being typed.
    jobs = count(easel)
    for typed in ("1e", "99999"):
        easel.number("txt2img_steps").click()
        easel.page.keyboard.press("Control+a")
        easel.page.keyboard.type(typed)
        easel.page.keyboard.press("Control+Enter")
        assert "give a number from 1 to 150" in beside(easel, "txt2img_steps")
    easel.number("txt2img_width").fill("99999")
    easel.click("txt2img_generate")  # the press leaves the number
    assert "it is 2048 now" in beside(easel, "txt2img_width")
    assert count(easel) == jobs
    assert easel.text("txt2img_prompt").input_value() == "kept as it is"
    easel.set("txt2img_width", 128)
    assert not easel.page.locator("#txt2img_width .ez-complaint").count()


def test_what_the_server_refuses_is_told_beside_its_control(easel: Easel):
    easel.may_be_refused = True  # its tokens are not counted
    huge = "a" * 1_000_001
    easel.page.evaluate(
        """(text) => {
            const box = document.querySelector("#txt2img_prompt textarea");
            box.value = text;
            box.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        huge,
    )
    easel.set("txt2img_steps", 9)
    easel.click("txt2img_generate")
    assert "Prompt has 1000001 characters" in beside(easel, "txt2img_prompt")
    assert easel.number("txt2img_steps").input_value() == "9"
    easel.write("a barn")
    easel.set("txt2img_batch_size", 8)
    for side in ("width", "height"):
        easel.set(f"txt2img_{side}", 2048)
    easel.tick("txt2img_hr-checkbox")  # twice as large: more than may be at once
    easel.click("txt2img_generate")
    assert "pixels at once" in beside(easel, "txt2img_batch_size")
    easel.img2img("img2img")
    easel.click("img2img_generate")
    assert "needs a picture" in beside(easel, "img2img_image")


@pytest.mark.full
def test_a_checkpoint_that_is_gone_is_told_where_it_is_chosen(visit, tmp_path):
    server = make_painted(tmp_path)
    server.start()
    try:
        easel = visit(server)
        (tmp_path / "models/Stable-diffusion/one.safetensors").unlink()
        server.post("sdapi/v1/refresh-checkpoints")
        easel.write("a barn")
        easel.click("txt2img_generate")
        assert "no checkpoint is called" in beside(easel, "setting_sd_model_checkpoint")
        assert easel.text("txt2img_prompt").input_value() == "a barn"
    finally:
        server.stop()


@pytest.mark.full
def test_while_the_connection_is_lost_nothing_is_lost(easel: Easel):
    easel.may_lose_server = True
    easel.write("slow 1")
    easel.press_generate()
    easel.wait_step("txt2img", 1)
    easel.page.context.set_offline(True)
    try:
        easel.wait_status("txt2img", "Connection lost")
        easel.write("typed while it was away")
        easel.click("txt2img_generate")
        assert "nothing was done" in easel.toast()
    finally:
        easel.page.context.set_offline(False)
    job = easel.server.newest("txt2img")["id"]
    easel.wait_shown("txt2img", job)
    assert easel.text("txt2img_prompt").input_value() == "typed while it was away"
    assert easel.generate()["request"]["prompt"] == "typed while it was away"


@pytest.mark.full
def test_a_batch_goes_on_over_reload_second_browser_and_kill(visit, tmp_path: Path):
    from tests.browser.test_page_batch import png

    server = make_painted(tmp_path)
    server.start()
    try:
        easel, other = visit(server), visit(server)
        for each in (easel, other):
            each.may_lose_server = True
        easel.img2img("Batch")
        other.tab("img2img")
        files: list[Any] = [
            {"name": f"{n}.png", "mimeType": "image/png", "buffer": png("red")} for n in range(8)
        ]
        easel.page.locator("#img2img_batch_upload input[type=file]").set_input_files(files)
        easel.wait("document.querySelector('.ez-batch').dataset.waiting === '0'")
        easel.write("slow 0.05", "img2img_prompt")
        easel.press_generate("img2img")
        for each in (easel, other):
            each.wait_status("img2img", " of 8: ")
        easel.reload()
        easel.wait_status("img2img", " of 8: ")
        server.stop(signal.SIGKILL)
        easel.wait_status("img2img", "Connection lost")
        server.start()
        job = server.newest("img2img")["id"]
        for each in (easel, other):
            each.wait_shown("img2img", job, 8)
        names = [path.name for path in (tmp_path / "outputs").rglob("*.png")]
        assert len(names) == 8
    finally:
        server.stop()
