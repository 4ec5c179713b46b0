"""The page's form as plain values becomes the request that it shows."""

import pytest

from modules.errors import RequestError, SettingsError
from modules.generation.request import RESIZE_MODES, Hires, Mask
from modules.generation.soft_inpainting import SoftInpainting
from modules.page import form

VALUES = {
    "prompt": "a barn",
    "negative_prompt": "fog",
    "sampler_name": "Euler a",
    "scheduler": "Karras",
    "steps": 12,
    "width": 128,
    "height": 64,
    "batch_size": 4,
    "n_iter": 2,
    "cfg_scale": 6.5,
    "seed": 7,
}
EXTRAS = {
    "seed_enable_extras": True,
    "subseed": 5,
    "subseed_strength": 0.25,
    "seed_resize_from_w": 64,
    "seed_resize_from_h": 128,
}
HIRES = {
    "enable_hr": True,
    "hr_upscaler": "Lanczos",
    "hr_second_pass_steps": 5,
    "denoising_strength": 0.45,
    "hr_scale": 1.5,
    "hr_resize_x": 0,
    "hr_resize_y": 256,
    "hr_checkpoint_name": "Use same checkpoint",
    "hr_sampler_name": "Use same sampler",
    "hr_scheduler": "Karras",
    "hr_prompt": "sharp",
    "hr_negative_prompt": "",
}
IMAGE = "a" * 64


def test_every_value_of_the_form_reaches_the_request():
    request = form.to_request(VALUES | EXTRAS)
    assert request.init is None and request.hires is None
    assert {name: getattr(request, name) for name in VALUES} == VALUES
    extras = {name: value for name, value in EXTRAS.items() if name != "seed_enable_extras"}
    assert {name: getattr(request, name) for name in extras} == extras


def test_a_variation_whose_box_is_not_ticked_has_no_effect():
    request = form.to_request(VALUES | EXTRAS | {"seed_enable_extras": False})
    assert request == form.to_request(VALUES)
    assert request.subseed_strength == 0


def test_hires_fix_reaches_the_request_while_its_box_is_ticked():
    hires = form.to_request(VALUES | HIRES).hires
    assert hires == Hires(
        upscaler="Lanczos",
        steps=5,
        denoising_strength=0.45,
        scale=1.5,
        resize_x=0,
        resize_y=256,
        sampler_name=None,
        scheduler="Karras",
        prompt="sharp",
    )
    assert form.to_request(VALUES | HIRES | {"enable_hr": False}).hires is None


def test_chosen_styles_go_along_and_the_dividers_between_files_do_not():
    values = VALUES | {"styles": ["ink", "--- styles.csv ---", "gold"]}
    assert form.to_request(values).styles == ("ink", "gold")


def test_a_start_picture_makes_it_img2img_with_the_modes_number():
    values = VALUES | {"denoising_strength": 0.4, "resize_mode": RESIZE_MODES[2]}
    init = form.to_request(values, start=form.Start(image=IMAGE)).init
    assert init is not None
    assert (init.images, init.denoising_strength, init.resize_mode) == ((IMAGE,), 0.4, 2)


IMG2IMG = {
    "denoising_strength": 0.4,
    "resize_mode": RESIZE_MODES[0],
    "mask_blur": 6,
    "inpainting_mask_invert": "Inpaint not masked",
    "inpainting_fill": "latent nothing",
    "inpaint_full_res": "Only masked",
    "inpaint_full_res_padding": 64,
}


def test_a_mask_goes_along_with_its_controls_and_none_without_it():
    start = form.Start(image=IMAGE, mask="b" * 64)
    init = form.to_request(VALUES | IMG2IMG, start=start).init
    assert init is not None and init.mask == Mask(
        image="b" * 64, blur_x=6, blur_y=6, fill=3, only_masked=True, padding=64, invert=True
    )
    plain = form.to_request(VALUES | IMG2IMG, start=form.Start(image=IMAGE)).init
    assert plain is not None and plain.mask is None


def test_soft_inpainting_goes_along_while_its_box_is_ticked():
    numbers = {"bias": 2, "preservation": 1, "detail": 8, "influence": 0.5}
    numbers |= {"threshold": 1.5, "contrast": 3}
    values = VALUES | IMG2IMG | {f"soft_{name}": value for name, value in numbers.items()}
    start = form.Start(image=IMAGE, mask="b" * 64)
    init = form.to_request(values | {"soft_enabled": True}, start=start).init
    assert init is not None and init.mask is not None
    assert init.mask.soft == SoftInpainting(**numbers)
    plain = form.to_request(values | {"soft_enabled": False}, start=start).init
    assert plain is not None and plain.mask is not None and plain.mask.soft is None


def test_resize_by_takes_the_place_of_the_forms_size():
    start = form.Start(image=IMAGE, size=(200, 104))
    request = form.to_request(VALUES | IMG2IMG, start=start)
    assert (request.width, request.height) == (200, 104)


def test_a_choice_that_is_not_there_is_refused_by_name():
    with pytest.raises(RequestError, match="inpainting_fill is 'nothing'"):
        form.to_request(
            VALUES | IMG2IMG | {"inpainting_fill": "nothing"},
            start=form.Start(image=IMAGE, mask="b" * 64),
        )


def test_the_refiner_is_asked_for_while_its_box_is_ticked_and_needs_a_checkpoint():
    values = VALUES | {"refiner_checkpoint": "other", "refiner_switch_at": 0.6}
    request = form.to_request(values | {"enable_refiner": True})
    assert (request.refiner_checkpoint, request.refiner_switch_at) == ("other", 0.6)
    assert form.to_request(values | {"enable_refiner": False}).refiner_checkpoint is None
    with pytest.raises(RequestError, match="the refiner has no checkpoint"):
        form.to_request(values | {"enable_refiner": True, "refiner_checkpoint": None})


@pytest.mark.parametrize("field", ["seed", "subseed"])
def test_an_empty_seed_means_a_new_one(field):
    assert getattr(form.to_request(VALUES | EXTRAS | {field: None}), field) == -1


def test_whole_numbers_may_come_as_floats():
    assert form.to_request(VALUES | {"steps": 12.0}).steps == 12


@pytest.mark.parametrize("value", [None, "", 12.5, "many"])
def test_what_is_no_whole_number_is_refused_by_name(value):
    with pytest.raises(RequestError, match="steps") as raised:
        form.to_request(VALUES | {"steps": value})
    assert raised.value.field == "steps"


def test_override_labels_become_settings_of_the_job():
    found = form.overrides_from_labels(["Clip skip: 2", "ENSD: 31337"])
    assert found == {"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 31337}


@pytest.mark.parametrize("label", ["Clip skip", "Favourite colour: blue", ""])
def test_a_label_that_names_no_setting_is_refused(label):
    with pytest.raises(RequestError, match="no setting for one job"):
        form.overrides_from_labels([label])


def test_a_label_with_an_impossible_value_is_refused():
    with pytest.raises(SettingsError):
        form.overrides_from_labels(["Clip skip: two"])
