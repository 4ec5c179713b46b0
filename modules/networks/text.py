"""From token chunks to the numbers that the U-Net's cross attention reads.

Clip skip and emphasis follow A1111 (numerics: encoding and emphasis). Knows token ids and
weights, no words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from transformers import CLIPTextModel

EMPHASIS_MODES = ("Original", "No norm", "Ignore", "None")


class Chunk(Protocol):
    """75 tokens between their begin and end marks, 77 in all, each with its weight."""

    @property
    def ids(self) -> Sequence[int]: ...

    @property
    def weights(self) -> Sequence[float]: ...


def encode(
    encoder: CLIPTextModel,
    chunk_rows: Sequence[Sequence[Chunk]],
    *,
    clip_skip: int = 1,
    emphasis: str = "Original",
) -> Tensor:
    """Embeddings (rows, 77 * chunks, width) fp32 of texts that have equally many chunks.

    `clip_skip` N uses the output of the Nth layer from the end. Emphasis "Original" scales a
    chunk back to the mean it had before weighting, taken over all rows of this call.
    """
    assert emphasis in EMPHASIS_MODES, emphasis
    counts = {len(row) for row in chunk_rows}
    assert len(counts) == 1 and 0 not in counts, f"rows must have the same chunks, not {counts}"
    device = encoder.final_layer_norm.weight.device
    pieces = []
    for column in zip(*chunk_rows, strict=True):
        ids = torch.tensor([chunk.ids for chunk in column], dtype=torch.long, device=device)
        embedded = hidden_states(encoder, ids, clip_skip=clip_skip).to(torch.float32)
        if emphasis in ("Original", "No norm"):
            rows = [tuple(chunk.weights) for chunk in column]
            weights = torch.tensor(rows, dtype=torch.float32, device=device)
            embedded = _weighted(embedded, weights[..., None], restore=emphasis == "Original")
        pieces.append(embedded)
    return torch.cat(pieces, dim=1)


def hidden_states(encoder: CLIPTextModel, ids: Tensor, *, clip_skip: int = 1) -> Tensor:
    """The chosen layer's output after the final norm, (B, T, width), for ids (B, T).

    Layers above the chosen one are not run.
    """
    layers = encoder.encoder.layers
    hidden = encoder.embeddings(input_ids=ids)
    for layer in layers[: max(0, len(layers) - (clip_skip - 1))]:
        hidden = layer(hidden, attention_mask=None, is_causal=True)
    return encoder.final_layer_norm(hidden)


def _weighted(embedded: Tensor, weights: Tensor, *, restore: bool) -> Tensor:
    if not restore:
        return embedded * weights
    before = embedded.mean()
    embedded = embedded * weights
    return embedded * (before / embedded.mean())
