"""Claims about the built-in checkpoint's scenes: their captions, words and pixels."""

import re
from pathlib import Path

import numpy as np
import pytest

from modules.training.builtin import world
from modules.training.builtin.render import RGB, render
from modules.training.builtin.text import Words, world_words

CLIP = Path(__file__).parents[3] / "configs" / "clip"


def _hue(rgb: np.ndarray) -> np.ndarray:
    """Direction of a colour away from grey: (..., 3) to unit-free (..., 3)."""
    rgb = rgb.astype(np.float32) / max(float(rgb.max()), 1.0)
    away = rgb - rgb.mean(-1, keepdims=True)
    return away / (np.linalg.norm(away, axis=-1, keepdims=True) + 1e-3)


def test_a_scene_and_its_captions_depend_on_the_index_alone():
    first = [world.scene(i) for i in range(20)]
    captions = [world.caption(scene, 1).text for scene in first]

    again = [world.scene(i) for i in reversed(range(20))][::-1]

    assert again == first
    assert [world.caption(scene, 1).text for scene in again] == captions
    assert np.array_equal(render(first[3], 32), render(again[3], 32))
    assert len({(s.object, s.colour, s.ground) for s in first}) > 10


def test_the_first_caption_tells_object_colour_and_ground_and_the_labels_say_so():
    for index in range(100):
        scene = world.scene(index)
        caption = world.caption(scene, 0)
        words = re.findall(r"\w+", caption.text)

        assert caption.told[:3] == scene.labels[:3]
        assert set(words) & set(world.OBJECT_WORDS.get(scene.object, (scene.object,)))
        assert set(words) & set(world.COLOUR_WORDS.get(scene.colour, (scene.colour,)))
        assert any(phrase in caption.text for phrase in world.GROUND_PHRASES[scene.ground])


def test_later_captions_leave_something_out_and_mark_it_untold():
    captions = [world.caption(world.scene(i), 2) for i in range(200)]

    untold = [
        [told == none for told, none in zip(c.told, world.UNTOLD, strict=True)] for c in captions
    ]

    shares = np.mean(untold, axis=0)
    assert 0.0 < shares[0] < 0.2 and 0.0 < shares[1] < 0.4 and 0.0 < shares[2] < 0.4


@pytest.mark.parametrize("index", range(12))
def test_the_named_colour_is_the_one_that_dominates_the_object(index):
    plain = [
        scene
        for scene in map(world.scene, range(index * 40, index * 40 + 200))
        if scene.object not in ("mushroom", "banana")
        and scene.colour not in ("black", "white")
        and (scene.light, scene.style, scene.ground) == ("soft", "photo", "white")
    ]
    scene = plain[0]
    picture = render(scene, 64)

    column = round((scene.x + 1) * 32)
    row = round((1 - scene.y) * 32)
    patch = picture[row - 5 : row + 6, column - 5 : column + 6].reshape(-1, 3)
    scores = {name: float((_hue(patch) @ _hue(np.array(rgb))).mean()) for name, rgb in RGB.items()}
    del scores["black"], scores["white"]

    assert max(scores, key=lambda name: scores[name]) == scene.colour


def test_doodles_on_white_are_flat_and_lie_on_pure_white():
    scene = next(
        s
        for s in map(world.scene, range(3000))
        if (s.style, s.ground) == ("doodle", "white") and s.object == "ball"
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
    for index in range(60):
        text = world.caption(world.scene(index), index % world.VARIANTS).text

        expected = tokenizer(text, padding="max_length", max_length=77, truncation=True)[
            "input_ids"
        ]

        padded = [token if token != 0 else 49407 for token in expected]
        assert [table[row] for row in words.encode(text)] == padded, text
    assert words.rows == len(world_words()) + 3
