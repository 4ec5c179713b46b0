"""The prompt language does what the rows of A1111 numerics, prompts, list."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.generation.prompt import (
    Segment,
    Tag,
    extra_networks,
    index_at,
    parse_attention,
    prompt_schedule,
    split_and,
    strip_comments,
)

AB_BY_TURNS = [(step, "ab"[(step - 1) % 2]) for step in range(1, 11)]
SCHEDULES = {
    "a [b:3]": [(3, "a "), (10, "a b")],
    "a [b: 3]": [(3, "a "), (10, "a b")],
    "a [b:0.35]": [(3, "a "), (10, "a b")],
    "[a:b:5]": [(5, "a"), (10, "b")],
    "[a:b:5.]": [(10, "a")],
    "[a:b:5.0]": [(10, "a")],
    "[a:b:1]": [(1, "a"), (10, "b")],
    "[a:b:1.0]": [(10, "a")],
    "[a:b:0]": [(10, "b")],
    "[a:b:0.05]": [(10, "b")],
    "[a:b:-1]": [(10, "b")],
    "[a:b:20]": [(10, "a")],
    "[a::3]": [(3, "a"), (10, "")],
    "[:b:3]": [(3, ""), (10, "b")],
    "[b:3]": [(3, ""), (10, "b")],
    "[ a : b : 3 ]": [(3, " a "), (10, " b ")],
    "[a:[b:c:6]:3]": [(3, "a"), (6, "b"), (10, "c")],
    "[[a:b:3]:c:6]": [(3, "a"), (6, "b"), (10, "c")],
    "[a:b:6] [c:d:3]": [(3, "a c"), (6, "a d"), (10, "b d")],
    "[a|b]": AB_BY_TURNS,
    "[fe|]male": [(s, "female" if s % 2 else "male") for s in range(1, 11)],
    "[a||b]": [(s, ("a", "", "b")[(s - 1) % 3]) for s in range(1, 11)],
    "[a|[b:c:5]]": list(enumerate("a b a b a c a c a c".split(), 1)),
    "([a:b:5]:1.3)": [(5, "(a:1.3)"), (10, "(b:1.3)")],
    "[(a:2):3]": [(3, ""), (10, "(a:2)")],
    "a [[[b]]:2]": [(2, "a "), (10, "a [[b]]")],
    "[a, b:c, d:0.5]": [(5, "a, b"), (10, "c, d")],
    "((a][:b:c [d:3]": [(3, "((a][:b:c "), (10, "((a][:b:c d")],
    "a]b[c:d:3]": [(3, "a]bc"), (10, "a]bd")],
    r"[a\:x:b:3]": [(3, r"a\:x"), (10, "b")],
    "[a:b:1e1]": [(10, "a")],
    "cow|horse [a:b:3]": [(10, "cow|horse [a:b:3]")],
    "a [unbalanced": [(10, "a [unbalanced")],
    "[a:b:3": [(10, "[a:b:3")],
    "(a:b:3)": [(10, "(a:b:3)")],
    "[a (b:c:3]": [(10, "[a (b:c:3]")],
    "a:b [c:d:3]": [(3, "a:b c"), (10, "a:b d")],
    "[a:b:3] ) ]": [(3, "a ) ]"), (10, "b ) ]")],
    "[:b:2]:x:": [(2, ":x:"), (10, "b:x:")],
    "[:b:2])": [(2, ")"), (10, "b)")],
    "[a|b:3]": [(10, "[a|b:3]")],
    "[a:b]": [(10, "[a:b]")],
    "[a:b:c]": [(10, "[a:b:c]")],
    "[a:b:c:3]": [(10, "[a:b:c:3]")],
    "[a:b::3]": [(10, "[a:b::3]")],
    "[a:b:3] \\": [(10, "[a:b:3] \\")],
}


@pytest.mark.parametrize(("text", "expected"), SCHEDULES.items())
def test_a_prompt_over_ten_steps_says_what_the_specification_lists(text, expected):
    assert prompt_schedule(text, 10) == expected


def test_a_schedule_within_an_alternation_counts_its_own_steps():
    schedule = prompt_schedule("[[a:b:3]|c]", 6)
    assert schedule == list(enumerate("a c a c b c".split(), 1))


@pytest.mark.parametrize(
    ("text", "new", "old"),
    [
        ("[a:b:0.5]", [(8, "b")], [(5, "a"), (10, "b")]),
        ("[a:b:1.5]", [(4, "a"), (8, "b")], [(1, "a"), (10, "b")]),
        ("[a:b:14]", [(4, "a"), (8, "b")], [(10, "a")]),
        ("[a:b:2.0]", [(8, "a")], None),
        ("[a:b:1.0]", [(8, "b")], None),
    ],
)
def test_the_second_pass_counts_fractions_from_one_and_steps_from_the_first_passs_end(
    text, new, old
):
    assert prompt_schedule(text, 10, hires_steps=8) == new
    if old is not None:
        assert prompt_schedule(text, 10, hires_steps=8, old_timelines=True) == old


def test_the_first_pass_never_reaches_what_begins_in_the_second():
    assert prompt_schedule("[a:b:1.5]", 10) == [(10, "a")]


def test_the_first_entry_lasts_one_call_longer_and_returns_past_the_end():
    switch = prompt_schedule("[a:b:5]", 10)
    turns = prompt_schedule("[a|b]", 10)
    assert "".join(switch[index_at(switch, call)][1] for call in range(13)) == "aaaaaabbbbbaa"
    assert "".join(turns[index_at(turns, call)][1] for call in range(6)) == "aababa"


def test_a_thousand_brackets_are_read_without_recursion():
    for text in ("(" * 3000, "[" * 1500 + "a" + "]" * 1500, "[a|" * 500):
        assert prompt_schedule(text, 10)[-1][0] == 10


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab[]():|.3 \\", max_size=30))
def test_every_text_has_a_schedule_that_ends_with_the_last_step(text):
    schedule = prompt_schedule(text, 7)
    ends = [end for end, _ in schedule]
    assert ends[-1] == 7 and ends == sorted(set(ends)) and ends[0] >= 1


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab ,.()", max_size=30))
def test_a_text_without_square_brackets_is_left_as_it_is(text):
    assert prompt_schedule(text, 7) == [(7, text)]


ATTENTION = {
    "(word)": [("word", 1.1)],
    "((word))": [("word", 1.2100000000000002)],
    "[word]": [("word", 0.9090909090909091)],
    "(a (b:1.5) c:0.5)": [("a ", 0.5), ("b", 0.75), (" c", 0.5)],
    "(a [b] c)": [("a ", 1.1), ("b", 1.0), (" c", 1.1)],
    r"\(a\)": [("(a)", 1.0)],
    r"a \ b": [("a  b", 1.0)],
    r"a\\b": [("a\\b", 1.0)],
    "(word:1.3": [("word:1.3", 1.1)],
    "[word:1.3]": [("word:1.3", 0.9090909090909091)],
    "(word:-0.5)": [("word", -0.5)],
    "(a:1.2)(b:1.2)": [("ab", 1.2)],
    "[a)(b]": [("a)", 0.9090909090909091), ("b", 1.0)],
    "(a:1.2]": [("a:1.2]", 1.1)],
    "a:1.2)": [("a:1.2)", 1.0)],
    "()": [("", 1.0)],
    "": [("", 1.0)],
    "a, (b:1.1:1.2), c": [("a, ", 1.0), ("b:1.1", 1.2), (", c", 1.0)],
    "a BREAK b": [("a", 1.0), ("BREAK", -1.0), ("b", 1.0)],
    "(a BREAK b:1.2)": [("a", 1.2), ("BREAK", -1.2), ("b", 1.2)],
    "a BREAK BREAK b": [("a", 1.0), ("BREAK", -1.0), ("", 1.0), ("BREAK", -1.0), ("b", 1.0)],
    "((a:1.2) b:1.5)": [("a", 1.7999999999999998), (" b", 1.5)],
    "[a|b]": [("a|b", 0.9090909090909091)],
    "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).": [
        ("a ", 1.0),
        ("house", 1.5730000000000004),
        (" ", 1.1),
        ("on", 1.0),
        (" a ", 1.1),
        ("hill", 0.55),
        (", sun, ", 1.1),
        ("sky", 1.4641000000000006),
        (".", 1.1),
    ],
    "(a:1.2.3)": [("a:1.2.3", 1.1)],
    "(a:.)": [("a:.", 1.1)],
}


@pytest.mark.parametrize(("text", "expected"), ATTENTION.items())
def test_emphasis_weighs_what_the_specification_lists(text, expected):
    assert parse_attention(text) == [Segment(*pair) for pair in expected]


def test_a_break_within_weighted_brackets_is_only_a_word():
    plain, weighted = parse_attention("a BREAK b")[1], parse_attention("(a BREAK b:1.2)")[1]
    assert plain.is_break and not weighted.is_break


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab :.1()[]\\BREAK", max_size=40))
def test_every_text_has_segments_and_no_two_neighbours_of_one_weight(text):
    segments = parse_attention(text)
    assert segments
    assert all(a.weight != b.weight for a, b in zip(segments, segments[1:], strict=False))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat AND dog", [("cat", 1), (" dog", 1)]),
        ("cat :1.2 AND dog:0.5", [("cat", 1.2), (" dog", 0.5)]),
        ("a photo :1.5", [("a photo", 1.5)]),
        ("cat AND dog :-1", [("cat", 1), (" dog", -1)]),
        ("catAND dog", [("catAND dog", 1)]),
        ("a:b AND c", [("a:b", 1), (" c", 1)]),
        ("(a AND b)", [("(a", 1), (" b)", 1)]),
        ("x :1. AND y:.5", [("x", 1.0), (" y", 0.5)]),
        ("AND", [("", 1), ("", 1)]),
        ("cat AND", [("cat", 1), ("", 1)]),
    ],
)
def test_and_splits_a_prompt_into_weighted_parts(text, expected):
    assert split_and(text) == expected


def test_tags_of_extra_networks_are_taken_out_with_their_arguments():
    text, tags = extra_networks("a <lora:pear:0.5:unet=0.7>b <hypernet:x>, <nothing> <:y>")
    assert text == "a b , <nothing> <:y>"
    assert tags == (Tag("lora", ("pear", "0.5"), {"unet": "0.7"}), Tag("hypernet", ("x",), {}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n# all of it\nb", "a\nb"),
        ("a # the rest\nb", "a \nb"),
        ("# first\nb", "\nb"),
        ("a # last", "a \n"),
        ("no comment", "no comment"),
    ],
)
def test_comments_leave_one_line_end(text, expected):
    assert strip_comments(text) == expected
