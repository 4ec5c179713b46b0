"""Claims about cards: found beside their files, searched, sorted, and written so that other
programs read them.
"""

import json
import os
import struct
from pathlib import Path

import pytest
from PIL import Image

from modules.errors import UnknownNameError
from modules.flags import parse, paths_of
from modules.library.cards import Cards, Notes
from modules.library.catalog import Catalog
from modules.library.hashes import Hasher
from modules.library.index import Index
from modules.library.networks import NetworkFiles


def weights(path: Path, **metadata: str) -> Path:
    header = json.dumps({"__metadata__": metadata}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return path


@pytest.fixture
def loras(tmp_path):
    folder = tmp_path / "models" / "Lora"
    weights(folder / "ink.safetensors", ss_output_name="ink wash", ss_base_model_version="sd_v1")
    weights(folder / "people" / "old" / "anna.safetensors")
    weights(folder / "people" / "ben.safetensors")
    (folder / "ink.json").write_text(
        json.dumps({"activation text": "inkwash", "preferred weight": 0.7, "author": "somebody"})
    )
    (folder / "people" / "ben.txt").write_text("a man with a hat")
    Image.new("RGB", (4, 4)).save(folder / "ink.png")
    Image.new("RGB", (4, 4)).save(folder / "ink.preview.jpg")
    for age, name in enumerate(("ink", "people/ben", "people/old/anna")):
        os.utime(folder / f"{name}.safetensors", (1000 + age, 1000 + age))
    return folder


@pytest.fixture
def cards(tmp_path, loras):
    paths = paths_of(parse(["--data-dir", str(tmp_path)], {}))
    index = Index(tmp_path / "library.sqlite")
    hasher = Hasher(index)
    yield Cards(Catalog(paths, hasher), NetworkFiles(paths, hasher, index))
    hasher.close()
    index.close()


def names(cards: Cards, **wish: object) -> list[str]:
    return [card.name for card in cards.search("lora", **wish)]  # type: ignore[arg-type]


def test_a_card_shows_what_lies_beside_its_file(cards, loras):
    ink, ben = cards.find("lora", "ink"), cards.find("lora", "ben")

    assert ink.preview == loras / "ink.preview.jpg"  # named so before one by the stem alone
    assert (ink.alias, ink.base, ink.notes.activation_text) == ("ink wash", "sd_v1", "inkwash")
    assert ink.notes.preferred_weight == 0.7
    assert (ben.folder, ben.notes.description, ben.preview) == ("people", "a man with a hat", None)


def test_cards_are_searched_by_every_word_of_path_alias_and_description(cards):
    assert names(cards, text="PEOPLE") == ["ben", "anna"]
    assert names(cards, text="people hat") == ["ben"]
    assert names(cards, text="wash") == ["ink"]
    assert names(cards, text="nothing") == []
    assert names(cards, folder="people") == ["ben", "anna"]
    assert names(cards, folder="people/old") == ["anna"] and names(cards, folder="peo") == []


def test_cards_are_sorted_as_asked(cards):
    assert names(cards) == ["ink", "ben", "anna"]
    assert names(cards, order="name") == ["anna", "ben", "ink"]
    assert names(cards, order="changed", descending=True) == ["anna", "ben", "ink"]


def test_notes_are_kept_in_the_file_that_other_programs_read(cards, loras):
    card = cards.find("lora", "ink")
    cards.write_notes(card, Notes(description="ink", preferred_weight=1.2, sd_version="SD1"))

    record = json.loads((loras / "ink.json").read_text())
    assert record == {
        "author": "somebody", "description": "ink", "preferred weight": 1.2, "sd version": "SD1",
    }  # fmt: skip
    assert cards.find("lora", "ink").notes == Notes(
        description="ink", preferred_weight=1.2, sd_version="SD1"
    )


def test_a_preview_that_is_written_goes_before_the_others(cards, loras):
    cards.write_preview(cards.find("lora", "ink"), b"png")

    assert cards.find("lora", "ink").preview == loras / "ink.preview.png"


@pytest.mark.parametrize("text", ["no json", "[1]", '{"preferred weight": "x", "notes": 5}'])
def test_notes_of_a_wrong_kind_are_no_notes(cards, loras, text):
    (loras / "ink.json").write_text(text)

    assert cards.find("lora", "ink").notes == Notes()


def test_checkpoints_have_cards_and_the_built_in_one_is_among_them(cards):
    assert "easel-builtin.safetensors" in [card.name for card in cards.search("checkpoint")]
    card = cards.find("checkpoint", "easel-builtin.safetensors")
    assert cards.metadata(card)["modelspec.resolution"] == "128x128"


def test_an_unknown_card_is_refused_by_name(cards):
    with pytest.raises(UnknownNameError, match="nobody"):
        cards.find("lora", "nobody")
