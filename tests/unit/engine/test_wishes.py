"""Tags of extra networks are read as A1111's numerics, section on extra networks, has them."""

from __future__ import annotations

import pytest

from modules.engine.wishes import HypernetworkWish, LoraWish, wishes_of
from modules.generation.prompt import extra_networks


def wishes(text: str):
    return wishes_of(extra_networks(text)[1])


@pytest.mark.parametrize(
    ("tag", "wish"),
    [
        ("<lora:ink>", LoraWish("ink")),
        ("<lora:ink:0.5>", LoraWish("ink", 0.5, 0.5)),
        ("<lora:ink:0.5:0.25>", LoraWish("ink", 0.5, 0.25)),
        ("<lora:ink:0.5:0.25:8>", LoraWish("ink", 0.5, 0.25, 8)),
        ("<lora:ink:te=0:unet=1>", LoraWish("ink", 0.0, 1.0)),
        ("<lora:ink:te=0.5>", LoraWish("ink", 0.5, 0.5)),
        ("<lora:ink:0.5:unet=2>", LoraWish("ink", 0.5, 2.0)),
        ("<lora:ink:1:te=0.3:0.7>", LoraWish("ink", 0.3, 0.7)),
        ("<lora:ink:dyn=4>", LoraWish("ink", 1.0, 1.0, 4)),
        ("<lora:ink v2 (a):-1>", LoraWish("ink v2 (a)", -1.0, -1.0)),
        ("<lyco:ink:0.5>", LoraWish("ink", 0.5, 0.5)),
    ],
)
def test_a_lora_tag_says_how_strongly_it_acts(tag, wish):
    assert wishes(f"a {tag} pear").loras == (wish,)


def test_networks_keep_the_prompts_order():
    found = wishes("<lyco:b:1> <hypernet:h:0.5> <lora:a:1><hypernet:g>")

    assert [lora.name for lora in found.loras] == ["b", "a"]
    assert found.hypernetworks == (HypernetworkWish("h", 0.5), HypernetworkWish("g", 1.0))


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("<lora:ink:much>", "ink"),
        ("<lora:ink:nan>", "ink"),
        ("<lora:ink:1:>", "ink"),
        ("<lora:ink:dyn=0>", "ink"),
        ("<lora:ink:dyn=1.5>", "ink"),
        ("<hypernet:h:x>", "h"),
        ("<lora::1>", "lora"),
        ("<lora:te=1>", "lora"),
    ],
)
def test_a_tag_that_can_not_be_read_asks_for_nothing_and_says_why(tag, name):
    found = wishes(tag)

    assert (found.loras, found.hypernetworks) == ((), ())
    assert list(found.faults) == [name] and name in found.faults[name]


def test_tags_of_unknown_kinds_ask_for_nothing():
    found = wishes("<fog:a:1> <fog:b> <lora:ink>")

    assert found.unknown == ("fog",) and [lora.name for lora in found.loras] == ["ink"]
