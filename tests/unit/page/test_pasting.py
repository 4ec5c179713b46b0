"""From infotext to the form: what pasting and sending fill in, and what they leave alone."""

import pytest

from modules.generation.infotext_fields import SAME_SAMPLER
from modules.generation.styles import Style
from modules.page import form, pasting
from modules.settings import Settings

PLAIN = "a barn\nNegative prompt: fog\nSteps: 12, Sampler: Euler a, CFG scale: 6.5, Seed: 7"
INK = Style("ink", "ink drawing", "colour")
INKED = "a barn, ink drawing\nNegative prompt: fog, colour\nSteps: 12, Sampler: Euler a, Seed: 7"


def test_labels_are_made_only_for_what_differs_from_the_settings_in_force():
    overrides = {"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 0}
    assert pasting.override_labels(overrides, Settings()) == ["Clip skip: 2"]
    in_force = Settings().with_changes({"CLIP_stop_at_last_layers": 2})
    assert pasting.override_labels(overrides, in_force) == []


def test_a_pasted_checkpoint_is_taken_only_where_the_setting_allows_it():
    overrides = {"sd_model_checkpoint": "other"}
    careful = Settings().with_changes({"disable_weights_auto_swap": True})
    free = Settings().with_changes({"disable_weights_auto_swap": False})
    assert pasting.override_labels(overrides, careful) == []
    assert pasting.override_labels(overrides, free) == ["Model hash: other"]


def test_labels_come_back_as_the_settings_they_were_made_of():
    overrides = {"CLIP_stop_at_last_layers": 3, "eta_noise_seed_delta": 5}
    assert form.overrides_from_labels(pasting.override_labels(overrides, Settings())) == overrides


def test_an_infotext_gives_the_values_it_names_and_no_others():
    values = pasting.from_infotext(PLAIN, Settings())
    assert values["prompt"] == "a barn" and values["negative_prompt"] == "fog"
    assert (values["steps"], values["sampler_name"], values["seed"]) == (12, "Euler a", 7)
    assert not {"width", "height", "batch_size", "denoising_strength"} & set(values)


def test_a_text_without_parameters_is_a_prompt():
    assert pasting.from_infotext("only words", Settings()) == {"prompt": "only words"}


def test_seed_and_size_go_along_as_the_settings_say():
    values = {"prompt": "a", "seed": 1, "width": 8, "height": 8}
    assert pasting.sent_along(values, 5, Settings()) == values | {"seed": 5}
    alone = Settings().with_changes({"send_seed": False, "send_size": False})
    assert pasting.sent_along(values, 5, alone) == {"prompt": "a"}


def test_hires_fix_comes_back_and_what_its_text_leaves_out_is_as_it_was():
    text = PLAIN + ", Denoising strength: 0.4, Hires upscale: 1.5, Hires upscaler: Lanczos"
    values = pasting.from_infotext(text, Settings())
    assert values["enable_hr"] is True
    assert (values["hr_scale"], values["hr_upscaler"]) == (1.5, "Lanczos")
    assert values["denoising_strength"] == 0.4
    assert (values["hr_second_pass_steps"], values["hr_sampler_name"]) == (0, SAME_SAMPLER)


def test_a_text_without_hires_fix_or_variation_turns_both_off():
    values = pasting.from_infotext(PLAIN, Settings())
    assert values["enable_hr"] is False and values["seed_enable_extras"] is False
    assert "hr_scale" not in values and "subseed" not in values


def test_a_variation_comes_back_with_its_box_ticked():
    text = PLAIN + ", Variation seed: 5, Variation seed strength: 0.2"
    values = pasting.from_infotext(text, Settings())
    assert values["seed_enable_extras"] is True
    assert (values["subseed"], values["subseed_strength"]) == (5, 0.2)
    assert (values["seed_resize_from_w"], values["seed_resize_from_h"]) == (0, 0)


@pytest.mark.parametrize(
    ("mode", "text", "expected"),
    [
        ("Ignore", INKED, ("a barn, ink drawing", None)),
        ("Apply", INKED, ("a barn", ["ink"])),
        ("Apply", PLAIN, ("a barn", [])),
        ("Discard", INKED, ("a barn", None)),
        ("Apply if any", INKED, ("a barn", ["ink"])),
        ("Apply if any", PLAIN, ("a barn", None)),
    ],
)
def test_styles_in_a_text_are_treated_as_the_setting_says(mode, text, expected):
    settings = Settings().with_changes({"infotext_styles": mode})
    values = pasting.from_infotext(text, settings, [INK])
    assert (values["prompt"], values.get("styles")) == expected


def test_a_refiner_and_the_masks_choices_come_back_as_the_form_says_them():
    text = PLAIN + (
        ", Refiner: other [abc], Refiner switch at: 0.7, Mask blur: 6, "
        "Mask mode: Inpaint not masked, Masked content: latent noise, Inpaint area: Only masked"
    )
    values = pasting.from_infotext(text, Settings())
    assert values["enable_refiner"] is True
    assert (values["refiner_checkpoint"], values["refiner_switch_at"]) == ("other [abc]", 0.7)
    assert (values["mask_blur"], values["inpainting_fill"]) == (6, "latent noise")
    assert values["inpainting_mask_invert"] == "Inpaint not masked"
    assert values["inpaint_full_res"] == "Only masked"
    plain = pasting.from_infotext(PLAIN, Settings())
    assert plain["enable_refiner"] is False and plain["soft_enabled"] is False


def test_soft_inpainting_comes_back_with_its_numbers():
    text = PLAIN + ", Soft inpainting enabled: True, Soft inpainting schedule bias: 2"
    values = pasting.from_infotext(text, Settings())
    assert values["soft_enabled"] is True
    assert (values["soft_bias"], values["soft_detail"]) == (2, 4)


def test_fields_that_the_setting_names_are_not_pasted():
    skip = ("Seed", "Size", "Negative prompt")
    settings = Settings().with_changes({"infotext_skip_pasting": skip})
    values = pasting.from_infotext(f"{PLAIN}, Size: 64x32", settings)
    assert not {"seed", "width", "height", "negative_prompt"} & set(values)
    assert (values["prompt"], values["steps"]) == ("a barn", 12)
