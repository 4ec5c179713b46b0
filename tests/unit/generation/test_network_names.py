"""An infotext finds the files that were renamed since."""

from modules.generation.network_names import lora_hashes, with_names

PARAMETERS = 'Steps: 20, Sampler: Euler, Seed: 1, Size: 64x64, Lora hashes: "ink: 0123, a b: 4567"'


def shout(name: str, digest: str) -> str:
    return f"{name.upper()}-{digest}"


def test_the_hashes_are_listed_by_name():
    assert lora_hashes(f"a\n{PARAMETERS}") == {"ink": "0123", "a b": "4567"}
    assert lora_hashes("a pear") == {}


def test_every_tag_whose_hash_is_told_gets_the_name_of_today():
    text = f"<lora:ink:0.5> <lyco:a b> <lora:other:1> ink <hypernet:ink:1>\n{PARAMETERS}"

    renamed, last = with_names(text, shout).split("\n")
    assert renamed == "<lora:INK-0123:0.5> <lyco:A B-4567> <lora:other:1> ink <hypernet:ink:1>"
    assert last == PARAMETERS


def test_a_text_without_hashes_stays_as_it_is():
    assert with_names("a <lora:ink:1>", shout) == "a <lora:ink:1>"
