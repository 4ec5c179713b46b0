"""What files of LoRAs and textual inversions say of themselves, read without their tensors.

From safetensors headers, from the outline of a pickle (which is walked without running anything),
and from pictures that carry an embedding. Knows no folders and no list of files.
"""

from __future__ import annotations

import json
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.errors import CheckpointError
from modules.library.metadata import header_metadata, read_header
from modules.pictures.embedded import read_embedded

IMAGES = (".png", ".webp", ".jxl", ".avif")
_MAX_OUTLINE = 64 << 20  # bytes of a pickle that are walked
# Names that many files carry in their header and that so name none of them.
_NO_ALIAS = {"none", "addams"}
_PARTS = ("clip_l", "clip_g")


def lora_words(path: Path) -> dict[str, Any]:
    """alias ("" where it says none), base (what it was trained on), sum (12 digits that its maker
    worked out).
    """
    metadata = header_metadata(path)
    alias = metadata.get("ss_output_name", "")
    return {
        "alias": "" if alias.lower() in _NO_ALIAS else alias,
        "base": metadata.get("modelspec.architecture")
        or metadata.get("ss_base_model_version")
        or "",
        "sum": metadata.get("sshs_model_hash", "")[:12],
    }


def embedding_words(path: Path) -> dict[str, Any]:
    """name ("" means the file's stem), shape (vectors, width), step, sd_checkpoint,
    sd_checkpoint_name; {} where the file holds no embedding.
    """
    if path.suffix.lower() in IMAGES:
        content: object = read_embedded(path)
    elif _is_safetensors(path):  # whatever the file is called
        content = _shapes_of_header(path)
    else:
        content = _outline(path)
    if not isinstance(content, Mapping):
        return {}
    shape = _shape(content)
    if shape is None:
        return {}
    words: dict[str, Any] = {"shape": list(shape)}
    for key, kind in (("name", str), ("step", int), ("sd_checkpoint", str)):
        if isinstance(content.get(key), kind):
            words[key] = content[key]
    if isinstance(content.get("sd_checkpoint_name"), str):
        words["sd_checkpoint_name"] = content["sd_checkpoint_name"]
    if path.suffix.lower() not in IMAGES:
        words.pop("name", None)  # the file's own name counts
    return words


def pickled_names(path: Path) -> list[str]:
    """Names of a pickle's tensors, as its outline has them; [] where it can't be read."""
    content = _outline(path)
    if isinstance(content, Mapping) and isinstance(inner := content.get("state_dict"), Mapping):
        content = inner
    if not isinstance(content, Mapping):
        return []
    return [str(key) for key, value in content.items() if isinstance(value, _Shaped)]


def file_metadata(path: Path) -> dict[str, Any]:
    """The safetensors header's texts, those that hold JSON parsed, without the thumbnail (A1111
    numerics: hashes and names).
    """
    found: dict[str, Any] = {}
    for key, text in header_metadata(path).items():
        if key == "modelspec.thumbnail":
            continue
        found[key] = text
        if text.startswith("{"):
            try:
                found[key] = json.loads(text)
            except (ValueError, RecursionError):
                continue
    return found


# ---- shapes of embeddings


class _Shaped(tuple[int, ...]):
    """Stands for a tensor: its shape."""


def _shape(content: Mapping[Any, Any]) -> tuple[int, int] | None:
    """(vectors, width); of an SDXL embedding both parts' widths together."""
    if isinstance(inner := content.get("string_to_param"), Mapping):
        content = inner
    both = [_rows(content.get(part)) for part in _PARTS]
    if both[0] and both[1]:
        return both[0][0], both[0][1] + both[1][1]
    shapes = [rows for value in content.values() if (rows := _rows(value))]
    return shapes[0] if len(shapes) == 1 else None


def _rows(value: object) -> tuple[int, int] | None:
    if isinstance(value, Mapping):  # of a picture: nested lists
        value = value.get("TORCHTENSOR")
        sizes: list[int] = []
        while isinstance(value, list) and value and len(sizes) < 3:
            sizes.append(len(value))
            value = value[0]
        value = _Shaped(sizes)
    if not isinstance(value, _Shaped) or len(value) not in (1, 2):
        return None
    return (1, value[0]) if len(value) == 1 else (value[0], value[1])


def _is_safetensors(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(9)[8:] == b"{"
    except OSError:
        return False


def _shapes_of_header(path: Path) -> dict[str, object] | None:
    try:
        header = read_header(path)
    except CheckpointError:
        return None
    shapes: dict[str, object] = {}
    for name, entry in header.items():
        shape = entry.get("shape") if isinstance(entry, Mapping) else None
        if name != "__metadata__" and isinstance(shape, list):
            shapes[name] = _Shaped(shape)
    return shapes


# ---- a pickle's outline

# What a broken or hostile pickle can raise.
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    zipfile.BadZipFile,
    pickle.UnpicklingError,
)


class _Inert:
    """Stands for whatever a pickle names: keeps nothing and does nothing."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...

    def __call__(self, *_: object, **__: object) -> _Inert:
        return self


class _Parameters(dict[Any, Any]):
    """Stands for torch's ParameterDict, in which old embeddings keep their tensor."""

    def __setstate__(self, state: object) -> None:
        if isinstance(state, Mapping) and isinstance(state.get("_parameters"), Mapping):
            self.update(state["_parameters"])


class _Tensor(_Inert):
    """Called as torch's function that makes a tensor, it gives the shape. No function of ours
    stands here: a pickle could write into its attributes.
    """

    def __new__(cls, _storage: object, _offset: object, size: object, *_: object) -> Any:
        if not isinstance(size, tuple) or not all(isinstance(n, int) for n in size):
            raise pickle.UnpicklingError("a tensor without a size")
        return _Shaped(size)


class _Parameter(_Inert):
    def __new__(cls, tensor: object, *_: object) -> Any:
        return tensor


_STAND_INS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): dict,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch._utils", "_rebuild_parameter"): _Parameter,
    ("torch.nn.modules.container", "ParameterDict"): _Parameters,
}


class _Outline(pickle.Unpickler):
    """Reads a pickle's plain values and its tensors' shapes; nothing that it names is looked up."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        return _STAND_INS.get((module_name, global_name), _Inert)

    def persistent_load(self, pid: Any, /) -> Any:
        return None


def _outline(path: Path) -> object:
    try:
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                with zipfile.ZipFile(path) as archive:
                    names = [n for n in archive.namelist() if n.endswith("/data.pkl")]
                    if not names or archive.getinfo(names[0]).file_size > _MAX_OUTLINE:
                        return None
                    with archive.open(names[0]) as inner:
                        return _Outline(inner).load()
            file.seek(0)  # torch's old format: a number, a version and a description come first
            for _ in range(3):
                _Outline(file).load()
            return _Outline(file).load()
    except _UNREADABLE:
        return None
