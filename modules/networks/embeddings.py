"""Textual inversions as tensors, from every format that they come in (A1111 numerics: textual
inversion).

An embedding is one table of vectors for each of a model's text encoders. Which names a prompt
holds, and where the vectors stand, is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from modules.errors import CheckpointError
from modules.library.network_words import IMAGES
from modules.networks.weights import is_pickle, read_pickle, read_state
from modules.pictures.embedded import read_embedded

SDXL_PARTS = ("clip_l", "clip_g")
BUNDLE = "bundle_emb."
_PICKLED = "string_to_param"


@dataclass(frozen=True, eq=False)
class Embedding:
    """parts: a (V, width) tensor for each text encoder, fp32 on the CPU."""

    name: str
    parts: tuple[Tensor, ...]

    @property
    def vectors(self) -> int:
        return len(self.parts[0])

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(part.shape[1] for part in self.parts)

    def fits(self, widths: Sequence[int]) -> bool:
        """Whether it was made for text encoders of these widths."""
        return self.widths == tuple(widths)


def read_embedding(path: Path, name: str) -> Embedding:
    """The embedding in a `.pt`, `.bin`, `.safetensors` or picture file.

    CheckpointError where it holds none or can't be read.
    """
    if path.suffix.lower() in IMAGES:
        content = _from_json(read_embedded(path) or {})
    elif _is_pickle(path):
        content = read_pickle(path)
    else:
        content = dict(read_state(path))
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path.name} holds a {type(content).__name__}, no embedding")
    try:
        return Embedding(name, _parts(content))
    except ValueError as error:
        raise CheckpointError(f"{path.name} is no embedding: {error}") from error


def bundled(tensors: Mapping[str, Any]) -> list[Embedding]:
    """The embeddings that a LoRA's file brings along (`bundle_emb.NAME.…`); what is none of them is
    passed over.
    """
    groups: dict[str, dict[str, Tensor]] = {}
    for key in tensors:
        if key.startswith(BUNDLE):
            name, _, part = key.removeprefix(BUNDLE).partition(".")
            groups.setdefault(name, {})[part] = tensors[key]
    found = []
    for name, group in groups.items():
        try:
            found.append(Embedding(name, _parts(group)))
        except ValueError:
            continue
    return found


def _is_pickle(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_pickle(file.read(9))
    except OSError as error:
        raise CheckpointError(f"{path.name} can't be read: {error.strerror or error}") from error


def _parts(content: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """ValueError where it is not clear which tensor is meant."""
    inner = content.get(_PICKLED)
    tables = inner if isinstance(inner, Mapping) else content
    if all(isinstance(tables.get(part), Tensor) for part in SDXL_PARTS):
        parts = tuple(_rows(tables[part]) for part in SDXL_PARTS)
        if len(parts[0]) != len(parts[1]):
            raise ValueError(f"its parts have {len(parts[0])} and {len(parts[1])} vectors")
        return parts
    return (_rows(_single(tables.values())),)


def _single(values: Iterable[Any]) -> Tensor:
    tensors = [value for value in values if isinstance(value, Tensor)]
    if len(tensors) != 1:
        raise ValueError(f"it has {len(tensors)} tensors instead of one")
    return tensors[0]


def _rows(tensor: Tensor) -> Tensor:
    """(V, width) fp32."""
    table = tensor.detach().to(torch.float32)
    if table.ndim == 1:
        table = table[None]
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(f"its tensor has the shape {tuple(tensor.shape)}")
    return table


def _from_json(value: Any) -> Any:
    """The values with {"TORCHTENSOR": nested lists} as tensors."""
    if not isinstance(value, dict):
        return value
    if "TORCHTENSOR" in value:
        try:
            return torch.tensor(value["TORCHTENSOR"], dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError):
            return None
    return {key: _from_json(inner) for key, inner in value.items()}
