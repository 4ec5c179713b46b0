"""Tokens and chunks are those of A1111's numerics, section on tokens and chunks."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.generation.prompt import Segment, parse_attention
from modules.generation.tokens import (
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
