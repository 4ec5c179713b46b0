"""Prompts as the model reads them: texts over time turned into the conditioning of each call.

Joins the prompt language, the tokenizer and the model's text encoder with what the model reads
beside the texts; it knows neither samplers nor latents. Rules: A1111 numerics, prompts and CFG
denoiser.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from modules.diffusion.guidance import BatchConditioning, Conditioning, Part
from modules.engine.embeddings import Embeddings
from modules.engine.remembered import Remembered, recall
from modules.engine.texts import Texts
from modules.generation.old_emphasis import old_chunk
from modules.generation.prompt import index_at, prompt_schedule, split_and
from modules.generation.tokens import Chunk, Tokenizer, chunk, fill_up, segments_of
from modules.networks.adapters import Adapters
from modules.networks.attached import attached
from modules.networks.model import Model
from modules.networks.text import Encoded
from modules.settings import Settings


@dataclass(frozen=True, eq=False)
class EncodedText:
    """One text: tokens (T, C), and pooled (P,) where the family has it."""

    tokens: Tensor
    pooled: Tensor | None = None

    def zeroed(self) -> EncodedText:
        pooled = None if self.pooled is None else torch.zeros_like(self.pooled)
        return EncodedText(torch.zeros_like(self.tokens), pooled)


class KnownTexts(Remembered[Encoded]):
    """With the first text encoder: what it and those beside it made of texts."""


@dataclass(frozen=True, eq=False)
class Beside:
    """What a pass's calls read besides the texts, for the checkpoint at work.

    sizes: of SDXL's families, encoded, (S,) for the prompt and for the negative prompt. concat:
    (B, K, h, w), one for each picture.
    """

    sizes: tuple[Tensor, Tensor] | None = None
    concat: Tensor | None = None


class TextEncoder:
    """The model's text encoder, reading as the settings say; what it encoded it keeps."""

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        settings: Settings,
        embeddings: Embeddings | None = None,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._embeddings = embeddings
        self._clip_skip = settings.sd.CLIP_stop_at_last_layers
        self._emphasis = settings.sd.emphasis
        self._backtrack = settings.sd.comma_padding_backtrack
        self._old = settings.compatibility.use_old_emphasis_implementation
        self._clip_l_skip = settings.sd.sdxl_clip_l_skip
        self._known: dict[tuple[str, ...], tuple[EncodedText, ...]] = {}
        self._kept = KnownTexts()  # of this job alone
        if settings.optimizations.persistent_cond_cache:
            self._kept = attached(model.text_encoders[0], KnownTexts)

    def encode(self, variants: Sequence[str]) -> tuple[EncodedText, ...]:
        """One for each variant of one prompt, all with the same T."""
        key = tuple(variants)
        if key not in self._known:
            self._known[key] = self._encoded(key)
        return self._known[key]

    def _encoded(self, variants: tuple[str, ...]) -> tuple[EncodedText, ...]:
        names = self._embeddings.names if self._embeddings else None
        if self._old and self._model.spec.family == "sd1":
            texts = list(variants)
            rows = [[old_chunk(text, self._tokenizer, names)] for text in texts]
        else:
            segments = {text: segments_of(text, self._emphasis) for text in dict.fromkeys(variants)}
            flat = [segment for row in segments.values() for segment in row]
            weighted = any(each.weight != 1 and not each.is_break for each in flat)
            # Emphasis restores the mean over all variants, repeated ones counted each time.
            texts = list(variants) if weighted else list(segments)
            rows = [
                chunk(segments[text], self._tokenizer, self._backtrack, names) for text in texts
            ]
        rows, vectors = fill_up(rows, self._tokenizer), self._vectors(rows)
        encoded = recall(
            self._kept,
            lambda: self._key(rows, vectors),
            lambda: self._model.encode_text(
                rows,
                clip_skip=self._clip_skip,
                emphasis=self._emphasis,
                clip_l_skip=self._clip_l_skip,
                vectors=vectors,
            ),
            lambda made: made.tokens.nbytes + (0 if made.pooled is None else made.pooled.nbytes),
        )
        pooled = [None] * len(rows) if encoded.pooled is None else encoded.pooled
        found = [EncodedText(*row) for row in zip(encoded.tokens, pooled, strict=True)]
        by_text = dict(zip(texts, found, strict=True))
        return tuple(by_text[text] for text in variants)

    def _key(
        self, rows: Sequence[Sequence[Chunk]], vectors: Mapping[str, Sequence[Tensor]]
    ) -> Hashable:
        """All that the embeddings of these rows depend on, for the same text encoders."""
        chunks = tuple(
            tuple((tuple(c.ids), tuple(c.weights), tuple(c.placements)) for c in row)
            for row in rows
        )
        placed = tuple((name, *(_bytes(each) for each in parts)) for name, parts in vectors.items())
        choices = (self._clip_skip, self._emphasis, self._clip_l_skip)
        return (chunks, placed, choices, Adapters(self._model).state, self._model.dtype)

    def _vectors(self, rows: Sequence[Sequence[Chunk]]) -> Mapping[str, Sequence[Tensor]]:
        """Of the embeddings that stand in the rows."""
        if self._embeddings is None:
            return {}
        placed = [name for row in rows for piece in row for _, name in piece.placements]
        return self._embeddings.tensors(dict.fromkeys(placed))


