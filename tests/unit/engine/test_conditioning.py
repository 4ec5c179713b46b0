"""Conditioning: which text counts at which call, and how what is encoded is laid out."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import nn

from modules.engine.conditioning import Beside, Conditioner, TextEncoder, Timeline
from modules.engine.texts import Texts
from modules.generation.tokens import load_tokenizer
from modules.networks.model import Model
from modules.networks.text import Encoded
from modules.settings import Settings

TOKENIZER = load_tokenizer(Path(__file__).resolve().parents[3] / "configs")


class Encoder:
    """Stands for a model: each token becomes its own number, so that texts can be told apart."""

    spec = SimpleNamespace(family="sd1")

    def __init__(self) -> None:
        self.calls: list[int] = []  # rows of each call
        self.pools = False
        self.unet = nn.Module()
        self.text_encoders = (nn.Module(),)
        self.dtype = torch.float32

    def encode_text(self, chunk_rows: Any, *, vectors: Any, **how: Any) -> Encoded:
        assert vectors == {}
        self.calls.append(len(chunk_rows))
        rows = [[token for chunk in row for token in chunk.ids] for row in chunk_rows]
        tokens = torch.tensor(rows, dtype=torch.float32)[..., None]
        return Encoded(tokens, tokens[:, 1] if self.pools else None)


def conditioner(
    positive, negative="", *, steps=10, hires_steps=None, images=1, beside=None, **changes
):
    settings = Settings().with_changes(changes)
    model = Encoder()
    model.pools = beside is not None and beside.sizes is not None
    encoder = TextEncoder(cast(Model, model), TOKENIZER, settings)
    texts = Texts(positive, negative, positive, ())
    made = Conditioner(texts, encoder, Timeline(steps, hires_steps), settings, images, beside)
    return made, model


def word(conditioning, part=0):
    """The first token after the start token of one positive part, as a number."""
    return int(conditioning.positive[0][part].conditioning.cross_attention[1, 0])


CAT, DOG = (TOKENIZER.ids(text)[0] for text in ("cat", "dog"))


def test_the_first_text_holds_one_call_longer_and_comes_back_past_the_end():
    made, _ = conditioner("[cat:dog:5]")

    words = [word(made(call)) for call in range(12)]

    assert words == [CAT] * 6 + [DOG] * 5 + [CAT]


def test_alternation_says_the_first_word_twice_at_the_start():
    made, _ = conditioner("[cat|dog]", steps=4)

    assert [word(made(call)) for call in range(5)] == [CAT, CAT, DOG, CAT, DOG]


def test_the_same_object_is_given_while_no_text_changes():
    made, _ = conditioner("[cat:dog:5]")

    assert made(0) is made(5)
    assert made(5) is not made(6)
    assert made(6) is made(10)


def test_parts_joined_by_and_keep_their_weights_for_every_picture():
    made, _ = conditioner("cat AND dog :0.5", images=3)

    batch = made(0)

    assert len(batch.positive) == len(batch.negative) == 3
    assert [part.weight for part in batch.positive[2]] == [1.0, 0.5]
    assert (word(batch, 0), word(batch, 1)) == (CAT, DOG)


def test_and_in_a_negative_prompt_is_a_word():
    made, _ = conditioner("cat", "dog AND cat")

    assert len(made(0).negative) == 1
    ids = made(0).negative[0].cross_attention[1:4, 0].int().tolist()
    assert ids == TOKENIZER.ids("dog and cat")


def test_variants_are_encoded_together_and_repeated_ones_only_under_emphasis():
    _, plain = conditioner("[cat|dog]", steps=10)
    _, weighted = conditioner("([cat|dog]:1.2)", steps=10)

    assert plain.calls == [2, 1]
    assert weighted.calls == [10, 1]


def test_a_text_is_encoded_once():
    made, model = conditioner("cat", "cat")

    made(0)

    assert model.calls == [1]


@pytest.mark.parametrize(("persistent", "calls"), [(True, [1]), (False, [1, 1])])
def test_encoded_texts_outlive_their_job_only_if_that_is_wanted(persistent, calls):
    settings = Settings().with_changes({"persistent_cond_cache": persistent})
    model = Encoder()
    for _ in range(2):  # jobs
        TextEncoder(cast(Model, model), TOKENIZER, settings).encode(["cat"])
    assert model.calls == calls


def test_a_schedule_in_the_second_pass_counts_from_one_to_two():
    made, _ = conditioner("[cat:dog:1.5]", steps=10, hires_steps=8)

    assert [word(made(call)) for call in (0, 4, 5, 8)] == [CAT, CAT, DOG, DOG]


LONG = "cat, " * 40


@pytest.mark.parametrize(
    ("changes", "lengths"),
    [
        ({}, (154, 77)),
        ({"pad_cond_uncond": True}, (154, 154)),
        ({"pad_cond_uncond_v0": True}, (154, 154)),
    ],
)
def test_prompts_of_different_length_are_padded_only_if_asked(changes, lengths):
    made, _ = conditioner(LONG, "dog", **changes)

    batch = made(0)

    positive = batch.positive[0][0].conditioning.cross_attention
    assert (len(positive), len(batch.negative[0].cross_attention)) == lengths


def test_a_longer_negative_prompt_pads_the_prompt_or_is_cut_the_old_way():
    padded, _ = conditioner("dog", LONG, pad_cond_uncond=True)
    cut, _ = conditioner("dog", LONG, pad_cond_uncond_v0=True)

    tail = padded(0).positive[0][0].conditioning.cross_attention[77:, 0].int().tolist()
    assert tail == [TOKENIZER.start_id] + [TOKENIZER.end_id] * 76
    assert len(cut(0).negative[0].cross_attention) == 77


def test_old_emphasis_reads_brackets_as_tokens_and_keeps_to_one_chunk():
    made, _ = conditioner("(cat:1.2) " + "dog " * 90, use_old_emphasis_implementation=True, steps=2)

    tokens = made(0).positive[0][0].conditioning.cross_attention
    assert tokens.shape == (77, 1)
    assert [int(token) for token in tokens[1:6, 0]] == TOKENIZER.ids("cat : 1 . 2")


SIZES = Beside(sizes=(torch.tensor([1.0, 2.0]), torch.tensor([3.0])))


def test_pooled_texts_come_before_the_sizes_of_their_side():
    batch = conditioner("[cat:dog:5]", "dog", beside=SIZES)[0](6)

    positive, negative = batch.positive[0][0].conditioning.vector, batch.negative[0].vector
    assert positive is not None and positive.tolist() == [DOG, 1.0, 2.0]
    assert negative is not None and negative.tolist() == [DOG, 3.0]


@pytest.mark.parametrize(
    ("negative", "beside", "is_nothing"),
    [
        ("", SIZES, True),
        ("", None, False),
        (" ", SIZES, False),
        ("[::5]", SIZES, True),
        ("[:sea:5]", SIZES, False),
    ],
)
def test_a_negative_prompt_is_nothing_where_every_text_of_it_is_empty(negative, beside, is_nothing):
    row = conditioner("", negative, beside=beside)[0](0).negative[0]

    assert (row.cross_attention.abs().max() == 0) == is_nothing
    assert conditioner("", "", beside=SIZES)[0](0).positive[0][0].conditioning.vector is not None


def test_padding_of_an_empty_negative_prompt_is_a_text_all_the_same():
    made, _ = conditioner(LONG, "", beside=SIZES, pad_cond_uncond=True)

    tokens = made(0).negative[0].cross_attention
    assert tokens[:77].abs().max() == 0 and tokens[77:].abs().min() > 0


def test_each_picture_of_a_batch_sees_its_own():
    seen = torch.arange(2.0)[:, None, None, None].expand(2, 5, 3, 3)

    batch = conditioner("cat AND dog", images=2, beside=Beside(concat=seen))[0](0)

    for image in range(2):
        parts = [part.conditioning.concat for part in batch.positive[image]]
        for concat in (*parts, batch.negative[image].concat):
            assert concat is not None and concat.unique().tolist() == [image]
