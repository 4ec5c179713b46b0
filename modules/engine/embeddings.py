"""Textual inversions for prompts of one model: which names count, their vectors, which were used.

Joins the files' list, the tokenizer's table of names and the reader of tensors. What has been read
once is kept for as long as its file stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

from torch import Tensor

from modules.errors import CheckpointError
from modules.generation.tokens import EmbeddingNames, Tokenizer
from modules.library.networks import NetworkFile, NetworkFiles
from modules.networks.embeddings import BUNDLE, Embedding, bundled, read_embedding
from modules.networks.weights import read_state

Lacks = Callable[[str, str], None]  # hears a name, and why its file can't be used


class EmbeddingShelf:
    """The embeddings' files as tensors, and their names as tokens; lasts from job to job."""

    def __init__(self, files: NetworkFiles, tokenizer: Tokenizer) -> None:
        self.files = files
        self._tokenizer = tokenizer
        self._listed: Sequence[NetworkFile] | None = None
        self._names = EmbeddingNames((), tokenizer)
        self._read: dict[NetworkFile, Embedding | CheckpointError] = {}
        self._bundles: dict[NetworkFile, tuple[Embedding, ...]] = {}

    def names(self, more: Iterable[str]) -> EmbeddingNames:
        """Of all files as they lie there now, and `more`."""
        self.files.update("embedding")
        listed = self.files.list("embedding")
        if listed is not self._listed:
            self._names = EmbeddingNames((file.name for file in listed), self._tokenizer)
            self._listed = listed
            known = set(listed)
            self._read = {file: read for file, read in self._read.items() if file in known}
        return self._names.with_more(more, self._tokenizer)

    def read(self, file: NetworkFile) -> Embedding:
        """CheckpointError where it can't be read."""
        if file not in self._read:
            try:
                self._read[file] = read_embedding(file.path, file.name)
            except CheckpointError as error:
                self._read[file] = error
        found = self._read[file]
        if isinstance(found, CheckpointError):
            raise found
        return found

    def bundles(self, lora: NetworkFile) -> tuple[Embedding, ...]:
        """What a LoRA's file brings along; nothing where it can't be read."""
        if lora not in self._bundles:
            try:
                state = read_state(lora.path)
                has_any = any(key.startswith(BUNDLE) for key in state)
                self._bundles[lora] = tuple(bundled(state)) if has_any else ()
            except CheckpointError:
                self._bundles[lora] = ()
        return self._bundles[lora]


class Embeddings:
    """Those that one model's prompts may name, with `brought` ones of LoRAs that are on it.

    What a name meant once it means to the end. `lacks(name, why)` hears of an embedding that a
    prompt names and that can't be used.
    """

    def __init__(
        self,
        shelf: EmbeddingShelf,
        widths: Sequence[int],
        brought: Sequence[Embedding] = (),
        *,
        lacks: Lacks,
    ) -> None:
        self._lacks = lacks
        self._files: dict[str, NetworkFile] = {}
        self._used: dict[str, NetworkFile | None] = {}  # None: it was brought
        self._shelf = shelf
        self._widths = tuple(widths)
        fitting = {each.name: each for each in brought if each.fits(widths)}
        self._found: dict[str, Embedding | None] = dict(fitting)
        self.names = shelf.names(fitting).asking(self._vectors)

    def tensors(self, names: Iterable[str]) -> dict[str, tuple[Tensor, ...]]:
        """A (V, width) tensor for each text encoder, by name; notes the names as used."""
        found: dict[str, tuple[Tensor, ...]] = {}
        for name in names:
            embedding = self._find(name)
            assert embedding is not None, f"{name} was placed and is not there"
            self._used[name] = self._files.get(name)
            found[name] = embedding.parts
        return found

    def hashes(self) -> dict[str, Future[str | None]]:
        """By name, the short hashes of those used so far that have files of their own."""
        files = self._shelf.files
        return {name: files.hash(file) for name, file in self._used.items() if file is not None}

    def _vectors(self, name: str) -> int:
        embedding = self._find(name)
        return embedding.vectors if embedding else 0

    def _find(self, name: str) -> Embedding | None:
        if name not in self._found:
            self._found[name] = self._look_up(name)
        return self._found[name]

    def _look_up(self, name: str) -> Embedding | None:
        file = self._shelf.files.find_now("embedding", name)
        if file is None:
            return None
        self._files[name] = file
        try:
            embedding = self._shelf.read(file) if file.width == sum(self._widths) else None
        except CheckpointError as error:
            self._lacks(name, f"embedding {name}: {error.message}")
            return None
        if embedding is None or not embedding.fits(self._widths):
            self._lacks(
                name,
                f"embedding {name} was made for another family: its vectors have {file.width} "
                f"numbers, this checkpoint's have {' + '.join(map(str, self._widths))}",
            )
            return None
        return embedding
