"""Infotexts of every layout in the corpus are read, and survive being written again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.generation.infotext import parse, to_api_fields, write
from modules.generation.infotext_fields import Infotext
from modules.generation.infotext_foreign import infotext_of_entries
from tests.unit.generation.infotext_corpus import CORPUS, JSON_TEXTS, Case

by_name = pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)


def again(parsed: Infotext) -> str:
    """The text that says what was read, sizes in one field."""
    fields: dict[str, str] = {}
    for name, value in parsed.fields.items():
        if name.endswith("-2") and name[:-2] in fields:
            fields[name[:-2]] += f"x{value}"
        else:
            fields[name.removesuffix("-1")] = value
    return write(parsed.prompt, parsed.negative_prompt, fields)


def test_the_corpus_is_large_and_no_name_stands_twice() -> None:
    assert len(CORPUS) >= 40 and len({case.name for case in CORPUS}) == len(CORPUS)


@by_name
def test_prompts_and_fields_are_read(case: Case) -> None:
    parsed = parse(case.text)
    found = to_api_fields(parsed)

    assert (parsed.prompt, parsed.negative_prompt) == (case.prompt, case.negative)
    assert {name: found.get(name) for name in case.api} == case.api
    overrides = found["override_settings"]
    assert {name: overrides.get(name) for name in case.overrides} == case.overrides


@by_name
def test_what_was_read_is_the_same_after_it_was_written_again(case: Case) -> None:
    parsed = parse(case.text)
    assert parse(again(parsed), old_behaviour=False) == parsed
    assert parse(again(parsed)) == parsed


@by_name
def test_no_piece_of_a_value_became_a_field_of_its_own(case: Case) -> None:
    """Commas and colons within quotes and JSON are no ends of fields."""
    pieces = {"urn", "the second", "Pear", "ba98765432", "Module", "Weight", "moss"}
    assert pieces.isdisjoint(parse(case.text).fields)


def test_the_sampler_of_another_program_that_nobody_has_here_is_left_out() -> None:
    (case,) = (case for case in CORPUS if "nobody else" in case.name)
    assert "sampler_name" not in to_api_fields(parse(case.text))


@pytest.mark.parametrize(
    ("entry", "case"), [("invokeai_metadata", JSON_TEXTS[0]), ("sd-metadata", JSON_TEXTS[1])]
)
def test_a_picture_files_entry_is_read_as_the_pasted_text(entry: str, case: Case) -> None:
    text = infotext_of_entries({entry: case.text}, (64, 64))
    assert text is not None and parse(text) == parse(case.text)


def test_novelais_entries_take_their_size_from_the_picture() -> None:
    entries = {"Software": "NovelAI", "Description": "a pear", "Comment": JSON_TEXTS[2].text}
    text = infotext_of_entries(entries, (640, 384))
    assert text == (
        "a pear\nNegative prompt: blurry\nSteps: 28, Sampler: Euler a, CFG scale: 11.0, "
        "Seed: 123, Size: 640x384, Clip skip: 2, ENSD: 31337"
    )


def test_the_first_invokes_command_line_is_read() -> None:
    line = '"a pear [blurry]" -s 50 -S 4 -W 512 -H 640 -C 7.5 -A k_euler_a'
    text = infotext_of_entries({"Dream": line}, (64, 64))
    assert text == (
        "a pear\nNegative prompt: blurry\n"
        "Steps: 50, Sampler: Euler a, CFG scale: 7.5, Seed: 4, Size: 512x640"
    )


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"Software": "NovelAI", "Comment": "no json"},
        {"invokeai_metadata": "[1]"},
        {"invokeai_metadata": '{"model": 3, "loras": [1, {"lora": null}]}'},
        {"sd-metadata": '{"image": 1}'},
        {"Dream": '"not closed'},
    ],
)
def test_damaged_entries_of_other_programs_are_no_error(entries: dict[str, str]) -> None:
    infotext_of_entries(entries, (8, 8))


SIGNS = st.sampled_from(
    [*'abc ,:"[]{}()\\\n', "Steps: ", "Size: ", "1x2", "Negative prompt: ", "Version: ", "v1.5.0",
     "Hires sampler: ", "DPM++ 2M", "First pass size: ", "9" * 5000, "{" * 30]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(SIGNS, max_size=30).map("".join))
def test_no_text_at_all_is_an_error(text: str) -> None:
    found = to_api_fields(parse(text))
    assert isinstance(found["prompt"], str)


def test_a_million_open_brackets_are_read_quickly() -> None:
    text = "Steps: 1, Seed: 2, aa: " + "[" * 1_000_000
    assert parse(text).fields["Seed"] == "2"