@dataclass(frozen=True)
class Timeline:
    """What steps in prompts count against: totals, doubled for second-order samplers."""

    steps: int
    hires_steps: int | None = None  # given for the second pass
    old: bool = False


@dataclass(frozen=True, eq=False)
class _Prompt:
    """One text over time: the end of each stretch and what is encoded for it."""

    ends: tuple[tuple[int, EncodedText], ...]
    weight: float

    def index(self, call: int) -> int:
        return index_at(self.ends, call)

    def at(self, index: int) -> EncodedText:
        return self.ends[index][1]


class Conditioner:
    """The conditioning of every call in one pass over `images` pictures of one prompt."""

    def __init__(
        self,
        texts: Texts,
        encoder: TextEncoder,
        timeline: Timeline,
        settings: Settings,
        images: int,
        beside: Beside | None = None,
    ) -> None:
        self._encoder = encoder
        self._images = images
        self._beside = beside or Beside()
        self._pad = settings.optimizations.pad_cond_uncond
        self._pad_v0 = settings.optimizations.pad_cond_uncond_v0
        parts = split_and(texts.encoded)
        self._positive = [self._over_time(text, weight, timeline) for text, weight in parts]
        # SDXL's families read an empty negative prompt, and no other, as nothing at all.
        zeroed = self._beside.sizes is not None
        self._negative = self._over_time(texts.negative, 1.0, timeline, zeroed_if_empty=zeroed)
        self._made: dict[tuple[int, ...], BatchConditioning] = {}
        self._changes = any(len(each.ends) > 1 for each in (*self._positive, self._negative))

    def __call__(self, call: int) -> BatchConditioning:
        """The same object for as long as no text changes."""
        if not self._changes and self._made:
            return next(iter(self._made.values()))
        key = tuple(prompt.index(call) for prompt in (*self._positive, self._negative))
        if key not in self._made:
            self._made[key] = self._make(key)
        return self._made[key]

    def _over_time(
        self, text: str, weight: float, timeline: Timeline, *, zeroed_if_empty: bool = False
    ) -> _Prompt:
        stretches = prompt_schedule(
            text, timeline.steps, hires_steps=timeline.hires_steps, old_timelines=timeline.old
        )
        variants = [variant for _, variant in stretches]
        encoded = self._encoder.encode(variants)
        if zeroed_if_empty and not any(variants):
            encoded = tuple(row.zeroed() for row in encoded)
        ends = [end for end, _ in stretches]
        return _Prompt(tuple(zip(ends, encoded, strict=True)), weight)

    def _make(self, key: tuple[int, ...]) -> BatchConditioning:
        *positive_at, negative_at = key
        texts = [p.at(at) for p, at in zip(self._positive, positive_at, strict=True)]
        negative = self._negative.at(negative_at)
        positive_tokens, negative_tokens = self._fitting(
            [text.tokens for text in texts], negative.tokens
        )
        rows = [
            (self._beside_text(tokens, text.pooled, side=0), prompt.weight)
            for tokens, text, prompt in zip(positive_tokens, texts, self._positive, strict=True)
        ]
        last = self._beside_text(negative_tokens, negative.pooled, side=1)
        images = range(self._images)
        return BatchConditioning(
            positive=tuple(
                tuple(Part(self._for_image(row, image), weight) for row, weight in rows)
                for image in images
            ),
            negative=tuple(self._for_image(last, image) for image in images),
        )

    def _fitting(self, positive: list[Tensor], negative: Tensor) -> tuple[list[Tensor], Tensor]:
        """The tokens, made equally long where the settings want it."""
        longest = max(len(tokens) for tokens in positive)
        if self._pad_v0 and len(negative) != longest:
            negative = _fitted(negative, longest)
        elif self._pad and len(negative) < longest:
            negative = self._padded(negative, longest)
        elif self._pad and longest < len(negative):
            positive = [self._padded(_fitted(t, longest), len(negative)) for t in positive]
        return positive, negative

    def _beside_text(self, tokens: Tensor, pooled: Tensor | None, *, side: int) -> Conditioning:
        """`side`: 0 for the prompt, 1 for the negative prompt."""
        sizes = self._beside.sizes
        if sizes is None:
            return Conditioning(tokens)
        assert pooled is not None, "a family that is told sizes pools its texts"
        return Conditioning(tokens, torch.cat([pooled, sizes[side].to(pooled)]))

    def _for_image(self, row: Conditioning, image: int) -> Conditioning:
        concat = self._beside.concat
        return row if concat is None else replace(row, concat=concat[image])

    def _padded(self, tokens: Tensor, length: int) -> Tensor:
        """(length, C): lengthened by what an empty prompt gives."""
        (empty,) = self._encoder.encode([""])
        repeats = (length - len(tokens)) // len(empty.tokens)
        return torch.cat([tokens, *[empty.tokens] * repeats])


def _bytes(tensor: Tensor) -> bytes:
    return tensor.contiguous().view(torch.uint8).cpu().numpy().tobytes()


def _fitted(tokens: Tensor, length: int) -> Tensor:
    """(length, C): cut, or lengthened by repeating the last token."""
    missing = max(0, length - len(tokens))
    return torch.cat([tokens[:length], tokens[-1:].expand(missing, -1)])
