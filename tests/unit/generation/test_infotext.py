"""Infotext is written and read as A1111 does it, and what is read makes the same request again."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.generation.infotext import (
    FIRST,
    Infotext,
    old_first_pass_size,
    parse,
    take_styles,
    to_api_fields,
    write,
)
from modules.generation.styles import Style
from modules.generation.version import VERSION_VALUE
from modules.settings import OPTIONS

EXAMPLE = (
    "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x512, "
    "Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Denoising strength: 0.7, Clip skip: 2, "
    "RNG: CPU, Hires upscale: 2, Hires upscaler: Latent, Version: v1.10.1"
)


def test_fields_are_put_in_the_originals_order():
    fields = {
        "Version": "v1.10.1",
        "Hires upscale": 2,
        "RNG": "CPU",
        "Hires upscaler": "Latent",
        "Denoising strength": 0.7,
        "Seed": 1,
        "Model": "v1-5-pruned-emaonly",
        "Clip skip": 2,
        "Model hash": "6ce0161689",
        "Size": "512x512",
        "CFG scale": 7,
        "Schedule type": "Karras",
        "Sampler": "DPM++ 2M",
        "Steps": 20,
        "ENSD": None,
    }
    assert write("a pear", "blue", fields) == f"a pear\nNegative prompt: blue\n{EXAMPLE}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (7, "Eta: 7"),
        (7.0, "Eta: 7.0"),
        (True, "Eta: True"),
        ("a, b", 'Eta: "a, b"'),
        ("x: 1", 'Eta: "x: 1"'),
        ("two\nlines", r'Eta: "two\nlines"'),
        ('"ü", c', r'Eta: "\"ü\", c"'),
        ("Eta", "Eta"),
    ],
)
def test_values_that_would_not_be_read_back_are_quoted(value, written):
    assert write("", "", {"Eta": value}) == written


def test_an_empty_negative_prompt_has_no_line():
    assert write("p", "", {"Steps": 1}) == "p\nSteps: 1"


def test_prompts_and_fields_come_back_with_defaults():
    parsed = parse(f"a pear,\non a table\nNegative prompt: blue\nred\n{EXAMPLE}")
    assert (parsed.prompt, parsed.negative_prompt) == ("a pear,\non a table", "blue\nred")
    assert parsed.fields["Size-1"] == "512" and "Size" not in parsed.fields
    assert parsed.fields["Model"] == "v1-5-pruned-emaonly"
    assert parsed.fields["Masked content"] == "original"


@pytest.mark.parametrize("text", ["", "just a prompt", "one: two, three: four", "\n\n", ": , :"])
def test_a_text_without_three_fields_is_all_prompt(text):
    assert parse(text) == Infotext(text.strip())


def test_a_plain_prompt_is_read_quickly_however_long():
    long = "word " * 40_000
    assert parse(long).prompt == long.strip()


names = st.sampled_from([*FIRST, "Hires prompt", "Lora hashes", "Script", "Eta"])
values = st.one_of(st.integers(), st.text(min_size=1, max_size=12))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(names, values, max_size=8))
def test_what_is_written_is_read_back(fields):
    fields |= {"Steps": 20, "Seed": 5, "Clip skip": 1}
    # "8x8" is read as two fields; a value equal to its name is written as the name alone.
    fields = {
        name: value
        for name, value in fields.items()
        if not re.fullmatch(r"\d+x\d+", str(value)) and str(value) != name
    }
    parsed = parse(write("a", "b", fields), old_behaviour=False)
    assert {name: parsed.fields[name] for name in fields} == {
        name: str(value) for name, value in fields.items()
    }


@pytest.mark.parametrize(
    ("sampler", "version", "expected", "pasted"),
    [
        ("DPM++ 2M Karras", "v1.5.0", ("DPM++ 2M", "Karras"), ("DPM++ 2M", "Automatic")),
        ("DPM++ 2M", "v1.8.0", ("DPM++ 2M", "Uniform"), ("DPM++ 2M", "Uniform")),
        ("DPM++ 2M", "v1.9.4", ("DPM++ 2M", "Automatic"), ("DPM++ 2M", "Automatic")),
        ("Euler a", "v1.5.0", ("Euler a", "Automatic"), ("Euler a", "Automatic")),
        ("DPM++ 2M", VERSION_VALUE, ("DPM++ 2M", "Automatic"), ("DPM++ 2M", "Automatic")),
    ],
)
def test_old_sampler_names_become_sampler_and_schedule(sampler, version, expected, pasted):
    parsed = parse(f"Steps: 20, Sampler: {sampler}, Seed: 1, Version: {version}")
    for paste, wanted in ((False, expected), (True, pasted)):
        found = to_api_fields(parsed, paste=paste)
        assert (found["sampler_name"], found["scheduler"]) == wanted


def test_an_unknown_sampler_leaves_the_readers_own():
    found = to_api_fields(parse("Steps: 20, Sampler: Nonesuch, Seed: 1"))
    assert "sampler_name" not in found and found["steps"] == 20


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("[a:b:3]\nSteps: 1, Seed: 1, Version: v1.5.2", "Old prompt editing timelines", "True"),
        ("a\nSteps: 1, Seed: 1, Version: v1.5.2", "Old prompt editing timelines", None),
        ("a\nSteps: 1, Sampler: PLMS, Version: v1.5.2", "Pad conds v0", "True"),
        ("a\nSteps: 1, Seed: 1, Version: 1.7.0-224", "Downcast alphas_cumprod", "True"),
        ("a\nSteps: 1, Seed: 1, Version: 1.7.0-225", "Downcast alphas_cumprod", None),
        ("a\nSteps: 1, Refiner: r, Version: v1.7.0", "Refiner switch by sampling steps", "True"),
        ("a\nSteps: 1, Seed: 1, Refiner: r", "Refiner switch by sampling steps", "False"),
        (f"[a]\nSteps: 1, Sampler: DDIM, Version: {VERSION_VALUE}", "Pad conds v0", None),
        ("(a)\nSteps: 1, Seed: 1, CFG scale: 1", "Emphasis", "Original"),
        ("a\nSteps: 1, Seed: 1, CFG scale: 1", "Emphasis", None),
    ],
)
def test_the_version_turns_on_what_it_did_otherwise(text, name, value):
    assert parse(text).fields.get(name) == value


def test_old_behaviour_can_be_left_off():
    parsed = parse("[a]\nSteps: 1, Seed: 1, Version: v1.5.2", old_behaviour=False)
    assert "Old prompt editing timelines" not in parsed.fields


def test_an_old_first_pass_becomes_a_hires_resize():
    parsed = parse(
        "Steps: 1, Seed: 1, Size: 1024x768, First pass size: 0x0, Denoising strength: .7"
    )
    assert old_first_pass_size(1024, 768) == (640, 448)
    found = to_api_fields(parsed)
    assert (found["width"], found["height"]) == (640, 448)
    assert (found["hr_resize_x"], found["hr_resize_y"], found["enable_hr"]) == (1024, 768, True)


def test_an_old_hypernetwork_becomes_a_tag():
    parsed = parse("a\nSteps: 1, Seed: 1, Hypernet: moss, Hypernet strength: 0.5")
    assert parsed.prompt == "a<hypernet:moss:0.5>"


def test_hires_fix_comes_back_with_only_what_differs():
    found = to_api_fields(parse(f"a\n{EXAMPLE}"))
    assert found["enable_hr"] and found["hr_scale"] == 2 and found["hr_upscaler"] == "Latent"
    assert "hr_sampler_name" not in found and found["denoising_strength"] == 0.7
    assert "enable_hr" not in to_api_fields(parse("a\nSteps: 1, Seed: 1, Denoising strength: 0.7"))


def test_settings_come_back_as_overrides_of_their_type():
    text = "Steps: 1, Seed: 1, Clip skip: 2, ENSD: 31337, Eta: 0.5, Model: m, Model hash: abc"
    overrides = to_api_fields(parse(text))["override_settings"]
    assert overrides["CLIP_stop_at_last_layers"] == 2
    assert overrides["eta_noise_seed_delta"] == 31337
    assert overrides["eta_ancestral"] == 0.5
    assert overrides["sd_model_checkpoint"] == "m [abc]"
    assert set(overrides) <= set(OPTIONS)


def test_an_inpainting_picture_comes_back_with_its_mask_settings():
    text = (
        "Steps: 1, Seed: 1, Mask mode: Inpaint not masked, Inpaint area: Only masked, Mask blur: 7"
    )
    found = to_api_fields(parse(text + ", Masked content: latent noise, Masked area padding: 16"))
    assert found["inpainting_mask_invert"] == 1 and found["inpaint_full_res"] is True
    assert (found["mask_blur"], found["inpainting_fill"]) == (7, 2)
    assert found["inpaint_full_res_padding"] == 16


def test_parameters_hold_the_prompts_too():
    found = parse("a\nNegative prompt: b\nSteps: 1, Seed: 1, CFG scale: 7").as_parameters()
    assert (found["Prompt"], found["Negative prompt"], found["Steps"]) == ("a", "b", "1")


def test_the_originals_own_texts_are_written_again_sign_for_sign():
    folder = os.environ.get("EASEL_GOLDEN")
    if not folder:
        pytest.skip("EASEL_GOLDEN is not set")
    cases = json.loads((Path(folder) / "index.json").read_text(encoding="utf-8"))["cases"]
    texts = [case["infotext"] for case in cases if case.get("infotext")]
    assert texts
    for text in texts:
        line = text.rpartition("\n")[2]
        fields: dict[str, str] = {}
        for name, value in parse(text, old_behaviour=False).fields.items():
            if name.endswith(("-1", "-2")):
                name, _, side = name.rpartition("-")
                value = value if side == "1" else f"{fields[name]}x{value}"
            fields[name] = value
        written = {name: value for name, value in fields.items() if f", {name}: " in f", {line}"}
        shuffled = sorted(
            written, key=lambda name: (name not in FIRST, name if name in FIRST else "")
        )
        assert write("", "", {name: written[name] for name in shuffled}) == line


INK = Style("ink", "{prompt}, ink drawing", "colour")
STYLED = "a pear, ink drawing\nNegative prompt: colour\nSteps: 1, Seed: 1, CFG scale: 1"


@pytest.mark.parametrize(
    ("mode", "prompt", "found"),
    [
        ("Ignore", "a pear, ink drawing", None),
        ("Apply", "a pear", ("ink",)),
        ("Apply if any", "a pear", ("ink",)),
        ("Discard", "a pear", None),
    ],
)
def test_styles_in_a_text_are_taken_out_as_the_setting_says(mode, prompt, found):
    taken = take_styles(parse(STYLED), [INK], mode)
    assert (taken.prompt, taken.styles) == (prompt, found)
    assert taken.negative_prompt == ("colour" if mode == "Ignore" else "")
    assert to_api_fields(taken).get("styles") == (None if found is None else list(found))


def test_only_apply_clears_the_field_where_a_text_holds_no_style():
    plain = parse("a pear\nSteps: 1, Seed: 1, CFG scale: 1")
    assert take_styles(plain, [INK], "Apply").styles == ()
    assert take_styles(plain, [INK], "Apply if any") == plain


def test_styles_are_taken_out_of_the_second_passs_prompts_only_where_both_passes_have_them():
    same = parse(STYLED + ', Hires prompt: "a ripe pear, ink drawing"')
    other = parse(STYLED + ', Hires prompt: "a ripe pear"')
    taken = take_styles(same, [INK], "Apply")
    assert (taken.prompt, taken.fields["Hires prompt"]) == ("a pear", "a ripe pear")
    assert take_styles(other, [INK], "Apply") == other
