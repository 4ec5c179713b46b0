"""From token chunks to the numbers that the U-Net reads: embeddings of tokens and of whole texts.

Each family's choice of layer, clip skip and emphasis follow A1111 (numerics: tokens and chunks,
textual inversion, encoding and emphasis). Knows token ids and weights, no words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel

from modules.networks.spec import TextSpec

EMPHASIS_MODES = ("Original", "No norm", "Ignore", "None")
END_ID = 49407
PADDING_ID = 0  # what OpenCLIP's encoders read after the end mark

Vectors = Mapping[str, Sequence[Tensor]]


class Chunk(Protocol):
    """75 tokens between their begin and end marks, 77 in all, each with its weight.

    `placements` are embeddings by name, each with the position (0 is the begin mark) from which
    on its vectors stand in the tokens' place.
    """

    @property
    def ids(self) -> Sequence[int]: ...

    @property
    def weights(self) -> Sequence[float]: ...

    @property
    def placements(self) -> Sequence[tuple[int, str]]: ...


@dataclass(frozen=True, eq=False)
class Encoded:
    """Texts as the U-Net reads them: `tokens` (rows, T, D) fp32, encoders side by side in D, and
    `pooled` (rows, P) fp32 of each text's first chunk, None where the family has none."""

    tokens: Tensor
    pooled: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Encoder:
    """A text encoder and what is read of it."""

    module: CLIPTextModel
    spec: TextSpec

    def layers_read(self, clip_skip: int, clip_l_skip: bool) -> int:
        """How many layers the embeddings went through.

        Clip skip is for CLIP alone; without the final norm (SDXL) only if `clip_l_skip`.
        """
        layers, spec = len(self.module.encoder.layers), self.spec
        skips = spec.kind == "clip" and (spec.final_norm or clip_l_skip)
        return max(0, layers - (clip_skip - 1 if skips else spec.unread_layers))


def encode(
    encoders: Sequence[Encoder],
    chunk_rows: Sequence[Sequence[Chunk]],
    *,
    clip_skip: int = 1,
    emphasis: str = "Original",
    clip_l_skip: bool = False,
    vectors: Vectors | None = None,
) -> Encoded:
    """Texts that have equally many chunks, through every encoder.

    `clip_skip` N uses the output of the Nth layer from the end. Emphasis "Original" scales a
    chunk back to the mean it had before weighting, taken over all rows of this call, for each
    encoder apart. `vectors`: for each embedding's name one (V, width) per encoder.
    """
    assert emphasis in EMPHASIS_MODES, emphasis
    counts = {len(row) for row in chunk_rows}
    assert len(counts) == 1 and 0 not in counts, f"rows must have the same chunks, not {counts}"
    pieces, pooled = [], None
    for column in zip(*chunk_rows, strict=True):
        parts = []
        for number, encoder in enumerate(encoders):
            placed = {name: found[number] for name, found in (vectors or {}).items()}
            layers = encoder.layers_read(clip_skip, clip_l_skip)
            embedded, whole = _encode_chunks(encoder, column, layers, placed, pooled is None)
            parts.append(_weighted(embedded.to(torch.float32), column, emphasis))
            pooled = pooled if whole is None else whole
        pieces.append(torch.cat(parts, dim=-1))
    return Encoded(torch.cat(pieces, dim=1), pooled)


def _encode_chunks(
    encoder: Encoder,
    column: Sequence[Chunk],
    layers_read: int,
    vectors: Mapping[str, Tensor],
    pools: bool,
) -> tuple[Tensor, Tensor | None]:
    """The read layer's output (B, 77, width) and, where it is wanted, the pooled text (B, P)."""
    module, spec = encoder.module, encoder.spec
    norm = module.final_layer_norm
    ids = torch.tensor([list(chunk.ids) for chunk in column], device=norm.weight.device)
    if spec.kind == "open_clip":
        ended = (ids == END_ID).cumsum(dim=1) - (ids == END_ID).long() > 0
        ids = ids.masked_fill(ended, PADDING_ID)
    hidden = _embedded(module, ids, column, vectors)
    pools = pools and spec.pooled_width > 0
    read = hidden
    for number, layer in enumerate(module.encoder.layers):
        if number >= layers_read and not pools:
            break  # nobody reads what comes after
        hidden = layer(hidden, attention_mask=None, is_causal=True)
        if number < layers_read:
            read = hidden
    whole = None
    if pools:
        ends = norm(hidden)[torch.arange(len(ids)), ids.argmax(dim=1)]
        whole = cast(nn.Module, module.text_projection)(ends).to(torch.float32)
    return (norm(read) if spec.final_norm else read), whole


def _embedded(
    module: CLIPTextModel, ids: Tensor, column: Sequence[Chunk], vectors: Mapping[str, Tensor]
) -> Tensor:
    """Token and position embeddings; the vectors stand in for tokens, before positions."""
    tokens = module.embeddings.token_embedding(ids)
    for row, chunk in enumerate(column):
        for position, name in chunk.placements:
            given = vectors[name][: tokens.shape[1] - position].to(tokens)
            tokens[row, position : position + len(given)] = given
    return module.embeddings(inputs_embeds=tokens)


def _weighted(embedded: Tensor, column: Sequence[Chunk], emphasis: str) -> Tensor:
    if emphasis not in ("Original", "No norm"):
        return embedded
    rows = [tuple(chunk.weights) for chunk in column]
    weighted = embedded * torch.tensor(rows, dtype=torch.float32, device=embedded.device)[..., None]
    if emphasis == "No norm":
        return weighted
    return weighted * (embedded.mean() / weighted.mean())
