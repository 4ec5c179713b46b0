"""The first versions' emphasis weighs by bracket tokens, and reads no number."""

from pathlib import Path

import pytest

from modules.generation.old_emphasis import old_chunk
from modules.generation.tokens import Chunk, EmbeddingNames, Tokenizer, load_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(Path(__file__).resolve().parents[3] / "configs")


def weights(chunk: Chunk, count: int) -> list[float]:
    return [round(weight, 4) for weight in chunk.weights[1 : 1 + count]]


def test_brackets_weigh_what_follows_and_are_no_tokens(tokenizer: Tokenizer) -> None:
    chunk = old_chunk("a ((pear)) [cat] dog", tokenizer)
    assert chunk.ids[1:5] == tuple(tokenizer.ids("a pear cat dog"))
    assert weights(chunk, 5) == [1.0, 1.21, 0.9091, 1.0, 1.0]
    assert chunk.ids[5:] == (tokenizer.end_id,) * 72


def test_numbers_are_words_and_open_brackets_go_on_to_the_end(tokenizer: Tokenizer) -> None:
    chunk = old_chunk("(pear:1.5) (cat dog", tokenizer)
    assert chunk.ids[1:8] == tuple(tokenizer.ids("pear : 1 . 5 cat dog"))
    assert weights(chunk, 7) == [1.1] * 5 + [1.1] * 2


def test_what_does_not_fit_into_one_chunk_is_cut_off(tokenizer: Tokenizer) -> None:
    chunk = old_chunk("(pear) " + "cat " * 90, tokenizer)
    assert len(chunk.ids) == 77 and chunk.ids[-1] == tokenizer.end_id
    assert weights(chunk, 3) == [1.1, 1.0, 1.0]


def test_an_embedding_has_the_weight_of_its_place(tokenizer: Tokenizer) -> None:
    names = EmbeddingNames(["moss"], tokenizer, lambda name: 3)
    chunk = old_chunk("a (moss) pear", tokenizer, names)
    assert chunk.placements == ((2, "moss"),)
    assert weights(chunk, 5) == [1.0, 1.1, 1.1, 1.1, 1.0]
