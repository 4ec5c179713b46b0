"""Soft inpainting's numbers come from a script's arguments, a record or infotext, and go back."""

import json
from dataclasses import replace

import pytest

from modules.errors import RequestError
from modules.generation.request import Init, Mask, Request
from modules.generation.soft_inpainting import (
    SoftInpainting,
    from_args,
    from_fields,
    from_scripts,
)

ODD = SoftInpainting(1.5, 0.25, 3.0, 0.1, 0.75, 2.5)
MASK = Mask(image="0" * 64, soft=ODD)
WISH = Request(init=Init(images=("1" * 64,), mask=MASK))


def test_arguments_stand_in_the_order_of_the_originals_controls() -> None:
    assert from_args([True, 1.5, 0.25, 3, 0.1, 0.75, 2.5]) == ODD
    assert from_args([True]) == SoftInpainting(1.0, 0.5, 4.0, 0.0, 0.5, 2.0)
    assert from_args(ODD.to_args()) == ODD


@pytest.mark.parametrize("args", [[], [False], [False, 1, 2], [0]])
def test_off_is_none_at_all(args: list) -> None:
    assert from_args(args) is None


@pytest.mark.parametrize("title", ["Soft Inpainting", "soft inpainting"])
def test_it_is_found_among_scripts_by_its_title(title: str) -> None:
    assert from_scripts({"Refiner": {}, title: {"args": ODD.to_args()}}) == ODD
    assert from_scripts({title: {}}) is None and from_scripts({}) is None


@pytest.mark.parametrize(
    "args",
    [["yes"], [True, "1"], [True, None], [True, -1], [True, 1, 1, 0.5], [True] * 9, [True, 99]],
)
def test_other_arguments_are_refused_by_the_field(args: list) -> None:
    with pytest.raises(RequestError) as refusal:
        from_args(args)
    assert "oft inpainting" in refusal.value.message.replace("Inp", "inp")


def test_infotext_says_it_and_is_read_back() -> None:
    told = {name: str(value) for name, value in ODD.to_fields().items()}
    assert list(told.items())[:2] == [
        ("Soft inpainting enabled", "True"),
        ("Soft inpainting schedule bias", "1.5"),
    ]
    assert from_fields(told) == ODD
    for damaged in ({}, told | {"Soft inpainting schedule bias": "much"},
                    told | {"Soft inpainting schedule bias": "nan"}):  # fmt: skip
        assert from_fields(damaged) is None


def test_a_stored_request_keeps_it_and_an_older_record_has_none() -> None:
    record = json.loads(json.dumps(WISH.to_record()))
    assert Request.from_record(record) == WISH
    del record["init"]["mask"]["soft"]
    old = Request.from_record(record)
    assert old.init is not None and old.init.mask == replace(MASK, soft=None)


def test_a_soft_mask_is_never_rounded() -> None:
    assert MASK.round is False and Mask(image="0" * 64).round is True
