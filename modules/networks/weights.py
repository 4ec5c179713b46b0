"""Weights files as mappings from tensor names to tensors, read so that no file can run code.

safetensors files are memory-mapped: a tensor's bytes are fetched when it is asked for. `.ckpt`,
`.pt` and `.bin` files are pickles, read by torch's weights-only unpickler; the harmless objects
that old training programs left in them become inert placeholders, any other global is refused.
What a file is, is decided by its first bytes, not by its ending. Knows nothing of what the
tensors mean.
"""

from __future__ import annotations

import pickle
import re
import struct
import warnings
from collections.abc import Callable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from modules.errors import CheckpointError
from modules.library.metadata import read_header

_DAMAGED = "it is damaged or cut off; download it again"
_BYTES_PER_VALUE = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
    **dict.fromkeys(("I32", "U32", "F32"), 4),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 8),
}
_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
# First bytes of things that people have in their models folder by mistake.
_MISTAKES: tuple[tuple[bytes, str], ...] = (
    (
        b"version https://git-lfs",
        "is a Git LFS pointer, not the weights: fetch it with git lfs pull",
    ),
    (b"<", "is a web page, not weights: the download needed a log-in or failed; download it again"),
    (b'{"', "is a text file, not weights: download the file itself"),
    (b"GGUF", "is a GGUF file, a format that this version does not read; use safetensors"),
)
# Classes that training programs left in old checkpoints. Their objects are dropped, never made.
_HARMLESS = re.compile(
    r"(pytorch_lightning|lightning|lightning_fabric|lightning_utilities|omegaconf|ldm|numpy)\..+"
    r"|_codecs\.encode|argparse\.Namespace|typing\.Any|pathlib\.\w+Path"
    r"|collections\.(defaultdict|deque)|(builtins\.)?(set|frozenset|slice|complex|bytearray)"
)
_GLOBAL_IN_MESSAGE = re.compile(r"GLOBAL (\S+) (?:was|whose)")
# What a broken or hostile pickle can make the unpickler raise.
_UNREADABLE = (
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    AssertionError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    MemoryError,
    struct.error,
    pickle.UnpicklingError,
)


class State(Mapping[str, Tensor]):
    """The tensors of one file, on the CPU in the file's own dtype, fetched when asked for.

    `metadata` is the safetensors header's `__metadata__` ({} for pickles). A tensor may share
    memory with the file's mapping: do not write to it.
    """

    def __init__(
        self,
        path: Path,
        shapes: dict[str, tuple[int, ...]],
        read: Callable[[str], Tensor],
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.metadata = dict(metadata or {})
        self._shapes = shapes
        self._read = read

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor's shape; reads no tensor."""
        return dict(self._shapes)

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._shapes:
            raise KeyError(name)
        return self._read(name)

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


Read = Callable[[Path], State]  # as `read_state`


def is_pickle(start: bytes) -> bool:
    """Whether a file that begins with these bytes (9 or more) is a torch pickle."""
    # A safetensors file begins with its header's length, which can begin as a pickle does.
    return start.startswith((b"PK\x03\x04", b"\x80")) and start[8:9] != b"{"


def read_state(path: Path, *, mapped: bool = True) -> State:
    """The tensors of a `.safetensors`, `.ckpt`, `.pt` or `.bin` file. `mapped` False: those of a
    `.safetensors` file are read one after the other, in large parts, instead of by its mapping.

    CheckpointError where the file is missing, damaged, no weights file, or a pickle that names
    anything but tensors.
    """
    try:
        with path.open("rb") as file:
            start = file.read(32)
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror or error}") from error
    if not start:
        raise CheckpointError(f"{path.name} is empty; download it again")
    for beginning, what in _MISTAKES:
        if start.lstrip().startswith(beginning):
            raise CheckpointError(f"{path.name} {what}")
    if is_pickle(start):
        return _read_pickle(path)
    if start[8:9] == b"{" or path.suffix.lower() == ".safetensors":
        return _read_safetensors(path, mapped=mapped)
    raise CheckpointError(
        f"{path.name} is neither a safetensors file nor a torch pickle: {_DAMAGED}"
    )


def _read_safetensors(path: Path, *, mapped: bool) -> State:
    header = read_header(path)
    metadata = header.pop("__metadata__", None)
    shapes = _checked_shapes(path, header)
    try:
        file = safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path.name} can't be opened ({error}): {_DAMAGED}") from error

    def read(name: str) -> Tensor:
        try:
            if mapped or header[name]["dtype"] not in _DTYPES:
                return file.get_tensor(name)
            return _read_tensor(path, header[name])
        except (SafetensorError, AttributeError, ValueError, RuntimeError, OSError) as error:
            raise CheckpointError(f"{path.name}: tensor {name} can't be read ({error})") from error

    texts = metadata if isinstance(metadata, Mapping) else {}
    return State(path, shapes, read, {k: v for k, v in texts.items() if isinstance(v, str)})


