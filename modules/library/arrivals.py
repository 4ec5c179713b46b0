"""Where a new weights file comes to lie: its name judged, its kind told from its content, room
looked for, and at last its temporary name changed for its own.

Serves files that are sent by a browser and files that are fetched alike. A file that is there is
never overwritten.
"""

from __future__ import annotations

import errno
import filecmp
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from modules.errors import CheckpointError, RequestError, StorageError
from modules.library.folders import ModelFolders
from modules.library.metadata import MAX_HEADER, parsed_header
from modules.library.weights_kind import WORDS, WeightsKind, kind_of_file, kind_of_header
from modules.pictures.files import storage_error

PICKLES = (".ckpt", ".pt", ".bin")
PICKLE_WARNING = (
    "is a pickle, a format in which files of strangers have carried programs; Easel runs none of "
    "it, other programs may: take a .safetensors, or say that you trust the file"
)
RESERVE = 256 * 1024 * 1024  # bytes of the disk that stay free
_UNFIT = re.compile(r'[\x00-\x1f/\\:*?"<>|]')
_LONGEST = 180  # bytes; a temporary ending has room beside it
# Under which endings the lists look for a kind.
_ENDINGS: Mapping[WeightsKind, tuple[str, ...]] = {
    "checkpoint": (".safetensors", ".ckpt"),
    "vae": (".safetensors", ".ckpt", ".pt"),
    "lora": (".safetensors", ".ckpt", ".pt"),
    "embedding": (".safetensors", ".pt", ".bin"),
}


@dataclass(frozen=True)
class Arrived:
    """`is_new` False: the very same file was there already."""

    kind: WeightsKind
    path: Path
    is_new: bool = True


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class Arrivals:
    """`free` (for tests) tells the free bytes of the disk that a folder is on."""

    def __init__(self, folders: ModelFolders, free: Callable[[Path], int] = _free) -> None:
        self._folders = folders
        self._free = free

    def check_name(self, name: str, *, pickles_too: bool) -> None:
        """RequestError where no file may be called so."""
        ending = os.path.splitext(name)[1].lower()
        if not name or _UNFIT.search(name) or name[0] in ". " or name[-1] in ". ":
            raise RequestError(f"{name[:80]!r} is no name for a file", field="name")
        if len(name.encode()) > _LONGEST:
            raise RequestError(f"the name {name[:40]}... is too long", field="name")
        if ending not in (".safetensors", *PICKLES):
            raise RequestError(
                f"{name} is no weights file: its name must end in .safetensors", field="name"
            )
        if ending in PICKLES and not pickles_too:
            raise RequestError(f"{name} {PICKLE_WARNING}", field="pickles")

    def kind_of_head(self, head: bytes, name: str) -> WeightsKind:
        """By the first bytes of a safetensors file, its header whole. CheckpointError."""
        return kind_of_header(parsed_header(head[8:], name), name)

    def part(self, kind: WeightsKind, name: str, ending: str) -> Path:
        """The temporary file, hidden, beside where the file will lie; its folder is made."""
        folder = self._folders.own(kind)
        path = folder / f".{name}{ending}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(path, error) from error
        return path

    def target(self, kind: WeightsKind, name: str) -> Path:
        return self._folders.own(kind) / name

    def check_room(self, folder: Path, size: int) -> None:
        """StorageError where `size` more bytes would fill the disk."""
        free = self._free(folder)
        if size + RESERVE > free:
            raise StorageError(
                f"{in_words(size)} more do not fit on the disk of {folder}, which has "
                f"{in_words(free)} free: make room, and go on"
            )

    def check_free_name(self, kind: WeightsKind, name: str, size: int | None) -> None:
        """RequestError where a file of that name and another size is there."""
        target = self.target(kind, name)
        if target.exists() and target.stat().st_size != size:
            raise _taken(target)

    def finish(self, part: Path, name: str) -> Arrived:
        """The whole file gets its name. CheckpointError where it is no weights file of a known kind
        (it is kept); RequestError where another file has that name.
        """
        kind = kind_of_file(part, name)
        ending = os.path.splitext(name)[1].lower()
        if ending not in _ENDINGS[kind]:
            raise CheckpointError(
                f"{name} is a {WORDS[kind]}, and those end in {' or '.join(_ENDINGS[kind])}: "
                "rename it"
            )
        target = self.target(kind, name)
        try:
            if target.exists():
                if not filecmp.cmp(part, target, shallow=False):
                    raise _taken(target)
                part.unlink()
                return Arrived(kind, target, is_new=False)
            target.parent.mkdir(parents=True, exist_ok=True)
            _move(part, target)
        except OSError as error:
            raise storage_error(target, error) from error
        return Arrived(kind, target)


def head_length(prefix: bytes, name: str) -> int:
    """Bytes of a safetensors file up to its first tensor, by its first eight. CheckpointError."""
    length = int.from_bytes(prefix[:8], "little")
    if len(prefix) < 8 or not 2 <= length <= MAX_HEADER:
        raise CheckpointError(f"{name} is no safetensors file: its beginning is of another kind")
    return 8 + length


def in_words(size: int) -> str:
    """4.3 GB, 12 MB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"


def _move(part: Path, target: Path) -> None:
    """Also to another disk: then under a temporary name first, so that no list sees half a file."""
    try:
        os.replace(part, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        near = target.with_name(f".{target.name}.moving")
        shutil.move(part, near)
        os.replace(near, target)


def _taken(target: Path) -> RequestError:
    return RequestError(
        f"{target.name} is in {target.parent} already, with other content: give another name",
        field="name",
    )
