"""A request checks itself at birth, and comes back the same from its record."""

import json
import math
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.errors import RequestError
from modules.generation.batch import Input
from modules.generation.checks import MAX_TEXT
from modules.generation.request import Hires, Init, Mask, Request
from modules.generation.result import Picture, Summary

SHA = "0123456789abcdef" * 4
OTHER = "f" * 64


def test_the_least_request_is_one_picture_of_the_checkpoints_size():
    request = Request()
    assert (request.kind, request.image_count, request.width) == ("txt2img", 1, None)


@pytest.mark.parametrize(
    ("field", "values", "said"),
    [
        ("steps", {"steps": 0}, "steps 0 is outside 1..1000"),
        ("steps", {"steps": 2.5}, "steps is 2.5; give a whole number"),
        ("steps", {"steps": True}, "steps is True"),
        ("steps", {"steps": "20"}, "steps is '20'"),
        ("steps", {"steps": 1_000_000}, "steps 1000000 is outside 1..1000"),
        ("steps", {"steps": 10**400}, "steps 1000000000... is outside 1..1000"),
        ("width", {"width": 0}, "width 0 is outside 8..8192"),
        ("height", {"height": 100_000}, "height 100000 is outside 8..8192"),
        ("n_iter * batch_size", {"n_iter": 5000, "batch_size": 3}, "15000 is outside"),
        ("seed", {"seed": 2**64}, "outside"),
        ("cfg_scale", {"cfg_scale": math.nan}, "cfg_scale is nan"),
        ("subseed_strength", {"subseed_strength": 1.5}, "outside 0..1"),
        ("s_churn", {"s_churn": math.inf}, "s_churn is inf"),
        ("prompt", {"prompt": 5}, "prompt is 5; give a text"),
        ("prompt", {"prompt": "a\ud800"}, "half a character"),
        ("negative_prompt", {"negative_prompt": "x" * (MAX_TEXT + 1)}, "give at most"),
        ("styles", {"styles": (1,)}, "styles is 1"),
        ("tiling", {"tiling": "yes"}, "true or false"),
        ("override_settings", {"override_settings": ["a"]}, "no object of names"),
        ("override_settings", {"override_settings": {1: 2}}, "no object of names"),
    ],
)
def test_a_bad_value_is_refused_with_its_field(field, values, said):
    with pytest.raises(RequestError, match=said.replace("*", r"\*")) as error:
        Request(**values)
    assert error.value.field == field


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Init(images=()), "init_images"),
        (lambda: Init(images=("abc",)), "init_images"),
        (lambda: Init(images=(SHA.upper(),)), "init_images"),
        (lambda: Init(images=(SHA,), denoising_strength=1.1), "denoising_strength"),
        (lambda: Init(images=(SHA,), resize_mode=4), "resize_mode"),
        (lambda: Init(images=(SHA,), mask=Mask()), "mask"),
        (lambda: Init(images=(SHA,), inputs=(Input(image=SHA),)), "init_images"),
        (lambda: Init(inputs=(Input(image=SHA, mask=SHA),)), "mask"),
        (lambda: Init(inputs=(Input(image=SHA),), mask=Mask()), "mask"),
        (lambda: Input(image=SHA, steps=0), "steps"),
        (lambda: Input(name="a.png"), "inputs"),
        (lambda: Mask(image=SHA, fill=-1), "inpainting_fill"),
        (lambda: Hires(scale=0), "hr_scale"),
        (lambda: Hires(prompt=None), "hr_prompt"),  # type: ignore[arg-type]
        (lambda: Hires(firstpass_image="x"), "firstpass_image"),
        (lambda: Request(init=Init(images=(SHA,)), hires=Hires()), "enable_hr"),
        (lambda: Request(init=Init(images=(SHA, SHA)), batch_size=3), "init_images"),
    ],
)
def test_a_bad_part_is_refused_with_its_field(make, field):
    with pytest.raises(RequestError) as error:
        make()
    assert error.value.field == field


def test_every_stored_picture_is_asked_for_once():
    init = Init(images=(SHA, OTHER, SHA), mask=Mask(image=OTHER))
    assert Request(init=init, batch_size=3).images_needed == (SHA, OTHER)
    assert Request(hires=Hires(firstpass_image=SHA)).images_needed == (SHA,)


def test_a_request_is_changed_only_by_making_another():
    request = Request(seed=-1)
    assert replace(request, seed=5).seed == 5
    with pytest.raises(FrozenInstanceError):
        request.seed = 5  # type: ignore[misc]


sizes = st.none() | st.integers(8, 8192)
inits = st.builds(
    Init,
    images=st.just((SHA,)),
    denoising_strength=st.floats(0, 1),
    mask=st.none() | st.builds(Mask, image=st.just(OTHER), blur_x=st.integers(0, 256)),
)
requests = st.builds(
    Request,
    prompt=st.text(max_size=20),
    seed=st.integers(-1, 2**64 - 1),
    styles=st.lists(st.text(max_size=4), max_size=2).map(tuple),
    width=sizes,
    height=sizes,
    s_tmax=st.none() | st.just(math.inf) | st.floats(0, 999),
    override_settings=st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4)),
)


@settings(max_examples=30, deadline=None)
@given(requests, st.none() | inits, st.booleans())
def test_a_request_comes_back_from_json_the_same(request, init, hires):
    part = {"init": init} if init else {"hires": Hires()} if hires else {}
    request = replace(request, **part)
    assert Request.from_record(json.loads(json.dumps(request.to_record()))) == request


@pytest.mark.parametrize(
    "record",
    [
        {"promt": "a"},
        {"hires": {"nonesuch": 1}},
        {"hires": []},
        {"init": {}},
        {"init": {"images": SHA}},
        {"init": {"images": [None]}},
        {"init": {"images": [SHA], "mask": {}}},
        {"init": {"images": [SHA], "mask": "x"}},
        {"styles": None},
        {"styles": [None]},
        {"script_args": "abc"},
        {"steps": None},
        {"batch_size": None},
        {"override_settings": None},
        {"init": {"images": [SHA], "denoising_strength": None}},
        {"s_tmax": "Infinity"},
    ],
)
def test_an_unreadable_record_is_a_request_error(record):
    with pytest.raises(RequestError):
        Request.from_record(record)


def test_results_come_back_from_their_records():
    picture = Picture(
        index=1, seed=5, subseed=6, width=8, height=8, prompt="p", negative_prompt="", infotext="i"
    )
    summary = Summary(
        sampler_name="Euler",
        scheduler="Automatic",
        steps=20,
        cfg_scale=7.0,
        width=8,
        height=8,
        model_name="m",
        model_hash=None,
        extra_generation_params={"Eta": 0.5},
        warnings=("slow",),
    )
    for result in (picture, summary):
        stored = json.loads(json.dumps(result.to_record()))
        assert type(result).from_record(stored) == result
