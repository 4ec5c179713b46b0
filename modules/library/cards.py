"""Cards: checkpoints, LoRAs, embeddings and hypernetworks as things to choose from, with their
pictures and with what their owners wrote about them (interface 13.4).

What a user writes lies beside the file, as `<stem>.json`, `<stem>.txt` and `<stem>.preview.png`, so
that other programs read it too. Knows no page and no HTTP; loads no tensor.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from modules.errors import UnknownNameError
from modules.library.catalog import Catalog
from modules.library.metadata import header_metadata
from modules.library.networks import NetworkFile, NetworkFiles
from modules.pictures.files import write

log = logging.getLogger(__name__)

CardKind = Literal["checkpoint", "lora", "embedding", "hypernetwork"]
Order = Literal["path", "name", "created", "changed"]
_IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")
# Long lists that training programs leave in headers; they are shown on demand only.
_LONGEST_VALUE = 20_000


@dataclass(frozen=True, kw_only=True)
class Notes:
    """What a user wrote about a file; the names in `<stem>.json` are A1111's."""

    description: str = ""
    notes: str = ""
    activation_text: str = ""
    negative_text: str = ""
    preferred_weight: float = 0.0  # 0: the setting's
    sd_version: str = ""
    vae: str = ""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Notes:
        """Values of a wrong kind are left out: another program may have written them."""
        found: dict[str, Any] = {}
        for name, default in asdict(cls()).items():
            value = record.get(_key(name))
            if isinstance(default, float) and isinstance(value, int | float):
                found[name] = float(value)
            elif isinstance(default, str) and isinstance(value, str):
                found[name] = value
        return cls(**found)

    def to_record(self) -> dict[str, Any]:
        return {_key(name): value for name, value in asdict(self).items() if value}


def _key(name: str) -> str:
    return name.replace("_", " ") if name != "vae" else name


@dataclass(frozen=True, kw_only=True)
class Card:
    """`name` is unique in its kind; `folder` is below the kind's own folder, "" for the top."""

    kind: CardKind
    name: str
    path: Path
    folder: str = ""
    alias: str = ""
    base: str = ""
    hash: str = ""
    size: int = 0
    changed: float = 0.0
    preview: Path | None = None
    notes: Notes = field(default_factory=Notes)

    @property
    def searched(self) -> str:
        """The lower-case text that a search looks in."""
        parts = (self.folder, self.name, self.alias, self.hash, self.notes.description)
        return " ".join(parts).lower()


