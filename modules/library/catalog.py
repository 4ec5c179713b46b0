"""Which checkpoints and VAEs there are, under all the names that A1111 gives them (numerics 1.4,
interface 20.1).

Lists folders and headers only; loads nothing. The built-in checkpoint is always listed, wherever
the other folders lie.
"""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from modules.errors import UnknownNameError
from modules.flags import Paths
from modules.library.folders import ModelFolders
from modules.library.hashes import SHORT, Hasher
from modules.library.metadata import default_size, is_told_by_pictures

CHECKPOINT_ENDINGS = (".safetensors", ".ckpt")
VAE_ENDINGS = (".safetensors", ".ckpt", ".pt")
AUTOMATIC = "Automatic"
NONE = "None"


@dataclass(frozen=True)
class CheckpointFile:
    """One checkpoint. `name` is its path below its folder with "/" between the parts; sha256 None
    until worked out.
    """

    path: Path
    name: str
    kind: Literal["file", "diffusers"] = "file"
    sha256: str | None = None

    @property
    def stem(self) -> str:
        """The name that infotext's `Model` carries."""
        return self.path.stem if self.kind == "file" else self.path.name

    @property
    def shorthash(self) -> str | None:
        return self.sha256[:SHORT] if self.sha256 else None

    @property
    def title(self) -> str:
        return f"{self.name} [{self.shorthash}]" if self.shorthash else self.name

    @property
    def model_name(self) -> str:
        """The path without its ending, "/" written as "_" (the API's `model_name`)."""
        base = self.name if self.kind == "diffusers" else self.name.rsplit(".", 1)[0]
        return base.replace("/", "_")

    @property
    def names(self) -> tuple[str, ...]:
        """Every name by which this checkpoint is found, the most exact first."""
        short = self.shorthash
        hashed = (self.title, f"{self.stem} [{short}]", short or "", self.sha256 or "")
        return (*(name for name in hashed if short), self.name, self.model_name, self.stem)


@dataclass(frozen=True)
class VaeFile:
    path: Path
    name: str


_Entry = TypeVar("_Entry", CheckpointFile, VaeFile)


def _walk(folder: Path, *, hidden: bool) -> Iterator[Path]:
    """Files and folders below, links followed, sorted; a folder reached twice (a loop of links) is
    listed once. hidden: those whose name begins with a dot, too.
    """
    seen: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(
            (name for name in folders if hidden or not name.startswith(".")), key=str.lower
        )
        yield Path(root)
        for file in sorted(files, key=str.lower):
            yield Path(root, file)


def _is_vae(path: Path) -> bool:
    return path.stem.lower().endswith(".vae")


def _checkpoints_below(folder: Path, *, hidden: bool) -> Iterator[CheckpointFile]:
    inside: list[Path] = []
    for path in _walk(folder, hidden=hidden):
        if any(part in path.parents for part in inside):
            continue  # the parts of a diffusers folder are no checkpoints of their own
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            if (path / "model_index.json").is_file() and path != folder:
                inside.append(path)
                yield CheckpointFile(path, name, "diffusers")
        elif path.suffix.lower() in CHECKPOINT_ENDINGS and not _is_vae(path):
            yield CheckpointFile(path, name)


def _vaes_below(folder: Path, *, hidden: bool, only_named: bool) -> Iterator[VaeFile]:
    for path in _walk(folder, hidden=hidden):
        if (
            path.suffix.lower() in VAE_ENDINGS
            and path.is_file()
            and (_is_vae(path) or not only_named)
        ):
            yield VaeFile(path, path.name)


