"""How prompts, weights and masks become one prediction, and in how many model calls."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion.guidance import (
    BatchConditioning,
    Conditioning,
    Guided,
    LatentMask,
    Part,
    SkipNegative,
)

SIGMA = torch.tensor(2.0)
X = torch.randn((2, 4, 3, 3), generator=torch.Generator().manual_seed(5))


class ToyDenoiser:
    """Answers each row with the mean of its tokens; keeps what it was asked."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def __call__(self, x: Tensor, level: Tensor, **conditioning: Any) -> Tensor:
        self.rows.append({"x": x, **conditioning})
        tokens = conditioning["cross_attention"]
        return tokens.mean(dim=(1, 2)).view(-1, 1, 1, 1).expand_as(x).clone()

    eps = __call__


def text(value: float, tokens: int = 77) -> Conditioning:
    return Conditioning(torch.full((tokens, 8), value))


def batch(
    *positive: tuple[Part, ...], negative: float = 0.0, tokens: int = 77
) -> BatchConditioning:
    return BatchConditioning(positive, tuple(text(negative, tokens) for _ in positive))


def guided(
    conditioning: BatchConditioning | Callable[[int], BatchConditioning],
    scale: float = 7.0,
    **more: Any,
) -> tuple[Guided, ToyDenoiser]:
    toy = ToyDenoiser()
    by_call = conditioning if callable(conditioning) else lambda call: conditioning
    return Guided(toy, by_call, scale, total_steps=20, **more), toy


def test_guidance_goes_from_the_negative_through_the_positive() -> None:
    model, _ = guided(batch((Part(text(1.0)),), (Part(text(3.0)),), negative=0.5))
    found = model(X, SIGMA)
    assert found[0].unique().tolist() == pytest.approx([0.5 + 7 * 0.5])
    assert found[1].unique().tolist() == pytest.approx([0.5 + 7 * 2.5])


def test_parts_add_up_by_their_weights() -> None:
    parts = (Part(text(1.0), 0.8), Part(text(2.0), -0.5))
    model, toy = guided(batch(parts, (Part(text(3.0)),), negative=0.5))
    found = model(X, SIGMA)
    assert float(found[0, 0, 0, 0]) == pytest.approx(0.5 + 7 * (0.8 * 0.5 - 0.5 * 1.5))
    assert float(found[1, 0, 0, 0]) == pytest.approx(0.5 + 7 * 2.5)
    assert torch.equal(toy.rows[0]["x"], X[[0, 0, 1, 0, 1]])


def test_equal_token_counts_take_one_call() -> None:
    model, toy = guided(batch((Part(text(1.0)),), (Part(text(3.0)),)))
    model(X, SIGMA)
    assert [len(call["x"]) for call in toy.rows] == [4]


def test_the_two_sides_may_be_asked_for_one_after_the_other_with_the_same_answer() -> None:
    given = batch((Part(text(1.0)), Part(text(2.0))), (Part(text(3.0)),), negative=0.5)
    together, _ = guided(given)
    apart, toy = guided(given, joined=False)
    assert torch.equal(apart(X, SIGMA), together(X, SIGMA))
    assert [len(call["x"]) for call in toy.rows] == [3, 2]


def test_different_token_counts_take_two_calls_and_no_padding() -> None:
    model, toy = guided(batch((Part(text(1.0, 154)),), (Part(text(3.0, 154)),)))
    model(X, SIGMA)
    assert [tuple(call["cross_attention"].shape) for call in toy.rows] == [(2, 154, 8), (2, 77, 8)]


def test_shorter_parts_are_lengthened_by_their_last_token() -> None:
    short = Conditioning(torch.arange(77.0).unsqueeze(1).expand(77, 8))
    model, toy = guided(batch((Part(short), Part(text(1.0, 154)))))
    model(X[:1], SIGMA)
    assert toy.rows[0]["cross_attention"][0, 77:].unique().tolist() == [76.0]


def test_pooled_vectors_and_extra_channels_go_along() -> None:
    part = Conditioning(torch.ones(77, 8), torch.ones(16), torch.ones(5, 3, 3))
    negative = Conditioning(torch.zeros(77, 8), torch.zeros(16), torch.ones(5, 3, 3))
    model, toy = guided(BatchConditioning(((Part(part),),), (negative,)))
    model(X[:1], SIGMA)
    assert toy.rows[0]["vector"].shape == (2, 16)
    assert toy.rows[0]["concat"].shape == (2, 5, 3, 3)
    assert toy.rows[0]["vector"].mean(1).tolist() == [1.0, 0.0]


