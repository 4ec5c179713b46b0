"""Classifier-free guidance: prompts, weights and masks turned into one denoised latent per call.

`Guided` is what a sampler calls. It asks for the conditioning of each call by number, stacks it,
runs the denoiser in as few batches as the token counts allow, and combines. Texts, encoders and
step schedules of prompts are unknown here. Formulas: A1111 numerics, CFG denoiser.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

# DDIM CFG++ (Chung et al. 2024) takes scales of 0..1; menus offer A1111's 1..30.
CFG_PLUS_PLUS_DIVISOR = 12.5


class BatchDenoiser(Protocol):
    """modules.diffusion.denoiser's classes: N rows at one level, with stacked conditioning."""

    def __call__(self, x: Tensor, sigma: Tensor, **conditioning: Any) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class Conditioning:
    """One text's for one image: tokens (T,D), pooled vector (V,), extra channels (K,h,w)."""

    cross_attention: Tensor
    vector: Tensor | None = None
    concat: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """One of the texts that AND joins, with its weight."""

    conditioning: Conditioning
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class BatchConditioning:
    """What a batch is conditioned on: per image its positive parts, and one negative."""

    positive: tuple[tuple[Part, ...], ...]
    negative: tuple[Conditioning, ...]

    def __post_init__(self) -> None:
        assert len(self.positive) == len(self.negative) > 0, (
            f"{len(self.positive)} positive but {len(self.negative)} negative conditionings"
        )
        assert all(self.positive), "an image without any positive conditioning"


@dataclass(frozen=True, eq=False)
class LatentMask:
    """Which part of a latent is made anew: original (B,C,h,w); regenerate 1 = anew, 0 = keep."""

    original: Tensor
    regenerate: Tensor

    def blend(self, latent: Tensor, level: Tensor) -> Tensor:
        """`level`: the sigma (DDIM family: timestep) of the call, 0-dim; it makes no difference."""
        return self.finish(latent)

    def finish(self, latent: Tensor) -> Tensor:
        """What becomes of the last latent of a pass."""
        return latent * self.regenerate + self.original * (1 - self.regenerate)


@dataclass(frozen=True)
class SkipNegative:
    """When a call may leave the negative prompt out.

    early: up to this fraction of the steps. below_sigma: at lower noise, every second call, or at
    each with every_step. 0 means never.
    """

    early: float = 0.0
    below_sigma: float = 0.0
    every_step: bool = False

    def applies(self, call: int, total_steps: int, level: float) -> bool:
        if self.early != 0 and call / total_steps <= self.early:
            return True
        return level < self.below_sigma and (self.every_step or call % 2 == 1)


Rows = dict[str, Tensor | None]  # model inputs by name, each (N, ...)


@dataclass(frozen=True, eq=False)
class _Stacked:
    """BatchConditioning as model inputs; the positive parts image by image."""

    owners: tuple[int, ...]  # the image of each positive row
    weights: tuple[float, ...]
    positive: Rows
    negative: Rows
    both: Rows | None  # positive, then negative; None where they are two batches
    one_weight: float | None  # given where each image has but one part, and all the same weight


def _equal_length(tokens: Sequence[Tensor]) -> Tensor:
    """(N,T,D): shorter texts are lengthened by repeating their last token's vector."""
    longest = max(len(rows) for rows in tokens)
    return torch.stack(
        [torch.cat([rows, rows[-1:].expand(longest - len(rows), -1)]) for rows in tokens]
    )


def _stack_rows(rows: Sequence[Conditioning]) -> Rows:
    def stacked(values: list[Tensor | None]) -> Tensor | None:
        present = [value for value in values if value is not None]
        assert len(present) in (0, len(values)), "only some rows have a vector or extra channels"
        return torch.stack(present) if present else None

    return {
        "cross_attention": _equal_length([row.cross_attention for row in rows]),
        "vector": stacked([row.vector for row in rows]),
        "concat": stacked([row.concat for row in rows]),
    }


