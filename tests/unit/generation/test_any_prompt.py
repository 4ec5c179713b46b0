"""Whatever is typed into a prompt, the whole way from text to chunks and steps is gone, quickly."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.generation.prompt import (
    MAX_NESTING,
    extra_networks,
    index_at,
    parse_attention,
    prompt_schedule,
    split_and,
    strip_comments,
)
from modules.generation.tokens import CHUNK, Tokenizer, chunk, count, load_tokenizer, segments_of

STEPS = 6
PIECES = st.sampled_from(
    [*"ab ,()[]:|\\<>#.1-+\n", "BREAK", " BREAK ", "AND", " AND ", "[a:b:0.5]", "[a|b]", "(a:1.2)",
     "<lora:x:1>", ":1e9)", ":1.2", "::", "((", "]]", "<|endoftext|>", "\u00e9\u4e2d\U0001f350",
     "\u0000", "\ufeff", "word " * 30, "," * 40, "[" * 30, "(" * 30]
)  # fmt: skip
PROMPTS = st.lists(PIECES, max_size=25).map("".join)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(Path(__file__).resolve().parents[3] / "configs")


@settings(max_examples=120, deadline=None)
@given(PROMPTS, st.sampled_from(["Original", "None"]), st.integers(0, 74), st.booleans())
def test_any_prompt_becomes_chunks_for_every_call(tokenizer, prompt, emphasis, backtrack, old):
    text, _ = extra_networks(strip_comments(prompt))
    for part, weight in split_and(text):
        assert weight == weight
        for hires in (None, 4):
            schedule = prompt_schedule(part, STEPS, hires_steps=hires, old_timelines=old)
            for call in range(2 * STEPS):
                variant = schedule[index_at(schedule, call)][1]
                chunks = chunk(segments_of(variant, emphasis), tokenizer, backtrack)
                assert chunks and all(len(each.ids) == CHUNK + 2 for each in chunks)
                assert all(len(each.weights) == CHUNK + 2 for each in chunks)
    used, limit = count(prompt, tokenizer, emphasis=emphasis, comma_backtrack=backtrack)
    assert limit >= max(used, 1) and limit % CHUNK == 0


N = 40_000
HEAVY = {
    "open schedules": "[a:" * (N // 3),
    "open alternations": "[a|" * (N // 3),
    "open brackets": "(" * N,
    "nested brackets": "(" * (N // 2) + "a" + ")" * (N // 2),
    "open brackets between words": "ab(" * (N // 3),
    "open tags": "<a:" * (N // 3),
    "alternations": "[a|b] " * (N // 6),
    "schedules": "".join(f"[a:b:{number % 97}]" for number in range(N // 9)),
    "spaces before a bracket": (":" + " " * 99) * (N // 100),
    "words": "a red pear, " * (N // 12),
    "backslashes": "\\" * N,
}


@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY)
def test_the_time_for_a_long_prompt_does_not_grow_with_its_square(text):
    began = time.process_time()
    plain, _ = extra_networks(strip_comments(text))
    for part, _ in split_and(plain):
        for variant in {variant for _, variant in prompt_schedule(part, 20)}:
            parse_attention(variant)
    # Any one step that takes the length's square takes five seconds or more.
    assert time.process_time() - began < 3


def test_brackets_nested_too_deep_are_characters():
    (segment,) = parse_attention("(" * (MAX_NESTING + 2) + "a")
    assert segment.text == "((a" and segment.weight > 1


@pytest.mark.parametrize("steps", [7, 20])
def test_turns_and_switches_together_say_at_each_step_what_each_says_alone(steps):
    found = prompt_schedule("[a|b|c] [x:y:3] [m|n] [p:q:0.5]", steps)
    for step, text in found:
        turn = "abc"[(step - 1) % 3], "xy"[step > 3], "mn"[(step - 1) % 2]
        assert text == " ".join((*turn, "pq"[step > int(0.5 * steps)]))
    assert [step for step, _ in found] == list(range(1, steps + 1))
