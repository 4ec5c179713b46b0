"""The vocabulary under configs/clip is CLIP's, whole and in order."""

import json
from pathlib import Path

CLIP = Path(__file__).parents[2] / "configs" / "clip"


def test_the_vocabulary_numbers_its_49408_entries_in_order():
    vocabulary = json.loads((CLIP / "vocab.json").read_text(encoding="utf-8"))
    assert list(vocabulary.values()) == list(range(49408))
    assert vocabulary["<|startoftext|>"] == 49406
    assert vocabulary["<|endoftext|>"] == 49407


def test_known_words_have_clips_ids():
    vocabulary = json.loads((CLIP / "vocab.json").read_text(encoding="utf-8"))
    words = [vocabulary[f"{word}</w>"] for word in ("a", "photo", "of", "a", "cat")]
    assert words == [320, 1125, 539, 320, 2368]


def test_every_merge_makes_the_entry_of_its_place():
    vocabulary = json.loads((CLIP / "vocab.json").read_text(encoding="utf-8"))
    header, *merges = (CLIP / "merges.txt").read_text(encoding="utf-8").splitlines()
    assert header.startswith("#version")
    assert len(merges) == 48894
    assert [vocabulary[merge.replace(" ", "")] for merge in merges] == list(range(512, 49406))
