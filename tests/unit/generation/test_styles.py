"""Styles put their text in and are found again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.generation.styles import Style, apply_styles, extract_styles, read_csv, write_csv

INK = Style("ink", "ink drawing", "colour")
FRAME = Style("frame", "a frame of {prompt}, golden", "")
TWICE = Style("twice", "{prompt} and {prompt}")


@pytest.mark.parametrize(
    ("styles", "expected"),
    [
        ([], ("a pear ", "")),
        ([INK], ("a pear, ink drawing", "colour")),
        ([FRAME], ("a frame of a pear , golden", "")),
        ([INK, FRAME], ("a frame of a pear, ink drawing, golden", "colour")),
        ([TWICE], ("a pear  and a pear ", "")),
    ],
)
def test_styles_are_put_in_one_after_the_other(styles, expected):
    assert apply_styles("a pear ", "", styles) == expected


def test_a_style_alone_is_the_whole_prompt():
    assert apply_styles("", "", [INK]) == ("ink drawing", "colour")


texts = st.text(alphabet="pear ", max_size=6).map(str.strip)


@settings(max_examples=40, deadline=None)
@given(texts, texts, st.permutations([INK, FRAME, TWICE]), st.integers(0, 3))
def test_styles_that_were_put_in_are_found_in_their_order(prompt, negative, styles, number):
    chosen = styles[:number]
    applied = apply_styles(prompt, negative, chosen)
    names, *rest = extract_styles(*applied, [INK, FRAME, TWICE])
    found = [style for name in names for style in (INK, FRAME, TWICE) if style.name == name]
    assert apply_styles(rest[0], rest[1], found) == applied


def test_an_absent_style_is_not_found():
    assert extract_styles("a pear", "", [INK, FRAME]) == ([], "a pear", "")
    assert extract_styles("a pear, ink drawing", "", [INK]) == ([], "a pear, ink drawing", "")


def test_a_styles_file_is_read_back():
    styles = [INK, FRAME, Style("quotes", 'say "hi",\nthen go')]
    assert read_csv(write_csv(styles)) == styles


def test_a_byte_order_mark_comments_and_the_old_column_are_understood():
    assert read_csv("\ufeffname,text\n# note,x\nink,ink drawing\n,lost\n") == [
        Style("ink", "ink drawing")
    ]
