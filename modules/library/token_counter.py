"""How many tokens a prompt has, with the vectors of the embeddings that lie here.

The page asks at every pause in typing, so the vocabulary and the embeddings' names are kept. Which
checkpoint is loaded is not known here: an embedding of another family counts too.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from modules.generation.tokens import EmbeddingNames, Tokenizer, count, load_tokenizer
from modules.library.networks import NetworkFile, NetworkFiles
from modules.settings import Settings


class TokenCounter:
    """`configs_dir` holds the vocabulary. May be used from several threads."""

    def __init__(self, configs_dir: Path, networks: NetworkFiles) -> None:
        self._configs_dir = configs_dir
        self._networks = networks
        self._known: tuple[Sequence[NetworkFile], EmbeddingNames] | None = None

    def count(self, text: str, settings: Settings) -> tuple[int, int]:
        """Tokens of a prompt, and the limit up to which it needs no further chunk."""
        sd = settings.sd
        return count(
            text,
            self._tokenizer,
            comments=sd.enable_prompt_comments,
            emphasis=sd.emphasis,
            comma_backtrack=sd.comma_padding_backtrack,
            embeddings=self._names(),
        )

    @functools.cached_property
    def _tokenizer(self) -> Tokenizer:
        return load_tokenizer(self._configs_dir)

    def _names(self) -> EmbeddingNames:
        self._networks.update("embedding")
        listed, known = self._networks.list("embedding"), self._known
        if known is None or known[0] is not listed:
            vectors = {file.name: file.vectors for file in listed}
            known = self._known = (
                listed,
                EmbeddingNames(vectors, self._tokenizer, vectors.__getitem__),
            )
        return known[1]
