"""Emphasis as the first versions had it: brackets weigh by being tokens, and no number is read.

One chunk of 75 tokens, the rest is cut off. Only for pictures of that time (A1111 numerics,
attention parse: old emphasis implementation).
"""

from __future__ import annotations

from modules.generation.emphasis import ROUND
from modules.generation.tokens import CHUNK, Chunk, EmbeddingNames, Tokenizer, chunk_of

_FACTORS = {"(": ROUND, "]": ROUND, ")": 1 / ROUND, "[": 1 / ROUND}


def old_chunk(text: str, tokenizer: Tokenizer, embeddings: EmbeddingNames | None = None) -> Chunk:
    """The text's one chunk. A token that holds brackets changes the weight of what follows it, and
    is left out itself.
    """
    ids: list[int] = []
    weights: list[float] = []
    placements: list[tuple[int, str]] = []
    weight = 1.0
    tokens = tokenizer.ids(text)
    place = 0
    while place < len(tokens):
        found = embeddings.at(tokens, place) if embeddings else None
        brackets = [sign for sign in tokenizer.token(tokens[place]) if sign in _FACTORS]
        if found is not None:
            name, length, vectors = found
            placements.append((len(ids) + 1, name))
            ids += [0] * vectors
            weights += [weight] * vectors
            place += length
            continue
        for sign in brackets:
            weight *= _FACTORS[sign]
        if not brackets:
            ids.append(tokens[place])
            weights.append(weight)
        place += 1
    kept = [(at, name) for at, name in placements if at <= CHUNK]
    return chunk_of(tokenizer, ids[:CHUNK], weights[:CHUNK], kept)