def test_each_call_gets_the_conditioning_of_its_number() -> None:
    first, later = batch((Part(text(1.0)),)), batch((Part(text(2.0)),))
    model, _ = guided(lambda call: first if call < 2 else later, scale=1.0)
    found = [float(model(X[:1], SIGMA)[0, 0, 0, 0]) for _ in range(4)]
    assert found == [1.0, 1.0, 2.0, 2.0]
    assert model.calls == 4


def test_at_scale_one_the_negative_is_asked_for_only_where_it_has_a_part() -> None:
    model, toy = guided(batch((Part(text(1.0)),), negative=0.5), scale=1.0)
    assert model(X[:1], SIGMA).unique().tolist() == [1.0]
    assert model.eps(X[:1], torch.tensor(500)).unique().tolist() == [1.0]
    assert [len(asked["x"]) for asked in toy.rows] == [1, 1]
    weighted, toy = guided(batch((Part(text(1.0), 0.5),), negative=0.5), scale=1.0)
    assert weighted(X[:1], SIGMA).unique().tolist() == [0.75]
    several = batch((Part(text(1.0), 0.5), Part(text(3.0), 0.5)))
    joined, both = guided(several, scale=1.0)
    joined(X[:1], SIGMA)
    pair, of_pair = guided(batch((Part(text(1.0)),), negative=0.5), scale=12.5)
    seen = pair.eps_pair(X[:1], torch.tensor(500))
    assert [each.unique().item() for each in seen] == [1.0, 0.5]
    assert [len(each.rows[0]["x"]) for each in (toy, both, of_pair)] == [2, 3, 2]


def test_a_mask_keeps_the_original_in_x0_space() -> None:
    keep_left = torch.ones(1, 1, 3, 3)
    keep_left[..., 0] = 0
    original = torch.full((1, 4, 3, 3), 9.0)
    model, toy = guided(batch((Part(text(1.0)),)), mask=LatentMask(original, keep_left))
    found = model(X[:1], SIGMA)
    assert found[..., 0].unique().tolist() == [9.0]
    assert 9.0 not in found[..., 1:]
    assert torch.equal(toy.rows[0]["x"][:1], X[:1])


def test_a_mask_of_the_ddim_family_changes_only_what_the_model_sees() -> None:
    keep_left = torch.ones(1, 1, 3, 3)
    keep_left[..., 0] = 0
    original = torch.full((1, 4, 3, 3), 9.0)
    model, toy = guided(batch((Part(text(1.0)),)), mask=LatentMask(original, keep_left))
    found = model.eps(X[:1], torch.tensor(500))
    assert 9.0 not in found
    seen = toy.rows[0]["x"][:1]
    assert seen[..., 0].unique().tolist() == [9.0]
    assert torch.equal(seen[..., 1:], X[:1, :, :, 1:])


def test_cfg_plus_plus_divides_its_scale_and_hands_over_the_negative() -> None:
    model, _ = guided(batch((Part(text(1.0)),), negative=0.5), scale=12.5)
    combined, negative = model.eps_pair(X[:1], torch.tensor(500))
    assert combined.unique().tolist() == pytest.approx([1.0])
    assert negative.unique().tolist() == pytest.approx([0.5])


def test_early_calls_may_leave_the_negative_out() -> None:
    skip = SkipNegative(early=0.1)  # of 20 steps: calls 0, 1 and 2
    model, toy = guided(batch((Part(text(1.0)),), negative=0.5), skip=skip)
    found = [float(model(X[:1], SIGMA)[0, 0, 0, 0]) for _ in range(4)]
    assert found[:3] == [1.0, 1.0, 1.0]
    assert found[3] == pytest.approx(0.5 + 7 * 0.5)
    assert [len(call["x"]) for call in toy.rows] == [1, 1, 1, 2]


def test_low_noise_leaves_the_negative_out_of_every_second_call() -> None:
    skip = SkipNegative(below_sigma=3.0)
    model, toy = guided(batch((Part(text(1.0)),)), skip=skip)
    for sigma in (5.0, 4.0, 2.9, 2.0, 1.0):
        model(X[:1], torch.tensor(sigma))
    assert [len(call["x"]) for call in toy.rows] == [2, 2, 2, 1, 2]


