"""Names of samplers, schedules and upscalers are found, split and refused as they should be."""

from dataclasses import replace

import pytest

from modules.errors import NotBuiltError, UnknownNameError
from modules.generation import choices
from modules.generation.choices import (
    SAMPLERS,
    SCHEDULES,
    find_latent_upscale_mode,
    find_sampler,
    find_upscaler,
    resolve_sampler,
)


@pytest.mark.parametrize(
    ("name", "expected", "pasted"),
    [
        ("DPM++ 2M Karras", ("DPM++ 2M", "Karras"), "Automatic"),
        ("DPM++ 2M SDE Exponential", ("DPM++ 2M SDE", "Exponential"), "Automatic"),
        ("Euler a Karras", ("Euler a", "Karras"), "Karras"),
        ("DPM++ 2M SDE Heun Karras", ("DPM++ 2M SDE Heun", "Karras"), "Karras"),
        ("DDIM", ("DDIM", "Automatic"), "Automatic"),
        ("Euler a SGMUniform", ("Euler a", "SGM Uniform"), "SGM Uniform"),
        ("Euler karras", ("Euler", "Karras"), "Karras"),
        ("Euler Automatic", ("Euler", "Automatic"), "Automatic"),
        ("Euler Uniform", ("Euler", "Uniform"), "Uniform"),
        ("DPM++ 2M Karras Uniform", ("DPM++ 2M", "Karras"), "Automatic"),
        ("k_euler_ancestral", ("Euler a", "Automatic"), "Automatic"),
        ("euler A", ("Euler a", "Automatic"), "Automatic"),
        (None, ("DPM++ 2M", "Automatic"), "Automatic"),
    ],
)
def test_a_samplers_name_is_split_as_the_specification_says(name, expected, pasted):
    assert resolve_sampler(name, None) == expected
    assert resolve_sampler(name, None, paste=True) == (expected[0], pasted)


def test_a_schedule_is_found_by_label_name_and_alias():
    for spelling in ("SGM Uniform", "sgm_uniform", "SGMUniform", "sgm uniform"):
        assert resolve_sampler("Euler", spelling) == ("Euler", "SGM Uniform")


@pytest.mark.parametrize("row", SAMPLERS, ids=lambda row: row.label)
def test_every_sampler_is_found_by_every_alias(row):
    assert [find_sampler(alias) for alias in (row.label, *row.aliases)] == [row] * (
        len(row.aliases) + 1
    )


def test_no_name_means_two_things():
    names = [name for row in SAMPLERS for name in {row.label.casefold(), *row.aliases}]
    assert len(names) == len(set(names))
    spellings = [name for row in SCHEDULES for name in row.spellings]
    assert len(spellings) == len(set(spellings))


def test_an_unknown_sampler_is_refused_with_its_nearest_names():
    with pytest.raises(
        UnknownNameError, match=r"no sampler 'Eular a'; did you mean Euler a"
    ) as error:
        resolve_sampler("Eular a", None)
    assert error.value.field == "sampler_name"


def test_an_unknown_schedule_names_the_field_of_its_pass():
    with pytest.raises(UnknownNameError, match="no schedule type 'Zigzag'") as error:
        resolve_sampler("Euler", "Zigzag", prefix="hr_")
    assert error.value.field == "hr_scheduler"


def test_what_is_not_built_says_so_and_what_to_use(monkeypatch):
    rows = tuple(replace(row, built=row.label != "LMS") for row in SAMPLERS)
    monkeypatch.setattr(choices, "SAMPLERS", rows)
    with pytest.raises(NotBuiltError, match="LMS is not built yet; use Euler"):
        resolve_sampler("k_lms", None)
    with pytest.raises(NotBuiltError, match=r"R-ESRGAN 4x\+ is not built yet; use Lanczos"):
        find_upscaler("R-ESRGAN 4x+")


def test_upscalers_and_latent_modes_are_told_apart():
    assert find_upscaler("lanczos").name == "Lanczos"
    mode = find_latent_upscale_mode("Latent (bicubic antialiased)")
    assert mode is not None and (mode.mode, mode.antialias) == ("bicubic", True)
    assert find_latent_upscale_mode("Lanczos") is None


def test_options_are_the_apis_texts():
    options = {row.label: row.options for row in SAMPLERS}
    assert options["DPM++ SDE"] == {
        "scheduler": "karras",
        "second_order": "True",
        "brownian_noise": "True",
    }
    assert options["Euler"] == {} and options["Euler a"] == {"uses_ensd": "True"}
