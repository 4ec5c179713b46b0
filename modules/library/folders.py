"""Where files of each kind lie: Easel's own folders, then those of other programs that a user
points at (interface 20.1).

Another program's folder is read in place, whichever of the usual names its parts have. Lists no
file, knows no setting: it is handed a function that tells the folders of now.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from modules.errors import SettingsError
from modules.flags import Paths

ModelKind = Literal["checkpoint", "vae", "lora", "embedding", "hypernetwork"]
# A1111's names and ComfyUI's, in lower case.
NAMES: Mapping[ModelKind, tuple[str, ...]] = {
    "checkpoint": ("stable-diffusion", "checkpoints"),
    "vae": ("vae",),
    "lora": ("lora", "loras", "lycoris"),
    "embedding": ("embeddings",),
    "hypernetwork": ("hypernetworks",),
}


class ModelFolders:
    """The first folder of a kind is where new files go. `extra` tells the other programs' folders;
    a change of them, or of `lists_hidden`, counts at once. May be used from several threads.
    """

    def __init__(
        self,
        paths: Paths,
        extra: Callable[[], Sequence[str]] = lambda: (),
        lists_hidden: Callable[[], bool] = lambda: True,
    ) -> None:
        self._own: dict[ModelKind, tuple[Path, ...]] = {
            "checkpoint": paths.checkpoint_dirs,
            "vae": paths.vae_dirs,
            "lora": paths.lora_dirs,
            "embedding": (paths.embeddings_dir,),
            "hypernetwork": (paths.hypernetwork_dir,),
        }
        self._extra = extra
        self._lists_hidden = lists_hidden
        self._lock = threading.Lock()
        self._looked: tuple[str, ...] = ()
        self._found: dict[ModelKind, tuple[Path, ...]] = {}

    @property
    def extra(self) -> tuple[str, ...]:
        """The other programs' folders as they are now."""
        return tuple(self._extra())

    @property
    def lists_hidden(self) -> bool:
        """Whether what lies in folders below, whose names begin with a dot, is to be listed."""
        return self._lists_hidden()

    def own(self, kind: ModelKind) -> Path:
        """Where a new file of this kind goes."""
        return self._own[kind][0]

    def of(self, kind: ModelKind) -> tuple[Path, ...]:
        """All folders of the kind; none need be there."""
        extra = self.extra
        with self._lock:
            if extra != self._looked:
                self._looked, self._found = extra, _merged(extra)
            return tuple(dict.fromkeys((*self._own[kind], *self._found.get(kind, ()))))

    def look_again(self) -> None:
        """The other programs may have got new folders."""
        with self._lock:
            self._looked, self._found = (), {}


def parts_of(root: Path) -> dict[ModelKind, tuple[Path, ...]]:
    """The folders by kind below a models folder, or below the program's folder that holds it; {}
    where there is none.
    """
    found: dict[ModelKind, list[Path]] = {}
    for place in _places(root):
        for folder in _folders_in(place):
            for kind, names in NAMES.items():
                if folder.name.lower() in names:
                    found.setdefault(kind, []).append(folder)
    return {kind: tuple(folders) for kind, folders in found.items()}


def checked_folder(path: str) -> str:
    """The folder as it is kept in the settings. SettingsError where it holds no models."""
    text = path.strip()
    folder = Path(os.path.abspath(os.path.expanduser(text if "\0" not in text else "")))
    # Path.is_dir would raise where a name is too long.
    if not text or "\0" in text or not os.path.isdir(folder):
        raise SettingsError(f"there is no folder {text[:300]!r} on this machine", field="path")
    if not parts_of(folder):
        known = ", ".join(name for names in NAMES.values() for name in names)
        raise SettingsError(
            f"{folder} has none of the folders {known}: name the folder that holds them, such as "
            "stable-diffusion-webui/models or ComfyUI/models",
            field="path",
        )
    return str(folder)


def _places(root: Path) -> Iterator[Path]:
    yield root
    if root.name.lower() != "models":
        yield root / "models"
    else:  # A1111 keeps its embeddings beside the folder of models
        yield from (each for each in _folders_in(root.parent) if each.name == "embeddings")


def _folders_in(place: Path) -> list[Path]:
    """Sorted; of `embeddings` itself, which has no parts, the folder alone."""
    if place.name == "embeddings":
        return [place]
    try:
        found = [Path(entry.path) for entry in os.scandir(place) if entry.is_dir()]
    except OSError:
        return []
    return sorted(found, key=lambda folder: folder.name.lower())


def _merged(roots: Sequence[str]) -> dict[ModelKind, tuple[Path, ...]]:
    merged: dict[ModelKind, tuple[Path, ...]] = {}
    for root in roots:
        for kind, folders in parts_of(Path(root)).items():
            merged[kind] = (*merged.get(kind, ()), *folders)
    return merged
