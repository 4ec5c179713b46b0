"""CLIP's tokenizer, and prompts cut into chunks of 75 tokens. The page's counter and the engine use
the same.

Rules: A1111 numerics, tokens and chunks, textual inversion. It is handed the vocabulary and the
names of embeddings; text encoders and files are not known here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from modules.generation.prompt import (
    Segment,
    extra_networks,
    parse_attention,
    prompt_schedule,
    split_and,
    strip_comments,
)

CHUNK = 75  # tokens between the two special ones
START = "<|startoftext|>"
END = "<|endoftext|>"
_EMBEDDED = 0  # the token number that stands where an embedding's vectors come
_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"""


class Tokenizer:
    """CLIP's byte-pair encoding. Lower-cases and joins whitespace, as it was trained."""

    def __init__(self, vocab_text: str, merges_text: str) -> None:
        # Here, as the web process does without until somebody asks for a count.
        import tokenizers
        from tokenizers import Regex, models, normalizers, pre_tokenizers

        vocabulary: dict[str, int] = json.loads(vocab_text)
        merges = [
            (pair[0], pair[1])
            for line in merges_text.splitlines()
            if not line.startswith("#version") and len(pair := line.split(" ")) == 2
        ]
        backend = tokenizers.Tokenizer(
            models.BPE(
                vocabulary,
                merges,
                unk_token=END,
                continuing_subword_prefix="",
                end_of_word_suffix="</w>",
                fuse_unk=False,
            )
        )
        backend.normalizer = normalizers.Sequence(
            [
                normalizers.NFC(),
                normalizers.Replace(Regex(r"\s+"), " "),
                normalizers.Lowercase(),
            ]
        )
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        backend.add_special_tokens([START, END])
        self._backend = backend
        self.start_id = vocabulary[START]
        self.end_id = vocabulary[END]
        self.comma_id = vocabulary[",</w>"]

    def ids(self, text: str) -> list[int]:
        """Token numbers of the text alone, however many."""
        return self._backend.encode(text, add_special_tokens=False).ids

    def token(self, number: int) -> str:
        """The token of that number, as the vocabulary writes it."""
        return self._backend.id_to_token(number) or ""


def load_tokenizer(configs_dir: Path) -> Tokenizer:
    """The tokenizer that ships in `configs_dir`/clip. Takes a tenth of a second: keep it."""
    folder = configs_dir / "clip"
    return Tokenizer(
        (folder / "vocab.json").read_text(encoding="utf-8"),
        (folder / "merges.txt").read_text(encoding="utf-8"),
    )


def _usable(_: str) -> int:
    return 1


class EmbeddingNames:
    """Textual inversions' names, found among a text's tokens: so letter case does not count.

    `vectors(name)` tells how many tokens' places an embedding takes; 0: it can't be used, and its
    name is a word like any other. It is asked only for names that a text holds.
    """

    def __init__(
        self, names: Iterable[str], tokenizer: Tokenizer, vectors: Callable[[str], int] = _usable
    ) -> None:
        self._vectors = vectors
        self._by_first: dict[int, list[tuple[list[int], str]]] = {}
        self._add(names, tokenizer)

    def _add(self, names: Iterable[str], tokenizer: Tokenizer) -> None:
        """Before those that are there, the longest first."""
        fresh: dict[int, list[tuple[list[int], str]]] = {}
        for name in names:
            if ids := tokenizer.ids(name):
                fresh.setdefault(ids[0], []).append((ids, name))
        for first, rows in fresh.items():
            # A new list: the old one may belong to another table too.
            rows = [*rows, *self._by_first.get(first, ())]
            self._by_first[first] = sorted(rows, key=lambda row: -len(row[0]))

    def asking(self, vectors: Callable[[str], int]) -> EmbeddingNames:
        """The same names with another `vectors`."""
        other = copy.copy(self)
        other._vectors = vectors
        return other

    def with_more(self, names: Iterable[str], tokenizer: Tokenizer) -> EmbeddingNames:
        """These names and others, which go before those that are spelled alike."""
        other = copy.copy(self)
        other._by_first = dict(self._by_first)
        other._add(names, tokenizer)
        return other

    def at(self, ids: Sequence[int], place: int) -> tuple[str, int, int] | None:
        """(name, tokens of the name, vectors) of the longest name that begins at `place`."""
        for wanted, name in self._by_first.get(ids[place], ()):
            if list(ids[place : place + len(wanted)]) == wanted:
                vectors = self._vectors(name)
                if vectors:
                    return name, len(wanted), vectors
        return None


@dataclass(frozen=True)
class Chunk:
    """77 token numbers (start, 75, end) with the weight of each.

    `placements`: from which of the 77 on an embedding's vectors stand, and its name.
    """

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    placements: tuple[tuple[int, str], ...] = ()


def chunk_of(
    tokenizer: Tokenizer,
    ids: Sequence[int],
    weights: Sequence[float],
    placements: Sequence[tuple[int, str]] = (),
) -> Chunk:
    """One chunk of at most 75 tokens with their weights, padded with end marks."""
    room = CHUNK - len(ids)
    assert room >= 0 and len(ids) == len(weights)
    return Chunk(
        (tokenizer.start_id, *ids, *[tokenizer.end_id] * (room + 1)),
        (1.0, *weights, *[1.0] * (room + 1)),
        tuple(placements),
    )


