"""The controls of the form that reveal others: hires fix, the seed's extras; what they send."""

import pytest

from tests.browser.page_driver import Easel

pytestmark = pytest.mark.browser

HIRES = (
    "a barn\nSteps: 8, Sampler: Euler a, CFG scale: 5, Seed: 3, Size: 128x64, "
    "Denoising strength: 0.35, Hires upscale: 1.5, Hires upscaler: Lanczos, Hires sampler: Heun, "
    "Hires checkpoint: gone.safetensors, "
    "Hires prompt: sharp, Variation seed: 9, Variation seed strength: 0.3"
)


def test_hires_fix_tells_the_size_it_leads_to_and_is_sent_while_it_is_ticked(easel: Easel):
    line = easel.page.locator("#txt2img_hr-line")
    assert not easel.page.locator("#txt2img_hr_scale").is_visible()
    easel.tick("txt2img_hr-checkbox")
    easel.wait_text(line, "from 128x64 to 256x128")
    easel.set("txt2img_hr_scale", 1.3)
    easel.wait_text(line, "from 128x64 to 160x80")
    easel.set("txt2img_hr_resize_x", 512)
    easel.wait_text(line, "from 128x64 to 512x256")
    easel.choose("txt2img_hr_upscaler", "Lanczos")
    easel.set("txt2img_hires_steps", 4)
    easel.set("txt2img_denoising_strength", 0.55)
    hires = easel.generate()["request"]["hires"]
    assert (hires["upscaler"], hires["steps"], hires["resize_x"]) == ("Lanczos", 4, 512)
    assert (hires["denoising_strength"], hires["scale"]) == (0.55, 1.3)
    easel.tick("txt2img_hr-checkbox", False)
    easel.wait_text(line, "")
    assert easel.generate()["request"]["hires"] is None


def test_the_seeds_extras_are_sent_while_they_are_shown_and_take_the_pictures_own(easel: Easel):
    easel.tick("txt2img_subseed_show")
    easel.set("txt2img_subseed_strength", 0.4)
    easel.set("txt2img_seed_resize_from_w", 96)
    easel.set("txt2img_seed_resize_from_h", 72)
    job = easel.generate()
    sent = job["request"]
    assert (sent["subseed_strength"], sent["seed_resize_from_w"]) == (0.4, 96)
    assert sent["seed_resize_from_h"] == 72
    easel.click("txt2img_reuse_subseed")
    easel.wait_value(easel.number("txt2img_subseed"), str(job["items"][0]["subseed"]))
    easel.click("txt2img_random_subseed")
    easel.wait_value(easel.number("txt2img_subseed"), "-1")
    easel.tick("txt2img_subseed_show", False)
    assert easel.generate()["request"]["subseed_strength"] == 0


def test_a_pasted_text_opens_what_it_names_and_a_reload_keeps_it(easel: Easel):
    easel.write(HIRES)
    easel.click("txt2img_paste")
    easel.wait_value(easel.number("txt2img_hr_scale"), "1.5")
    assert easel.choice("hr_sampler").input_value() == "Heun"
    assert easel.text("hires_prompt").input_value() == "sharp"
    assert easel.choice("hr_checkpoint").input_value() == "Use same checkpoint"
    assert "gone.safetensors is not here" in easel.page.locator("#hr_checkpoint").inner_text()
    assert not easel.page.locator("#hires_neg_prompt").is_visible()
    assert easel.number("txt2img_subseed").input_value() == "9"
    easel.page.wait_for_timeout(150)
    easel.reload()
    easel.wait_value(easel.number("txt2img_subseed"), "9")
    easel.wait_text(easel.page.locator("#txt2img_hr-line"), "from 128x64 to 192x96")
    sent = easel.generate()["request"]
    assert (sent["hires"]["sampler_name"], sent["hires"]["prompt"]) == ("Heun", "sharp")
    assert (sent["subseed"], sent["subseed_strength"]) == (9, 0.3)


@pytest.mark.full
def test_the_settings_show_the_second_passes_own_sampler_and_prompts(easel: Easel):
    both = ("hires_fix_show_sampler", "hires_fix_show_prompts")
    easel.server.post("sdapi/v1/options", dict.fromkeys(both, True))
    try:
        easel.reload()
        easel.tick("txt2img_hr-checkbox")
        for name in ("hr_sampler", "hr_scheduler", "hires_prompt", "hires_neg_prompt"):
            easel.page.locator(f"#{name}").wait_for()
    finally:
        easel.server.post("sdapi/v1/options", dict.fromkeys(both, False))
