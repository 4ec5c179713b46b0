"""Chunks of 77 tokens, as the text encoders are given them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    ids: tuple[int, ...]
    weights: tuple[float, ...]
    placements: tuple[tuple[int, str], ...] = ()


def chunk(*ids: int, weight: float = 1.0) -> Chunk:
    """Begin mark, these tokens with that weight, and end marks up to 77."""
    padding = 76 - len(ids)
    return Chunk(
        (49406, *ids, *(49407,) * padding), (1.0, *(weight,) * len(ids), *(1.0,) * padding)
    )
