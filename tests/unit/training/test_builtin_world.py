"""Claims about the built-in checkpoint's scenes: their captions, words and pixels."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modules.training.builtin import captions, world
from modules.training.builtin.render import RGB, render
from modules.training.builtin.text import Words, world_words

CLIP = Path(__file__).parents[3] / "configs" / "clip"


def _hue(rgb: np.ndarray) -> np.ndarray:
    """Direction of a colour away from grey: (..., 3) to unit-free (..., 3)."""
    rgb = rgb.astype(np.float32) / max(float(rgb.max()), 1.0)
    away = rgb - rgb.mean(-1, keepdims=True)
    return away / (np.linalg.norm(away, axis=-1, keepdims=True) + 1e-3)


def test_a_scene_and_its_captions_depend_on_the_index_alone():
    first = [world.scene(i) for i in range(60)]
    texts = [captions.caption(scene, 1).text for scene in first]

    again = [world.scene(i) for i in reversed(range(60))][::-1]

    assert again == first
    assert [captions.caption(scene, 1).text for scene in again] == texts
    styles = {scene.style: scene for scene in first}
    pair = next(scene for scene in first if scene.relation != "alone")
    for scene in (*styles.values(), pair):
        assert np.array_equal(render(scene, 64), render(world.scene(scene.index), 64))
    assert len({(s.thing.object, s.thing.colour, s.ground) for s in first}) > 40


def test_most_scenes_are_plain_and_the_world_holds_what_it_promises():
    scenes = [world.scene(i) for i in range(4000)]

    assert 0.5 < np.mean([scene.is_plain for scene in scenes]) < 0.7
    seen = np.array([scene.labels for scene in scenes])
    for number, (name, count) in enumerate(zip(world.ATTRIBUTES, world.CLASSES, strict=True)):
        assert len(set(seen[:, number])) == count, name
    assert len(world.OBJECTS) >= 12 and len(world.COLOURS) == 10 and len(world.GROUNDS) == 8


def test_the_first_caption_tells_object_colour_and_ground_and_the_labels_say_so():
    for index in range(150):
        scene = world.scene(index)
        caption = captions.caption(scene, 0)
        words = re.findall(r"\w+", caption.text)
        thing = scene.thing

        assert caption.told[:3] == scene.labels[:3]
        assert set(words) & set(captions.OBJECT_WORDS.get(thing.object, (thing.object,)))
        assert set(words) & set(captions.COLOUR_WORDS.get(thing.colour, (thing.colour,)))
        assert any(phrase in caption.text for phrase in captions.GROUND_PHRASES[scene.ground])
        assert (thing.material == "wet") == bool(set(words) & {"wet", "droplets", "drops"})


def test_later_captions_leave_something_out_and_mark_it_untold():
    told = [captions.caption(world.scene(i), 2).told for i in range(200)]

    untold = [[one == none for one, none in zip(row, world.CLASSES, strict=True)] for row in told]

    shares = np.mean(untold, axis=0)
    assert 0.0 < shares[0] < 0.2 and 0.0 < shares[1] < 0.4 and 0.0 < shares[2] < 0.4


def test_of_two_things_the_first_stands_where_the_relation_says():
    pairs = [s for s in map(world.scene, range(2000)) if s.relation != "alone"]

    for scene in pairs:
        first, second = scene.things
        across = first.x - second.x
        assert {"left": across < -0.7, "right": across > 0.7, "on": first.y > second.y}[
            scene.relation
        ], scene
        assert (first.object, first.colour) != (second.object, second.colour)
        caption = captions.caption(scene, 0)
        assert caption.told[8:] == scene.labels[8:]
    assert {scene.relation for scene in pairs} == {"left", "right", "on"}


def test_wet_things_carry_light_and_dark_drops():
    dry = next(s for s in map(world.scene, range(3000)) if s.is_plain and s.thing.object == "ball")
    wet = replace(dry, things=(replace(dry.thing, material="wet"),))

    change = np.abs(render(wet).astype(int) - render(dry)).sum(-1)

    assert 0.02 < float((change > 60).mean()) < 0.4


@pytest.mark.parametrize("index", range(12))
def test_the_named_colour_is_the_one_that_dominates_the_object(index):
    plain = [
        scene
        for scene in map(world.scene, range(index * 40, index * 40 + 500))
        if scene.thing.object in ("apple", "ball", "cone", "cube", "heart", "mug", "orange", "pear")
        and scene.thing.colour not in ("black", "white", "brown")
        and scene.is_plain
        and scene.ground == "white"
    ]
    scene = plain[0]
    picture = render(scene, 64)

    column = round((scene.thing.x + 1) * 32)
    row = round((1 - scene.thing.y) * 32)
    patch = picture[row - 5 : row + 6, column - 5 : column + 6].reshape(-1, 3)
    scores = {name: float((_hue(patch) @ _hue(np.array(rgb))).mean()) for name, rgb in RGB.items()}
    del scores["black"], scores["white"], scores["brown"]

    assert max(scores, key=lambda name: scores[name]) == scene.thing.colour


def test_doodles_on_white_are_flat_and_lie_on_pure_white():
    scene = next(
        s
        for s in map(world.scene, range(3000))
        if (s.style, s.ground, s.relation) == ("doodle", "white", "alone")
        and s.thing.object == "ball"
    )

    picture = render(scene, 64)

    assert (picture[0] == 255).all() and (picture[-1] == 255).all()
    colours, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    assert np.sort(counts)[-2:].sum() > 0.85 * 64 * 64


@pytest.mark.skipif(not CLIP.exists(), reason="the CLIP vocabulary is not in configs/clip")
def test_every_word_of_the_captions_is_the_one_token_that_clip_makes_of_it():
    from transformers import CLIPTokenizer

    words = Words(CLIP / "vocab.json")
    tokenizer = CLIPTokenizer(str(CLIP / "vocab.json"), str(CLIP / "merges.txt"))
    table = [-1, *words.ids]
    for index in range(120):
        text = captions.caption(world.scene(index), index % captions.VARIANTS).text

        expected = tokenizer(text, padding="max_length", max_length=77, truncation=True)[
            "input_ids"
        ]

        padded = [token if token != 0 else 49407 for token in expected]
        assert [table[row] for row in words.encode(text)] == padded, text
    assert words.rows == len(world_words()) + 4  # one of them is two tokens