def _without_picture(row: Conditioning) -> Conditioning:
    assert row.concat is not None, "an image scale for a model that sees no picture"
    return replace(row, concat=torch.zeros_like(row.concat))


def _joined(first: Rows, second: Rows) -> Rows:
    joined: Rows = {}
    for name, rows in first.items():
        others = second[name]
        assert (rows is None) == (others is None), f"only one side of the prompt has {name}"
        joined[name] = None if rows is None or others is None else torch.cat([rows, others])
    return joined


def _stack(batch: BatchConditioning, *, twice: bool = False, joined: bool = True) -> _Stacked:
    """twice: the negative again, without the picture, after the negative with it. joined: both
    sides in one batch, where they can be.
    """
    parts = [(image, part) for image, parts in enumerate(batch.positive) for part in parts]
    negatives = batch.negative + tuple(map(_without_picture, batch.negative if twice else ()))
    positive = _stack_rows([part.conditioning for _, part in parts])
    negative = _stack_rows(negatives)
    weights = {part.weight for _, part in parts}
    is_plain = len(parts) == len(batch.positive) and len(weights) == 1
    lengths = {
        max(len(row.cross_attention) for row in rows)
        for rows in ([part.conditioning for _, part in parts], negatives)
    }
    return _Stacked(
        owners=tuple(image for image, _ in parts),
        weights=tuple(part.weight for _, part in parts),
        positive=positive,
        negative=negative,
        both=_joined(positive, negative) if joined and len(lengths) == 1 else None,
        one_weight=weights.pop() if is_plain else None,
    )


