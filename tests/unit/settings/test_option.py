"""One setting takes what it can mean, and refuses the rest by name."""

import pytest

from modules.errors import SettingsError
from modules.settings import OPTIONS


@pytest.mark.parametrize(
    ("key", "loose", "value"),
    [
        ("CLIP_stop_at_last_layers", "7", 7),
        ("CLIP_stop_at_last_layers", 7.0, 7),
        ("CLIP_stop_at_last_layers", "7.0", 7),
        ("eta_ancestral", "0.5", 0.5),
        ("eta_ancestral", 1, 1.0),
        ("samples_save", "on", True),
        ("samples_save", "False", False),
        ("samples_save", 0, False),
        ("samples_format", "PNG", "png"),
        ("randn_source", "nv", "NV"),
        ("show_progress_type", "Approx NN", "Approx cheap"),
        ("cross_attention_optimization", "xformers", "Automatic"),
        ("sd_model_checkpoint", None, None),
        ("sd_model_checkpoint", "m.safetensors", "m.safetensors"),
        ("quicksettings_list", "sd_vae, tiling", ("sd_vae", "tiling")),
        ("quicksettings_list", ["sd_vae"], ("sd_vae",)),
        ("hide_samplers", [], ()),
        ("img2img_background_color", "#AABBCC", "#aabbcc"),
        ("img2img_background_color", "rgba(255, 128.4, 0, 1)", "#ff8000"),
        ("img2img_background_color", "rgb(0,0,0)", "#000000"),
        ("outdir_samples", 5, "5"),
    ],
)
def test_loose_values_are_brought_to_their_type(key, loose, value):
    coerced = OPTIONS[key].coerce(loose)
    assert coerced == value and type(coerced) is type(value)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("CLIP_stop_at_last_layers", 13, "a whole number from 1 to 12"),
        ("CLIP_stop_at_last_layers", 1.5, "a whole number from 1 to 12"),
        ("CLIP_stop_at_last_layers", True, "a whole number"),
        ("CLIP_stop_at_last_layers", "two", "a whole number"),
        ("CLIP_stop_at_last_layers", None, "a whole number"),
        ("eta_ancestral", float("nan"), "a number from 0 to 1"),
        ("sigma_min", -1, "a number from 0 to 10000"),
        ("samples_save", "maybe", "true or false"),
        ("samples_save", [], "true or false"),
        ("samples_save", 0.5, "true or false"),
        ("samples_format", "gif", "one of png, jpg, jpeg, webp, avif"),
        ("quicksettings_list", [1], "a list of texts"),
        ("quicksettings_list", {"a": 1}, "a list of texts"),
        ("dat_enabled_models", ["DAT x9"], "any of DAT x2"),
        ("outdir_samples", ["x"], "a text"),
        ("img2img_background_color", "reddish", "a colour such as #ffffff"),
        ("img2img_background_color", "rgb(256,0,0)", "a colour such as #ffffff"),
        ("easel_max_queue", 0, "from 1 to 100000"),
    ],
)
def test_other_values_are_refused_with_key_value_and_what_is_allowed(key, value, allowed):
    with pytest.raises(SettingsError) as error:
        OPTIONS[key].coerce(value)
    assert key in error.value.message and allowed in error.value.message
    assert error.value.field == key


def test_a_long_value_is_shown_short():
    with pytest.raises(SettingsError) as error:
        OPTIONS["samples_format"].coerce("x" * 5000)
    assert len(error.value.message) < 250


@pytest.mark.parametrize(
    ("key", "control"),
    [
        ("samples_save", "checkbox"),
        ("eta_ancestral", "slider"),
        ("eta_noise_seed_delta", "number"),
        ("samples_filename_pattern", "text"),
        ("grid_background_color", "colour"),
        ("randn_source", "radio"),
        ("samples_format", "dropdown"),
        ("sd_vae", "dropdown"),
        ("quicksettings_list", "multiselect"),
    ],
)
def test_the_control_follows_from_the_type(key, control):
    assert OPTIONS[key].control == control