class Cards:
    """Made from the lists of now at each question; only small files beside them are read."""

    def __init__(self, catalog: Catalog, networks: NetworkFiles) -> None:
        self._catalog = catalog
        self._networks = networks
        self._notes: dict[str, tuple[int, Notes]] = {}  # by path, with its time of change

    def search(
        self,
        kind: CardKind,
        *,
        text: str = "",
        folder: str = "",
        below: bool = True,
        order: Order = "path",
        descending: bool = False,
    ) -> list[Card]:
        """All cards whose path, alias, hash or description has every word of `text`; those in
        `folder`, and unless not `below` in the folders in it.
        """
        words = text.lower().split()
        found = [
            card
            for card in self.list(kind)
            if (
                not folder
                or card.folder == folder
                or (below and card.folder.startswith(folder + "/"))
            )
            and all(word in card.searched for word in words)
        ]
        keys = {
            "path": lambda card: (card.folder.lower(), _counted(card.name)),
            "name": lambda card: _counted(card.name),
            "created": lambda card: _created(card.path),
            "changed": lambda card: card.changed,
        }
        return sorted(found, key=keys[order], reverse=descending)

    def list(self, kind: CardKind) -> list[Card]:
        if kind == "checkpoint":
            return self._checkpoints()
        self._networks.update(kind)
        hashes = self._networks.known_hashes(kind)
        beside = _Beside()
        return [
            self._network(file, beside, hashes.get(file.path, ""))
            for file in self._networks.list(kind)
        ]

    def find(self, kind: CardKind, name: str) -> Card:
        """UnknownNameError where there is none."""
        if kind == "checkpoint":
            found = next((card for card in self._checkpoints() if card.name == name), None)
        else:
            file = self._networks.find(kind, name)
            hashes = {} if file is None else self._networks.known_hashes(kind)
            found = file and self._network(file, _Beside(), hashes.get(file.path, ""))
        if found is None:
            raise UnknownNameError(f"there is no {kind} {name!r}: look for new files first")
        return found

    def preview(self, kind: CardKind, name: str) -> Path | None:
        """The picture beside the file. UnknownNameError where there is no such file."""
        file = None if kind == "checkpoint" else self._networks.find(kind, name)
        return _Beside().preview(file.path) if file else self.find(kind, name).preview

    def metadata(self, card: Card) -> dict[str, str]:
        """What the file's own header says, without pictures and over-long lists."""
        if card.path.suffix.lower() != ".safetensors":
            return {}
        found = header_metadata(card.path)
        return {
            name: value
            for name, value in sorted(found.items())
            if name != "modelspec.thumbnail" and len(value) <= _LONGEST_VALUE
        }

    def write_notes(self, card: Card, notes: Notes) -> None:
        """Into `<stem>.json`; entries that are not ours stay. StorageError where that fails."""
        path = _beside(card.path, ".json")
        record = {**_read_record(path), **dict.fromkeys(map(_key, asdict(notes)))}
        record |= notes.to_record()
        kept = {name: value for name, value in record.items() if value is not None}
        write(path, json.dumps(kept, indent=4, ensure_ascii=False).encode())

    def write_preview(self, card: Card, png: bytes) -> None:
        """`<stem>.preview.png`, which goes before any other picture beside the file."""
        write(_beside(card.path, ".preview.png"), png)

    # -------------------------------------------------------------------------- within

    def _checkpoints(self) -> list[Card]:
        beside = _Beside()
        cards = []
        for file in self._catalog.checkpoints:
            try:
                stat = file.path.stat()
            except OSError:
                continue
            folder, _, _ = file.name.rpartition("/")
            cards.append(
                Card(
                    kind="checkpoint",
                    name=file.name,
                    path=file.path,
                    folder=folder,
                    hash=file.shorthash or "",
                    size=stat.st_size if file.kind == "file" else 0,
                    changed=stat.st_mtime,
                    preview=beside.preview(file.path),
                    notes=self._notes_of(file.path, beside),
                )
            )
        return cards

    def _network(self, file: NetworkFile, beside: _Beside, digest: str) -> Card:
        return Card(
            kind=file.kind,
            name=file.name,
            path=file.path,
            folder=_below(file.path, self._networks.folders(file.kind)),
            alias=file.alias if file.alias != file.name else "",
            base=str(file.words.get("base", "")),
            hash=digest,
            size=file.size,
            changed=file.changed / 1e9,
            preview=beside.preview(file.path),
            notes=self._notes_of(file.path, beside),
        )

    def _notes_of(self, path: Path, beside: _Beside) -> Notes:
        notes = Notes()
        if (file := beside.find(path, ".json")) is not None:
            notes = self._read_notes(file)
        if not notes.description:
            text = beside.find(path, ".txt") or beside.find(path, ".description.txt")
            if text is not None:
                notes = Notes(**{**asdict(notes), "description": _read_text(text)})
        return notes

    def _read_notes(self, file: Path) -> Notes:
        try:
            changed = file.stat().st_mtime_ns
        except OSError:
            return Notes()
        known = self._notes.get(str(file))
        if known is None or known[0] != changed:
            known = changed, Notes.from_record(_read_record(file))
            self._notes[str(file)] = known
        return known[1]


class _Beside:
    """Which files lie beside others: each folder is read once."""

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def find(self, path: Path, ending: str) -> Path | None:
        folder = path.parent
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._names[folder] = frozenset()
        name = _beside(path, ending).name
        return folder / name if name in self._names[folder] else None

    def preview(self, path: Path) -> Path | None:
        endings = (*(".preview" + ending for ending in _IMAGES), *_IMAGES)
        found = (self.find(path, ending) for ending in endings)
        own = path if path.suffix.lower() in _IMAGES else None  # an embedding in a picture
        return next((each for each in found if each is not None), own)


def _beside(path: Path, ending: str) -> Path:
    stem = path.stem if path.suffix and not path.is_dir() else path.name
    return path.with_name(stem + ending)


def _below(path: Path, roots: Sequence[Path]) -> str:
    for root in roots:
        if path.is_relative_to(root):
            found = path.parent.relative_to(root).as_posix()
            return "" if found == "." else found
    return ""


def _counted(name: str) -> list[str | int]:
    """Sorts names as people count: 2 before 10."""
    parts = re.split(r"(\d+)", name.lower())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def _created(path: Path) -> float:
    try:
        stat = path.stat()
    except OSError:
        return 0.0
    return getattr(stat, "st_birthtime", stat.st_ctime)


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s can't be read: %s", path.name, error)
        return {}
    return record if isinstance(record, dict) else {}


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")[:_LONGEST_VALUE].strip()
    except OSError:
        return ""