class Guided:
    """A denoiser guided by prompts: `guided(x, sigma)`, or `guided.eps(x, t)` for the DDIM family.

    conditioning(call) gives the conditioning of the 0-based denoiser call; it should return the
    same object while nothing changes, since what is stacked from it is kept. total_steps: steps, or
    twice as many for a second-order sampler. image_scale: of a model that sees a picture to edit;
    None or 1: the picture is in all predictions. joined: prompt and negative prompt in one batch of
    the denoiser, else one after the other, which takes less memory. before_call(call, level) is
    called first in every call, and may replace the denoiser. At scale 1 the negative prompt is
    evaluated only for who reads its prediction, or where AND gives weights: the original evaluates
    it all the same, adds it and takes it away, so its pictures differ by the rounding, a level of
    255 here and there.
    """

    def __init__(
        self,
        denoiser: Any,
        conditioning: Callable[[int], BatchConditioning],
        scale: float,
        *,
        total_steps: int,
        mask: LatentMask | None = None,
        skip: SkipNegative | None = None,
        image_scale: float | None = None,
        joined: bool = True,
        before_call: Callable[[int, Tensor], None] | None = None,
    ) -> None:
        self.denoiser: Any = denoiser
        self.calls = 0
        self._conditioning: Callable[[int], BatchConditioning] | None = conditioning
        self._scale = scale
        self._total_steps = total_steps
        self._mask = mask
        self._skip = skip or SkipNegative()
        self._image_scale = None if image_scale == 1 else image_scale
        self._joined = joined
        self._before_call = before_call
        self._kept: tuple[BatchConditioning, _Stacked] | None = None

    def forget(self) -> None:
        """Let go of denoiser and conditioning; `replace` must follow before the next call."""
        self.denoiser = self._conditioning = None
        self._kept = None

    def replace(self, denoiser: Any, conditioning: Callable[[int], BatchConditioning]) -> None:
        """Go on with another model that edits no picture; calls are counted on."""
        self.denoiser, self._conditioning = denoiser, conditioning
        self._image_scale = None

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """x0 (B,C,h,w) for x in VE space at sigma, 0-dim CPU; masked in x0 space."""
        self._begin(sigma)
        denoised, _ = self._guide(self.denoiser, x, sigma, self._scale, pair=False)
        return self._mask.blend(denoised, sigma) if self._mask else denoised

    def eps(self, x: Tensor, t: Tensor) -> Tensor:
        """Noise (B,C,h,w) for x in VP space at timestep t, 0-dim CPU; the mask acts on x."""
        self._begin(t)
        return self._guide(self.denoiser.eps, self._masked(x, t), t, self._scale, pair=False)[0]

    def eps_pair(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """(guided noise at CFG++'s scale, noise seen without the prompt), both (B,C,h,w)."""
        self._begin(t)
        scale = self._scale / CFG_PLUS_PLUS_DIVISOR
        return self._guide(self.denoiser.eps, self._masked(x, t), t, scale)

    def _begin(self, level: Tensor) -> None:
        if self._before_call is not None:
            self._before_call(self.calls, level)

    def _masked(self, x: Tensor, t: Tensor) -> Tensor:
        return self._mask.blend(x, t) if self._mask else x

    def _guide(
        self, predict: BatchDenoiser, x: Tensor, level: Tensor, scale: float, *, pair: bool = True
    ) -> tuple[Tensor, Tensor]:
        """(guided prediction, negative prediction) of one call; `level` is sigma or a timestep.

        pair: whether the second is wanted. Where it is not, and has no part in the first, it is not
        made.
        """
        assert self._conditioning is not None, "forgotten and not replaced"
        rows = self._stacked(self._conditioning(self.calls))
        assert rows.owners[-1] + 1 == x.shape[0], (
            f"{x.shape[0]} images but conditioning for {rows.owners[-1] + 1}"
        )
        edits = self._image_scale is not None
        # The original knows no low noise for models that edit.
        skip_level = math.inf if edits else float(level)
        skipped = self._skip.applies(self.calls, self._total_steps, skip_level)
        self.calls += 1
        parts_x = (
            x
            if len(rows.owners) == x.shape[0]
            else torch.stack([x[image] for image in rows.owners])
        )
        negative_x = torch.cat([x, x]) if edits else x
        if skipped:
            positive = predict(parts_x, level, **rows.positive)
            firsts = [rows.owners.index(image) for image in range(x.shape[0])]
            negative, scale = torch.stack([positive[row] for row in firsts]), 1.0
        elif (
            not pair and not edits and rows.one_weight is not None and rows.one_weight * scale == 1
        ):
            # The negative prompt would be added and taken away again.
            positive = predict(parts_x, level, **rows.positive)
            return positive, positive
        elif rows.both is not None:
            both = predict(torch.cat([parts_x, negative_x]), level, **rows.both)
            positive, negative = both[: len(rows.owners)], both[len(rows.owners) :]
        else:
            positive = predict(parts_x, level, **rows.positive)
            negative = predict(negative_x, level, **rows.negative)
        if self._image_scale is not None and not skipped:
            return _combine_edit(positive, negative, scale, self._image_scale)
        return _combine(positive, negative, rows, scale), negative

    def _stacked(self, batch: BatchConditioning) -> _Stacked:
        if self._kept is None or self._kept[0] is not batch:
            twice = self._image_scale is not None
            self._kept = (batch, _stack(batch, twice=twice, joined=self._joined))
        return self._kept[1]


def _combine(positive: Tensor, negative: Tensor, rows: _Stacked, scale: float) -> Tensor:
    """negative + sum over an image's parts of weight * scale * (part - negative)."""
    if rows.one_weight is not None:  # of all images at once
        return (positive - negative).mul_(rows.one_weight * scale).add_(negative)
    guided = negative.clone()
    for row, (image, weight) in enumerate(zip(rows.owners, rows.weights, strict=True)):
        guided[image] += (positive[row] - negative[image]) * (weight * scale)
    return guided


def _combine_edit(
    positive: Tensor, negative: Tensor, scale: float, image_scale: float
) -> tuple[Tensor, Tensor]:
    """(guided, without text and picture). Brooks et al. 2022, eq. 3; weights have no effect."""
    with_picture, without = negative.chunk(2)
    guided = without + scale * (positive - with_picture) + image_scale * (with_picture - without)
    return guided, without