def _read_tensor(path: Path, entry: Mapping[str, Any]) -> Tensor:
    """By the header's `entry`, which fits the file."""
    begin, end = entry["data_offsets"]
    if begin == end:
        return torch.empty(entry["shape"], dtype=_DTYPES[entry["dtype"]])
    place = bytearray(end - begin)
    with path.open("rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
        file.seek(8 + header_bytes + begin)
        if file.readinto(place) != len(place):
            raise OSError("the file has become shorter")
    return torch.frombuffer(place, dtype=_DTYPES[entry["dtype"]]).reshape(entry["shape"])


def _checked_shapes(path: Path, header: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Every tensor's shape, after the table was found to cover the file's bytes exactly once."""
    spans: list[tuple[int, int, str]] = []
    shapes: dict[str, tuple[int, ...]] = {}
    for name, entry in header.items():
        try:
            dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
            whole = all(isinstance(n, int) and n >= 0 for n in (*shape, begin, end))
        except (TypeError, KeyError, ValueError) as error:
            raise CheckpointError(
                f"{path.name}: tensor {name} is not described: {_DAMAGED}"
            ) from error
        size = _BYTES_PER_VALUE.get(dtype) if isinstance(dtype, str) else None
        if not whole or end < begin or (size and end - begin != size * prod(shape)):
            raise CheckpointError(
                f"{path.name}: tensor {name} does not fit its place in the file: {_DAMAGED}"
            )
        spans.append((begin, end, name))
        shapes[name] = tuple(shape)
    if not spans:
        raise CheckpointError(f"{path.name} holds no tensors: {_DAMAGED}")
    position = 0
    for begin, end, name in sorted(spans):
        if begin != position:
            wrong = "overlaps another" if begin < position else "leaves a hole before it"
            raise CheckpointError(f"{path.name}: tensor {name} {wrong}: {_DAMAGED}")
        position = end
    _check_length(path, position)
    return shapes


def _check_length(path: Path, tensor_bytes: int) -> None:
    with path.open("rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
    expected, found = 8 + header_bytes + tensor_bytes, path.stat().st_size
    if found < expected:
        raise CheckpointError(
            f"{path.name} is cut off: {found} of {expected} bytes are there; download it again"
        )
    if found > expected:
        raise CheckpointError(f"{path.name} is {found - expected} bytes too long: {_DAMAGED}")


class _Placeholder:
    """Stands for an object of a harmless class: swallows whatever it is built from."""

    __slots__ = ()

    def __new__(cls, *_: object, **__: object) -> _Placeholder:
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None:
        """Nothing of the object's contents is kept."""


class _ParameterDict(dict[str, Any]):
    """Stands for torch's class of that name: the tensors alone, none of its module's machinery."""

    def __setstate__(self, state: object) -> None:
        if isinstance(state, Mapping) and isinstance(state.get("_parameters"), Mapping):
            self.update(state["_parameters"])


def read_pickle(path: Path) -> Any:
    """What a torch pickle holds: plain values, tensors, and placeholders for harmless classes.

    CheckpointError where it can't be read, or names anything that could run code.
    """
    try:
        return _unpickled(path)
    except OSError as error:
        raise CheckpointError(f"{path.name} can't be read: {error.strerror or error}") from error


def _read_pickle(path: Path) -> State:
    content = _unpickled(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path.name} holds a {type(content).__name__}, not named tensors")
    tensors = {
        name: value.detach()
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
    if not tensors:
        raise CheckpointError(f"{path.name} holds no named tensors, so it is no checkpoint")
    return State(path, {n: tuple(t.shape) for n, t in tensors.items()}, tensors.__getitem__)


def _load(path: Path) -> Any:
    """torch's weights-only reading, memory-mapped where the format allows it."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
        if zipped and path.suffix.lower() != ".safetensors":
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        file.seek(0)  # by name torch would take the ending for the format
        return torch.load(file, map_location="cpu", weights_only=True)


def _unpickled(path: Path) -> Any:
    """What the pickle holds, harmless foreign classes as placeholders.

    The loader stops at the first unknown global and names it; harmless ones are added to the
    placeholders and the reading begins anew. With memory mapping a beginning costs little.
    """
    placeholders: list[Any] = [  # (class, global name)
        (_ParameterDict, "torch.nn.modules.container.ParameterDict")
    ]
    while True:
        try:
            with warnings.catch_warnings(), torch.serialization.safe_globals(placeholders):
                warnings.simplefilter("ignore")
                return _load(path)
        except _UNREADABLE as error:
            found = _GLOBAL_IN_MESSAGE.search(str(error))
            if found is None:
                raise CheckpointError(
                    f"{path.name} can't be read as a checkpoint: {_DAMAGED}"
                ) from error
            name = found.group(1)
            if name in (known for _, known in placeholders) or not _HARMLESS.fullmatch(name):
                raise CheckpointError(
                    f"{path.name} is not safe: besides tensors it asks for {name}, which could run"
                    " code, so it was not loaded. Use a .safetensors version of this file"
                ) from error
            placeholders.append((_Placeholder, name))
