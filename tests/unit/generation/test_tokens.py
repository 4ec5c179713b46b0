"""Tokens and chunks are those of A1111's numerics, section on tokens and chunks."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.generation.prompt import Segment, parse_attention
from modules.generation.tokens import (
    EmbeddingNames,
    Tokenizer,
    chunk,
    count,
    empty_chunk,
    fill_up,
    load_tokenizer,
    segments_of,
)

CONFIGS = Path(__file__).parents[3] / "configs"
TOKENIZER = load_tokenizer(CONFIGS)  # takes a tenth of a second; the property test needs it too


def words(number: int) -> str:
    return " ".join(["cat"] * number)


def lengths(text: str, comma_backtrack: int = 20) -> list[int]:
    """Tokens of each chunk, without the special ones."""
    chunks = chunk(parse_attention(text), TOKENIZER, comma_backtrack)
    return [76 - piece.ids[1:].count(TOKENIZER.end_id) for piece in chunks]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("a photo of a cat", [320, 1125, 539, 320, 2368]),
        ("A  PHOTO\n of a\tcat", [320, 1125, 539, 320, 2368]),
        ("a cat, a dog", [320, 2368, 267, 320, 1929]),
        ("", []),
        ("it's 42", [585, 568, 275, 273]),
        # The next ones as transformers' CLIPTokenizer has them.
        ("Ein Bär, 12 km/h!", [24524, 65, 10896, 337, 267, 272, 273, 4590, 270, 327, 256]),
        ("naïve café ☕ 猫", [1097, 35689, 563, 15304, 26561, 163, 234, 360]),
        ("don't we'll", [847, 713, 649, 1342]),
        ("a<|endoftext|>b", [320, 49407, 321]),
        ("x_y-z", [343, 318, 344, 268, 345]),
    ],
)
def test_known_texts_have_clips_token_numbers(text, ids):
    assert TOKENIZER.ids(text) == ids


def test_a_rare_word_is_spelled_in_pieces_that_make_it_up():
    ids = TOKENIZER.ids("zxqvjk")
    assert len(ids) > 1 and all(0 <= number < 49406 for number in ids)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (words(76), [75, 1]),
        (words(75), [75]),
        (f"{words(60)}, {words(20)}", [61, 20]),
        (f"{words(55)}, {words(25)}", [56, 25]),
        (f"{words(54)}, {words(25)}", [75, 5]),
        (f"{words(75)}, {words(3)}", [75, 4]),
        ("", [0]),
        ("a BREAK b", [1, 1]),
        ("a BREAK BREAK b", [1, 0, 1]),
        ("BREAK a", [0, 1]),
        ("a BREAK", [1]),
    ],
)
def test_a_prompt_is_cut_where_the_specification_cuts_it(text, expected):
    assert lengths(text) == expected


def test_without_backtracking_a_chunk_is_always_filled():
    assert lengths(f"{words(60)}, {words(20)}", comma_backtrack=0) == [75, 6]


def test_weights_move_with_their_tokens():
    first, second = chunk(parse_attention(f"{words(60)}, ({words(20)}:1.5)"), TOKENIZER)
    assert set(first.weights) == {1.0}
    assert second.weights == (1.0, *[1.5] * 20, *[1.0] * 56)


def test_an_empty_chunk_is_a_start_and_ends_to_the_brim():
    assert empty_chunk(TOKENIZER).ids == (49406, *[49407] * 76)


def test_shorter_rows_are_filled_up_with_empty_chunks():
    rows = [chunk(parse_attention(text), TOKENIZER) for text in ("a", words(80))]
    assert [len(row) for row in fill_up(rows, TOKENIZER)] == [2, 2]
    assert fill_up(rows, TOKENIZER)[0][1] == empty_chunk(TOKENIZER)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["cat", ",", "zxq", "ü"]), max_size=200).map(" ".join),
    st.integers(min_value=0, max_value=74),
)
def test_every_chunk_has_77_tokens_and_none_is_lost(text, comma_backtrack):
    chunks = chunk([Segment(text)], TOKENIZER, comma_backtrack)
    assert all(len(piece.ids) == len(piece.weights) == 77 for piece in chunks)
    inner = [i for piece in chunks for i in piece.ids if i not in (49406, 49407)]
    assert inner == [i for i in TOKENIZER.ids(text) if i not in (49406, 49407)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 75)),
        (words(75), (75, 75)),
        (words(76), (76, 150)),
        ("a BREAK b", (76, 150)),
        ("cat <lora:x:1> # not this", (1, 75)),
        ("[a:a b c:0.5]", (3, 75)),
        ("a AND b c", (2, 75)),
    ],
)
def test_the_counter_counts_the_longest_variant(text, expected):
    assert count(text, TOKENIZER) == expected


def test_a_mode_without_emphasis_counts_brackets_as_text():
    assert segments_of("(a:1.2)", "None") == [Segment("(a:1.2)")]
    assert count("(a)", TOKENIZER, emphasis="None")[0] > count("(a)", TOKENIZER)[0]


def test_a_tokenizer_can_be_made_from_texts_alone():
    small = Tokenizer(
        '{"a</w>": 0, ",</w>": 1, "b": 2, "b</w>": 3, "bb</w>": 4, '
        '"<|startoftext|>": 5, "<|endoftext|>": 6}',
        "#version: 0.2\nb b</w>\n",
    )
    assert small.ids("a, bb") == [0, 1, 4]


# ---- textual inversions


def names(**vectors: int) -> EmbeddingNames:
    return EmbeddingNames(vectors, TOKENIZER, vectors.__getitem__)


def placed(text: str, comma_backtrack: int = 20, **vectors: int) -> list[tuple]:
    chunks = chunk(parse_attention(text), TOKENIZER, comma_backtrack, names(**vectors))
    return [piece.placements for piece in chunks]


def test_an_embeddings_vectors_stand_where_its_name_stood():
    (piece,) = chunk(parse_attention("a (Zorp:1.5) cat"), TOKENIZER, 20, names(zorp=3))

    assert piece.ids[:6] == (TOKENIZER.start_id, 320, 0, 0, 0, 2368)
    assert piece.weights[:6] == (1.0, 1.0, 1.5, 1.5, 1.5, 1.0)
    assert piece.placements == ((2, "zorp"),) and len(piece.ids) == 77


def test_the_longest_name_that_fits_wins():
    assert placed("red cat", red=1, **{"red cat": 2}) == [((1, "red cat"),)]
    assert placed("red cat", red=1, **{"red cat": 0}) == [((1, "red"),)]
    assert placed("red dog", red=1, **{"red cat": 2}) == [((1, "red"),)]
    assert placed("red cat", **{"red cat": 0}) == [()]


def test_a_name_is_found_within_one_segment_only():
    assert placed("red (cat:1.2)", **{"red cat": 2}) == [()]
    assert placed("bored", red=1) == [()]


def test_an_embedding_that_does_not_fit_begins_a_chunk():
    assert placed(f"{words(73)} zorp zorp", zorp=2) == [((74, "zorp"),), ((1, "zorp"),)]
    assert placed(f"{words(74)} zorp", zorp=2) == [(), ((1, "zorp"),)]
    assert placed(f"{words(3)} zorp", zorp=100) == [(), ((1, "zorp"),)]


def test_vectors_are_lost_where_the_comma_rule_moves_their_tokens_on():
    text = f"{words(60)}, {words(10)} zorp {words(5)}"
    first, second = chunk(parse_attention(text), TOKENIZER, 20, names(zorp=2))

    assert first.placements == ((72, "zorp"),) and first.ids[72:74] == (TOKENIZER.end_id,) * 2
    assert second.placements == () and second.ids[11:13] == (0, 0)


def test_the_counter_counts_an_embeddings_vectors():
    assert count("a zorp", TOKENIZER, embeddings=names(zorp=5)) == (6, 75)
    assert count("a zorp", TOKENIZER, embeddings=names(zorp=75)) == (150, 150)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["cat", ",", "zorp", "red zorp", "BREAK", "(zorp:1.2)"]), max_size=60),
    st.integers(0, 90),
)
def test_every_placement_lies_in_its_chunk(parts, vectors):
    for piece in chunk(parse_attention(" ".join(parts)), TOKENIZER, 20, names(zorp=vectors)):
        assert len(piece.ids) == len(piece.weights) == 77
        assert all(1 <= place <= 75 for place, _ in piece.placements)
