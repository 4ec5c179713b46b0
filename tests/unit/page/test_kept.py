"""What the browser kept of the page comes back, and nothing that it can't have been."""

import json

import pytest

from modules.page import kept as kept_module
from tests.unit.page.test_form import VALUES


def kept(**record) -> kept_module.Kept:
    return kept_module.kept(json.dumps(record))


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
    assert kept_module.kept("").values("img2img", (64, 64)) == {"width": 64, "height": 64}


@pytest.mark.parametrize("text", ["no json", "[]", "3", '{"txt2img": 5}', '{"size": "big"}', None])
def test_a_record_that_is_not_understood_is_left_out(text):
    before = kept_module.kept(text)
    assert before.opened == ("", "")
    assert before.values("txt2img", (64, 64)) == {"width": 64, "height": 64}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", 5),
        ("steps", "many"),
        ("seed", True),
        ("override_settings", [1]),
        ("enable_hr", 1),
        ("evil", 1),
    ],
)
def test_a_kept_value_of_the_wrong_kind_is_left_out(name, value):
    before = kept(txt2img={"prompt": "kept", name: value})
    found = before.values("txt2img", (64, 64))
    assert name not in found or name == "prompt" and "prompt" not in found