def empty_chunk(tokenizer: Tokenizer) -> Chunk:
    """What a shorter prompt is filled up with."""
    return chunk_of(tokenizer, (), ())


class _Cutter:
    """The chunk being filled, and those that are full."""

    def __init__(self, tokenizer: Tokenizer, comma_backtrack: int) -> None:
        self.tokenizer = tokenizer
        self.backtrack = comma_backtrack
        self.chunks: list[Chunk] = []
        self.ids: list[int] = []
        self.weights: list[float] = []
        self.placements: list[tuple[int, str]] = []
        self.last_comma: int | None = None

    def flush(self) -> None:
        self.chunks.append(chunk_of(self.tokenizer, self.ids, self.weights, self.placements))
        self.ids, self.weights, self.placements, self.last_comma = [], [], [], None

    def add(self, token: int, weight: float) -> None:
        self.make_room(token)
        self.ids.append(token)
        self.weights.append(weight)

    def add_embedding(self, name: str, vectors: int, first: int, weight: float) -> None:
        """`first` is the first token of its name. One that no chunk could hold is cut short."""
        self.make_room(first)
        vectors = min(vectors, CHUNK)
        if len(self.ids) + vectors > CHUNK:
            self.flush()
        self.placements.append((len(self.ids) + 1, name))
        self.ids += [_EMBEDDED] * vectors
        self.weights += [weight] * vectors

    def make_room(self, token: int) -> None:
        full = len(self.ids) == CHUNK
        if token == self.tokenizer.comma_id:
            self.last_comma = len(self.ids)
        elif full and self.backtrack and self.last_comma is not None:
            if CHUNK - self.last_comma <= self.backtrack:
                self.cut_after(self.last_comma + 1)
        if len(self.ids) == CHUNK:
            self.flush()

    def cut_after(self, place: int) -> None:
        """Carry what follows `place` over to the next chunk; but embeddings' vectors stay, as they
        do in the original: pictures made with it depend on that.
        """
        ids, weights = self.ids[place:], self.weights[place:]
        self.ids, self.weights = self.ids[:place], self.weights[:place]
        self.flush()
        self.ids, self.weights = ids, weights


def _cut(
    segments: Sequence[Segment],
    tokenizer: Tokenizer,
    comma_backtrack: int,
    embeddings: EmbeddingNames | None = None,
) -> _Cutter:
    cutter = _Cutter(tokenizer, comma_backtrack)
    for segment in segments:
        if segment.is_break:
            cutter.flush()
            continue
        ids = tokenizer.ids(segment.text)
        place = 0
        while place < len(ids):
            found = embeddings.at(ids, place) if embeddings else None
            if found is None:
                cutter.add(ids[place], segment.weight)
                place += 1
            else:
                name, length, vectors = found
                cutter.add_embedding(name, vectors, ids[place], segment.weight)
                place += length
    return cutter


def chunk(
    segments: Sequence[Segment],
    tokenizer: Tokenizer,
    comma_backtrack: int = 20,
    embeddings: EmbeddingNames | None = None,
) -> list[Chunk]:
    """The segments' tokens in chunks, at least one; names of `embeddings` become placements.

    Text that does not fit moves to the next chunk from its last comma on, where that is at most
    `comma_backtrack` tokens back (0: never). Each segment is tokenized by itself.
    """
    cutter = _cut(segments, tokenizer, comma_backtrack, embeddings)
    if cutter.ids or not cutter.chunks:
        cutter.flush()
    return cutter.chunks


def segments_of(text: str, emphasis: str = "Original") -> list[Segment]:
    """The text's segments in this emphasis mode; "None" reads no brackets."""
    return [Segment(text)] if emphasis == "None" else parse_attention(text)


def fill_up(rows: Sequence[list[Chunk]], tokenizer: Tokenizer) -> list[list[Chunk]]:
    """The rows of chunks, the shorter ones filled up to the longest with empty chunks."""
    longest = max(map(len, rows), default=0)
    return [row + [empty_chunk(tokenizer)] * (longest - len(row)) for row in rows]


def count(
    text: str,
    tokenizer: Tokenizer,
    *,
    steps: int = 20,
    comments: bool = True,
    emphasis: str = "Original",
    comma_backtrack: int = 20,
    embeddings: EmbeddingNames | None = None,
) -> tuple[int, int]:
    """Tokens of the prompt's longest variant, and the limit up to which no chunk is added.

    `comments`: whether # begins one. Extra-network tags do not count, an embedding's name as many
    as it has vectors.
    """
    clean, _ = extra_networks(strip_comments(text) if comments else text)
    most = 0
    for part, _ in split_and(clean):
        for variant in dict.fromkeys(text for _, text in prompt_schedule(part, steps)):
            segments = segments_of(variant, emphasis)
            cutter = _cut(segments, tokenizer, comma_backtrack, embeddings)
            most = max(most, CHUNK * len(cutter.chunks) + len(cutter.ids))
    return most, -(-max(most, 1) // CHUNK) * CHUNK
