"""A batch over many pictures: each is asked for as if it were alone, with what is its own."""

import json

import pytest

from modules.generation.batch import Input
from modules.generation.request import Init, Mask, Request

ONE, TWO, MASK, OTHER = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)
BATCH = Request(
    prompt="a barn",
    seed=7,
    n_iter=2,
    init=Init(
        inputs=(
            Input(image=ONE, name="one.png"),
            Input(image=TWO, name="two.b.png", mask=OTHER, prompt="a pear", steps=3, width=64),
            Input(name="three.png", problem="it is empty"),
        ),
        mask=Mask(image=MASK, fill=1),
    ),
)


def test_each_input_is_asked_for_with_what_is_its_own():
    assert BATCH.image_count == 6 and BATCH.images_each == 2
    (first, place), (second, other) = BATCH.part(1), BATCH.part(2)
    assert (place, other) == (1, 0)
    assert first.init and second.init and first.init.mask and second.init.mask
    assert (first.init.images, second.init.images) == ((ONE,), (TWO,))
    assert (first.init.mask.image, second.init.mask.image) == (MASK, OTHER)
    assert (first.prompt, first.steps, first.width) == ("a barn", 20, None)
    assert (second.prompt, second.steps, second.width) == ("a pear", 3, 64)
    assert first.seed == second.seed == 7 and second.init.mask.fill == 1
    assert second.image_count == 2


def test_a_request_without_inputs_is_its_own_part():
    assert Request(n_iter=3).part(2) == (Request(n_iter=3), 2)


def test_a_batch_comes_back_from_its_record_and_needs_all_its_pictures():
    assert Request.from_record(json.loads(json.dumps(BATCH.to_record()))) == BATCH
    assert set(BATCH.images_needed) == {ONE, TWO, MASK, OTHER}
    inputs = BATCH.to_record()["init"]["inputs"]
    assert inputs[0] == {"image": ONE, "name": "one.png"}


@pytest.mark.parametrize(("name", "stem"), [("two.b.png", "two.b"), ("plain", "plain"), ("", "")])
def test_a_stem_is_the_name_without_its_ending(name, stem):
    assert Input(image=ONE, name=name).stem == stem
