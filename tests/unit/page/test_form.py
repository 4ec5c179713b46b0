"""The page's form as plain values: to a request, from an infotext, and what the browser kept."""

import json

import pytest

from modules.errors import RequestError, SettingsError
from modules.generation.request import RESIZE_MODES
from modules.page import form
from modules.settings import Settings

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
    "subseed": -1,
    "subseed_strength": 0.25,
    "seed_resize_from_w": 0,
    "seed_resize_from_h": 0,
    "override_settings": [],
}
IMAGE = "a" * 64


def test_every_value_of_the_form_reaches_the_request():
    request = form.to_request(VALUES)
    assert request.init is None
    assert {name: getattr(request, name) for name in VALUES if name != "override_settings"} == {
        name: value for name, value in VALUES.items() if name != "override_settings"
    }


def test_a_start_picture_makes_it_img2img_with_the_modes_number():
    values = VALUES | {"denoising_strength": 0.4, "resize_mode": RESIZE_MODES[2]}
    init = form.to_request(values, image=IMAGE).init
    assert init is not None
    assert (init.images, init.denoising_strength, init.resize_mode) == ((IMAGE,), 0.4, 2)


@pytest.mark.parametrize("field", ["seed", "subseed"])
def test_an_empty_seed_means_a_new_one(field):
    assert getattr(form.to_request(VALUES | {field: None}), field) == -1


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


def test_labels_are_made_only_for_what_differs_from_the_settings_in_force():
    overrides = {"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 0}
    assert form.override_labels(overrides, Settings()) == ["Clip skip: 2"]
    in_force = Settings().with_changes({"CLIP_stop_at_last_layers": 2})
    assert form.override_labels(overrides, in_force) == []


def test_a_pasted_checkpoint_is_taken_only_where_the_setting_allows_it():
    overrides = {"sd_model_checkpoint": "other"}
    careful = Settings().with_changes({"disable_weights_auto_swap": True})
    free = Settings().with_changes({"disable_weights_auto_swap": False})
    assert form.override_labels(overrides, careful) == []
    assert form.override_labels(overrides, free) == ["Model hash: other"]


def test_labels_come_back_as_the_settings_they_were_made_of():
    overrides = {"CLIP_stop_at_last_layers": 3, "eta_noise_seed_delta": 5}
    assert form.overrides_from_labels(form.override_labels(overrides, Settings())) == overrides


def test_an_infotext_gives_the_values_it_names_and_no_others():
    text = "a barn\nNegative prompt: fog\nSteps: 12, Sampler: Euler a, CFG scale: 6.5, Seed: 7"
    values = form.from_infotext(text, Settings())
    assert values["prompt"] == "a barn" and values["negative_prompt"] == "fog"
    assert (values["steps"], values["sampler_name"], values["seed"]) == (12, "Euler a", 7)
    assert not {"width", "height", "batch_size", "denoising_strength"} & set(values)


def test_a_text_without_parameters_is_a_prompt():
    assert form.from_infotext("only words", Settings()) == {"prompt": "only words"}


def test_seed_and_size_go_along_as_the_settings_say():
    values = {"prompt": "a", "seed": 1, "width": 8, "height": 8}
    assert form.sent_along(values, 5, Settings()) == values | {"seed": 5}
    alone = Settings().with_changes({"send_seed": False, "send_size": False})
    assert form.sent_along(values, 5, alone) == {"prompt": "a"}


# -- what the browser kept ---------------------------------------------------------------------


def kept(**record) -> form.Kept:
    return form.kept(json.dumps(record))


def test_a_kept_form_comes_back():
    values = VALUES | {"width": 192}
    before = kept(txt2img=values, size=[128, 64], opened="img2img", source="sketch")
    assert before.values("txt2img", (512, 512)) == values
    assert before.opened == ("img2img", "sketch")


def test_sizes_that_were_the_checkpoints_own_become_the_new_ones_own():
    before = kept(txt2img=VALUES, size=[128, 64])
    found = before.values("txt2img", (512, 768))
    assert (found["width"], found["height"]) == (512, 768)


def test_a_form_that_was_never_kept_gets_only_its_sizes():
    assert form.kept("").values("img2img", (64, 64)) == {"width": 64, "height": 64}


@pytest.mark.parametrize("text", ["no json", "[]", "3", '{"txt2img": 5}', '{"size": "big"}', None])
def test_a_record_that_is_not_understood_is_left_out(text):
    before = form.kept(text)
    assert before.opened == ("", "")
    assert before.values("txt2img", (64, 64)) == {"width": 64, "height": 64}


@pytest.mark.parametrize(
    ("name", "value"),
    [("prompt", 5), ("steps", "many"), ("seed", True), ("override_settings", [1]), ("evil", 1)],
)
def test_a_kept_value_of_the_wrong_kind_is_left_out(name, value):
    before = kept(txt2img={"prompt": "kept", name: value})
    found = before.values("txt2img", (64, 64))
    assert name not in found or name == "prompt" and "prompt" not in found
