"""All settings together: complete, one key one place, changed only by making another record."""

import json
import os
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from modules.errors import SettingsError
from modules.settings import OPTIONS, TABLE, Settings
from modules.settings.reference import LEFT_OUT, OTHER_DEFAULTS, markdown
from modules.settings.table import option_of_infotext, read_values, sections

DOCS = Path(__file__).parents[3] / "docs"


def test_every_default_is_a_value_that_its_setting_takes():
    for row in TABLE:
        assert row.coerce(row.default) == row.default, row.key
        assert type(row.coerce(row.default)) is type(row.default), row.key


def test_every_setting_has_a_label_and_no_two_in_a_section_the_same():
    for section in sections():
        labels = [row.label for row in TABLE if row.section == section.section]
        assert all(labels) and len(labels) == len(set(labels)), section.section


def test_every_number_has_ends_that_the_page_can_name():
    numbers = [row for row in TABLE if type(row.default) in (int, float)]
    assert numbers and [row.key for row in numbers if None in (row.low, row.high)] == []


def test_infotext_names_belong_to_one_setting_each():
    names = [row.infotext for row in TABLE if row.infotext]
    assert len(names) == len(set(names))
    assert option_of_infotext("Clip skip") is OPTIONS["CLIP_stop_at_last_layers"]
    assert option_of_infotext("Beta schedule alpha") is OPTIONS["beta_dist_alpha"]
    assert option_of_infotext("Steps") is None


def test_the_originals_section_ids_are_ours():
    ids = {section.section for section in sections()}
    assert {"saving-images", "saving-paths", "sd", "sampler-params", "ui", "API"} <= ids


def test_values_stand_in_their_section():
    settings = Settings().with_changes({"eta_ancestral": 0.5, "samples_format": "jpg"})
    assert settings.sampler_params.eta_ancestral == settings.get("eta_ancestral") == 0.5
    assert settings.saving_images.samples_format == "jpg"
    assert settings.changed() == {"samples_format": "jpg", "eta_ancestral": 0.5}


def test_a_change_makes_another_record_and_leaves_the_first_alone():
    before = Settings()
    after = before.with_changes({"tiling": True})
    assert (before.sd.tiling, after.sd.tiling) == (False, True)
    with pytest.raises(FrozenInstanceError):
        before.sd.tiling = True  # type: ignore[misc]


def test_an_unknown_key_is_refused_with_its_nearest_ones():
    with pytest.raises(
        SettingsError, match="no setting 'eta_ancestal'; did you mean eta_ancestral"
    ):
        Settings().with_changes({"eta_ancestal": 1})
    with pytest.raises(SettingsError, match="no setting 'zzz'$"):
        Settings().get("zzz")


def test_a_section_refuses_a_bad_value_at_birth():
    from modules.settings.sampler_parameters import SamplerParameters

    assert SamplerParameters(eta_ancestral=1).eta_ancestral == 1.0
    with pytest.raises(SettingsError, match="eta_ancestral can't be 2"):
        SamplerParameters(eta_ancestral=2)


@hypothesis_settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(OPTIONS)),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=5),
            st.lists(st.text(max_size=3), max_size=2),
        ),
        max_size=6,
    )
)
def test_a_record_of_anything_gives_settings_that_come_back_the_same(record):
    settings = Settings.from_record(record)
    stored = json.loads(json.dumps(settings.to_record()))
    assert Settings.from_record(stored) == settings


def test_what_a_record_cant_mean_is_logged_and_left_at_its_default(caplog):
    settings = Settings.from_record({"nonesuch": 1, "jpeg_quality": 500, "tiling": True})
    assert settings.changed() == {"tiling": True}
    assert "nonesuch" in caplog.text and "jpeg_quality" in caplog.text


def test_read_values_says_why():
    _, unusable = read_values({"nonesuch": 1, "jpeg_quality": 500})
    assert unusable["nonesuch"] == "no such setting"
    assert "1 to 100" in unusable["jpeg_quality"]


def test_as_dict_is_json_and_whole():
    values = Settings().as_dict()
    assert json.loads(json.dumps(values)) == values
    assert list(values) == [row.key for row in TABLE]


def test_keys_left_out_are_no_settings():
    left_out = {key for _, keys in LEFT_OUT for key in keys}
    assert not left_out & set(OPTIONS)


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("samples_save", True),
        ("jpeg_quality", 80),
        ("outdir_txt2img_samples", "outputs/txt2img-images"),
        ("directories_filename_pattern", "[date]"),
        ("CLIP_stop_at_last_layers", 1),
        ("randn_source", "GPU"),
        ("comma_padding_backtrack", 20),
        ("eta_ancestral", 1.0),
        ("uni_pc_order", 3),
        ("keyedit_delimiters", ".,\\/!?%^*;:{}=`~() "),
        ("quicksettings_list", ("sd_model_checkpoint",)),
        ("live_preview_refresh_period", 500),
    ],
)
def test_defaults_are_the_originals_but_for_those_named(key, default):
    assert Settings().get(key) == default


def test_every_default_is_as_the_original_recorded_it():
    folder = os.environ.get("EASEL_GOLDEN")
    if not folder:
        pytest.skip("EASEL_GOLDEN is not set")
    recorded = json.loads((Path(folder) / "default-options.json").read_text(encoding="utf-8"))
    # Set for the recording, or explanations that only look like settings.
    for key in (
        "samples_save grid_save live_previews_enable randn_source sd_model_checkpoint "
        "sd_checkpoint_hash sd_vae_explanation infotext_explanation settings_in_ui"
    ).split():
        del recorded[key]
    left_out = {key for _, keys in LEFT_OUT for key in keys}
    assert set(recorded) <= set(OPTIONS) | left_out
    ours = Settings().as_dict() | OTHER_DEFAULTS
    assert {key: ours[key] for key in recorded if key in ours} == {
        key: value for key, value in recorded.items() if key in ours
    }


def test_other_defaults_are_explained():
    for key, theirs in OTHER_DEFAULTS.items():
        assert OPTIONS[key].default != theirs and "original" in OPTIONS[key].help


def test_the_page_on_settings_is_made_from_the_table():
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == markdown(), (
        "python -m modules.settings.reference > docs/settings.md"
    )