class Catalog:
    """The lists, made anew by `refresh`. May be used from several threads."""

    def __init__(self, paths: Paths, hasher: Hasher, folders: ModelFolders | None = None) -> None:
        self._paths = paths
        self._hasher = hasher
        self._folders = folders or ModelFolders(paths)
        self._lock = threading.Lock()
        self._looked: tuple[object, ...] = ()  # what the folders' settings were then
        self._found: tuple[CheckpointFile, ...] = ()
        self._vaes: tuple[VaeFile, ...] = ()
        self.refresh()

    def refresh(self) -> None:
        """Look at the folders again."""
        looked = self._wishes
        self._folders.look_again()
        found = tuple(_unique(self._search()))
        vaes = tuple(_unique(self._search_vaes()))
        with self._lock:
            self._found, self._vaes, self._looked = found, vaes, looked

    def _update(self) -> None:
        """Look again where other programs' folders were named or taken back, or hidden ones."""
        if self._looked != self._wishes:
            self.refresh()

    @property
    def _wishes(self) -> tuple[object, ...]:
        return (self._folders.lists_hidden, *self._folders.extra)

    def _search(self) -> Iterator[CheckpointFile]:
        single, hidden = self._paths.single_checkpoint, self._folders.lists_hidden
        if single is not None and single.exists():
            yield CheckpointFile(single, single.name, "diffusers" if single.is_dir() else "file")
        for folder in self._folders.of("checkpoint"):
            yield from sorted(
                _checkpoints_below(folder, hidden=hidden), key=lambda entry: entry.name.lower()
            )
        builtin = self._paths.builtin_checkpoint
        if builtin.is_file():
            yield CheckpointFile(builtin, builtin.name)

    def _search_vaes(self) -> Iterator[VaeFile]:
        hidden = self._folders.lists_hidden
        for folder in self._folders.of("vae"):
            yield from _vaes_below(folder, hidden=hidden, only_named=False)
        for folder in self._folders.of("checkpoint"):
            yield from _vaes_below(folder, hidden=hidden, only_named=True)

    @property
    def checkpoints(self) -> tuple[CheckpointFile, ...]:
        """All checkpoints with the sums known so far: the user's first, the built-in one last."""
        self._update()
        with self._lock:
            found = self._found
        sums = self._hasher.known_among([entry.path for entry in found if entry.kind == "file"])
        return tuple(
            CheckpointFile(entry.path, entry.name, entry.kind, sums.get(entry.path))
            for entry in found
        )

    @property
    def vaes(self) -> tuple[VaeFile, ...]:
        self._update()
        with self._lock:
            return self._vaes

    @property
    def has_only_builtin(self) -> bool:
        """Whether the user has no checkpoint of his own yet."""
        builtin = self._paths.builtin_checkpoint
        return all(entry.path == builtin for entry in self.checkpoints)

    def find(self, wanted: str, field: str = "sd_model_checkpoint") -> CheckpointFile:
        """The checkpoint of that title, name, stem or hash (any form of A1111's); else the one
        whose title holds the text.

        UnknownNameError where there is none, naming the nearest; `field` is who asked.
        """
        checkpoints = self.checkpoints
        for text in (wanted, wanted.rsplit(" [", 1)[0]):
            for entry in checkpoints:
                if text in entry.names:
                    return entry
            partial = [entry for entry in checkpoints if text and text in entry.title]
            if partial:
                return min(partial, key=lambda entry: len(entry.title))
        raise UnknownNameError(
            f"no checkpoint is called {wanted!r}{_nearest(wanted, (c.name for c in checkpoints))}; "
            "refresh the list if the file is new",
            field=field,
        )

    def default(self, wanted: str | None) -> CheckpointFile:
        """The checkpoint to use: the one chosen, else the one of --ckpt, else the built-in one,
        else the first.
        """
        if wanted:
            return self.find(wanted)
        checkpoints = self.checkpoints
        for preferred in (self._paths.single_checkpoint, self._paths.builtin_checkpoint):
            for entry in checkpoints:
                if entry.path == preferred:
                    return entry
        if not checkpoints:
            folders = ", ".join(str(folder) for folder in self._paths.checkpoint_dirs)
            raise UnknownNameError(
                f"there is no checkpoint: put a .safetensors file into {folders}",
                field="sd_model_checkpoint",
            )
        return checkpoints[0]

    def find_vae(self, wanted: str) -> VaeFile:
        """UnknownNameError where no VAE file has that name."""
        for vae in self.vaes:
            if wanted in (vae.name, vae.path.stem):
                return vae
        names = (vae.name for vae in self.vaes)
        raise UnknownNameError(
            f"no VAE is called {wanted!r}{_nearest(wanted, names)}; refresh the list if the file "
            "is new, or choose Automatic",
            field="sd_vae",
        )

    def vae_for(self, checkpoint: CheckpointFile, chosen: str) -> Path | None:
        """The VAE file to load beside `checkpoint`; None: the checkpoint's own (numerics 1.4).

        `chosen` is the setting `sd_vae`: "Automatic" takes a file whose name begins with the
        checkpoint's.
        """
        if self._paths.single_vae is not None:
            return self._paths.single_vae
        if chosen == NONE:
            return None
        if chosen != AUTOMATIC:
            return self.find_vae(chosen).path
        for vae in self.vaes:
            if vae.name.startswith(checkpoint.stem + "."):
                return vae.path
        return None

    def default_size(self, checkpoint: CheckpointFile) -> tuple[int, int]:
        """(width, height) in pixels that the checkpoint's header names, else 512x512."""
        return default_size(checkpoint.path)

    def is_told_by_pictures(self, checkpoint: CheckpointFile) -> bool:
        """Whether it is of InstructPix2Pix's kind, and so has a second guidance."""
        return is_told_by_pictures(checkpoint.path)


def _unique(found: Iterable[_Entry]) -> Iterator[_Entry]:
    seen: set[Path] = set()
    for entry in found:
        real = entry.path.resolve()
        if real not in seen:
            seen.add(real)
            yield entry


def _nearest(wanted: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(wanted, list(names), n=3, cutoff=0.4)
    return f" (near: {', '.join(near)})" if near else ""