def test_low_noise_may_leave_the_negative_out_of_every_call() -> None:
    skip = SkipNegative(below_sigma=3.0, every_step=True)
    model, toy = guided(batch((Part(text(1.0)),)), skip=skip)
    for sigma in (4.0, 2.9, 2.0):
        model(X[:1], torch.tensor(sigma))
    assert [len(call["x"]) for call in toy.rows] == [2, 1, 1]


def test_without_the_negative_parts_are_added_to_the_first() -> None:
    parts = (Part(text(1.0), 0.7), Part(text(3.0), 0.5))
    model, _ = guided(batch(parts), skip=SkipNegative(early=1.0))
    assert float(model(X[:1], SIGMA)[0, 0, 0, 0]) == pytest.approx(1.0 + 0.5 * 2.0)


def edited(value: float, picture: float) -> Conditioning:
    return Conditioning(torch.full((77, 8), value), concat=torch.full((4, 3, 3), picture))


class SeeingDenoiser(ToyDenoiser):
    """Answers with the mean of the tokens and ten times that of the picture it sees."""

    def __call__(self, x: Tensor, level: Tensor, **conditioning: Any) -> Tensor:
        seen = conditioning["concat"].mean(dim=(1, 2, 3)).view(-1, 1, 1, 1)
        return super().__call__(x, level, **conditioning) + 10 * seen

    eps = __call__


def editing(image_scale: float | None, **more: Any) -> tuple[Guided, SeeingDenoiser]:
    toy = SeeingDenoiser()
    conditioning = BatchConditioning(
        ((Part(edited(3.0, 2.0), 0.5),), (Part(edited(5.0, 1.0), 0.5),)),
        (edited(1.0, 2.0), edited(1.0, 1.0)),
    )
    made = Guided(
        toy, lambda call: conditioning, 7.0, total_steps=20, image_scale=image_scale, **more
    )
    return made, toy


def test_an_image_scale_guides_from_no_picture_through_the_picture_to_the_text() -> None:
    model, toy = editing(1.5)

    found = model(X, SIGMA)

    # without both: 1; with the picture: 21 and 11; with the text, too: 23 and 15
    expected = [1 + 7 * (23 - 21) + 1.5 * (21 - 1), 1 + 7 * (15 - 11) + 1.5 * (11 - 1)]
    assert found.mean(dim=(1, 2, 3)).tolist() == pytest.approx(expected)
    assert [len(rows["x"]) for rows in toy.rows] == [6]


@pytest.mark.parametrize("image_scale", [None, 1.0])
def test_without_an_image_scale_the_picture_is_in_both_predictions(image_scale) -> None:
    model, toy = editing(image_scale)

    found = model(X, SIGMA)

    assert found.mean(dim=(1, 2, 3)).tolist() == pytest.approx([21 + 7 * 0.5 * 2, 11 + 7 * 0.5 * 4])
    assert [len(rows["x"]) for rows in toy.rows] == [4]


def test_low_noise_never_leaves_the_negative_out_of_an_edit() -> None:
    model, toy = editing(1.5, skip=SkipNegative(below_sigma=99.0, every_step=True))
    early, early_toy = editing(1.5, skip=SkipNegative(early=0.5))

    model(X, SIGMA)
    early(X, SIGMA)

    assert [len(rows["x"]) for rows in toy.rows] == [6]
    assert [len(rows["x"]) for rows in early_toy.rows] == [2]


def test_another_model_may_take_over_between_calls_which_are_counted_on() -> None:
    heard: list[int] = []

    def before(call: int, level: Tensor) -> None:
        heard.append(call)
        if call == 1:
            model.forget()
            model.replace(second, lambda call: batch((Part(text(2.0)),), (Part(text(2.0)),)))

    second = ToyDenoiser()
    first_batch = batch((Part(text(1.0)),), (Part(text(1.0)),))
    model, first = guided(first_batch, before_call=before)

    for _ in range(3):
        model.eps(X, SIGMA)

    assert heard == [0, 1, 2] and model.calls == 3
    assert (len(first.rows), len(second.rows)) == (1, 2)


def test_a_batch_whose_conditioning_does_not_fit_is_refused() -> None:
    model, _ = guided(batch((Part(text(1.0)),)))
    with pytest.raises(AssertionError, match="2 images but conditioning for 1"):
        model(X, SIGMA)
