"""Which LoRAs, embeddings and hypernetworks there are, under the names that prompts call them by
(A1111 numerics: hashes and names, extra networks; interface 20.1).

Lists folders; what a file says of itself is read once and kept in the index, so that thousands of
files are listed in an instant. Loads no tensor, knows no model.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from modules.flags import Paths
from modules.library.folders import ModelFolders
from modules.library.hashes import SHORT, Hasher
from modules.library.index import Index, Sum
from modules.library.network_words import IMAGES, embedding_words, lora_words

log = logging.getLogger(__name__)

Kind = Literal["lora", "embedding", "hypernetwork"]
KINDS: tuple[Kind, ...] = ("lora", "embedding", "hypernetwork")
_ENDINGS: dict[Kind, tuple[str, ...]] = {
    "lora": (".safetensors", ".pt", ".ckpt"),
    "embedding": (".safetensors", ".pt", ".bin", *IMAGES),
    "hypernetwork": (".pt",),
}
_DIGITS: dict[Kind, int] = {"lora": 12, "embedding": 12, "hypernetwork": SHORT}
_MANY = 500  # files whose reading is told of in the log


@dataclass(frozen=True, kw_only=True)
class NetworkFile:
    """One file. `name` is what prompts call it; `alias` another name of it, or the same.

    words: what the file says of itself, by kind (`library.network_words`).
    """

    name: str
    path: Path
    kind: Kind
    size: int  # bytes
    changed: int  # ns since 1970
    alias: str = ""
    words: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def vectors(self) -> int:
        """Of an embedding: how many tokens it stands for; 0 where it is none."""
        shape = self.words.get("shape")
        return shape[0] if shape else 0

    @property
    def width(self) -> int:
        """Of an embedding: numbers in each vector."""
        shape = self.words.get("shape")
        return shape[1] if shape else 0


@dataclass(frozen=True)
class _Listing:
    """A kind's files as they were found, and the folders' times by which a change is seen."""

    files: tuple[NetworkFile, ...] = ()
    by_name: Mapping[str, NetworkFile] = field(default_factory=dict)
    folders: Mapping[str, int] = field(default_factory=dict)
    roots: tuple[Path, ...] = ()
    hidden: bool = True  # whether hidden folders were looked into


class NetworkFiles:
    """The lists, made anew by `refresh`. May be used from several threads."""

    def __init__(
        self, paths: Paths, hasher: Hasher, index: Index, folders: ModelFolders | None = None
    ) -> None:
        self._folders = folders or ModelFolders(paths)
        self._hasher = hasher
        self._index = index
        self._lock = threading.Lock()
        self._listings: dict[Kind, _Listing] = {}

    def refresh(self, kind: Kind | None = None) -> None:
        """Look at the folders again."""
        self._folders.look_again()
        with self._lock:
            for each in (kind,) if kind else KINDS:
                self._listings[each] = self._listed(each)

    def update(self, kind: Kind) -> None:
        """Look again if a file was put into a folder or taken from one."""
        with self._lock:
            known = self._listings.get(kind)
            roots = self._folders.of(kind)
            if (
                known is None
                or not self._is_of_now(known, kind)
                or known.folders != _times(known.folders, roots)
            ):
                self._listings[kind] = self._listed(kind)

    def list(self, kind: Kind) -> Sequence[NetworkFile]:
        """All files of the kind, sorted by path; of two with one name the first."""
        return self._listing(kind).files

    def folders(self, kind: Kind) -> Sequence[Path]:
        """Where files of the kind are looked for; none need be there."""
        return self._folders.of(kind)

    def find(self, kind: Kind, name: str) -> NetworkFile | None:
        """The file of that name, or of that alias."""
        return self._listing(kind).by_name.get(name)

    def find_now(self, kind: Kind, name: str) -> NetworkFile | None:
        """The same, as it lies there at this moment: added, removed or written over since."""
        self.update(kind)
        file = self.find(kind, name)
        if file is not None and not _is_still(file):
            self.refresh(kind)
            file = self.find(kind, name)
        return file

    def hash(self, file: NetworkFile) -> Future[str | None]:
        """The short hash, sooner or later: 12 digits, of a hypernetwork 10; None where hashing is
        off.
        """
        short: Future[str | None] = Future()
        digits = _DIGITS[file.kind]

        def shorten(whole: Future[str | None]) -> None:
            digest = None if whole.cancelled() else whole.result()
            short.set_result(digest[:digits] if digest else None)

        self._hasher.request(file.path, sum_of(file)).add_done_callback(shorten)
        return short

    def known_hashes(self, kind: Kind) -> dict[Path, str]:
        """The short hashes that were worked out already."""
        files, found = self.list(kind), {}
        for of in ("file", "tensors"):
            paths = [file.path for file in files if sum_of(file) == of]
            found |= self._hasher.known_among(paths, of)
        return {path: digest[: _DIGITS[kind]] for path, digest in found.items()}

    def find_by_hash(self, kind: Kind, digest: str) -> NetworkFile | None:
        """The file with this short hash, so far as hashes are known, or files tell them, or a file
        has size and time of one that was hashed under another name; the others' are worked out
        aside, for the next time.
        """
        known, unknown = self.known_hashes(kind), []
        for file in self.list(kind):
            if file.path not in known:
                unknown.append(file)
            elif known[file.path] == digest:
                return file
        kinds: set[Sum] = {sum_of(file) for file in unknown}
        once = {of: self._index.sums_by_stat(of) for of in kinds}
        for file in unknown:
            before = once[sum_of(file)].get((file.size, file.changed), "")
            if file.words.get("sum") == digest or before[: _DIGITS[kind]] == digest:
                return file
        for file in unknown:
            self._hasher.request(file.path, sum_of(file))
        return None

    def present_name(self, name: str, digest: str, *, by_alias: bool) -> str:
        """How a LoRA that was called `name` and had this hash is called now; `name` where nothing
        better is known. `by_alias`: a file that was renamed is called by its alias.
        """
        file = self.find("lora", name)
        if file is not None and self.known_hashes("lora").get(file.path, digest) == digest:
            return name
        other = self.find_by_hash("lora", digest)
        if other is None:
            return name
        return other.alias if by_alias else other.name

    # -------------------------------------------------------------------------- within

    def _listing(self, kind: Kind) -> _Listing:
        with self._lock:
            known = self._listings.get(kind)
            if known is None or not self._is_of_now(known, kind):
                known = self._listings[kind] = self._listed(kind)
            return known

    def _is_of_now(self, known: _Listing, kind: Kind) -> bool:
        return (known.roots, known.hidden) == (self._folders.of(kind), self._folders.lists_hidden)

    def _listed(self, kind: Kind) -> _Listing:
        times: dict[str, int] = {}
        found: list[tuple[Path, int, int]] = []
        roots, hidden = self._folders.of(kind), self._folders.lists_hidden
        for folder in roots:
            found += _files_below(folder, _ENDINGS[kind], times, hidden=hidden)
        words = self._words(kind, found)
        files: dict[str, NetworkFile] = {}
        for path, size, changed in found:
            said = words.get(path, {})
            if kind == "embedding" and not said:
                continue  # an ordinary picture, a LoRA ... in the folder
            name = said.get("name") or path.stem
            if name in files:
                log.debug("%s is hidden by %s, which has the same name", path, files[name].path)
                continue
            files[name] = NetworkFile(
                name=name, path=path, kind=kind, size=size, changed=changed, alias=name, words=said
            )
        return replace(_with_aliases(files, times), roots=roots, hidden=hidden)

    def _words(self, kind: Kind, found: Sequence[tuple[Path, int, int]]) -> dict[Path, Any]:
        """What the files say of themselves: from the index, or else from them."""
        if kind == "hypernetwork" or not found:
            return {}
        read = lora_words if kind == "lora" else embedding_words
        known, words, fresh = self._index.words(), {}, []
        for path, size, changed in found:
            key = f"{kind}:{path}"
            row = known.get(key)
            if row is not None and row[:2] == (size, changed):
                words[path] = json.loads(row[2])
                continue
            words[path] = read(path)
            fresh.append((key, size, changed, json.dumps(words[path])))
            if len(fresh) == _MANY:
                log.info("Reading what more than %d new %s files say of themselves", _MANY, kind)
        if fresh:
            self._index.store_words(fresh)
        return words


def sum_of(file: NetworkFile) -> Sum:
    """Over which bytes the file's hash goes: a LoRA's does not change with its header."""
    is_lora = file.kind == "lora" and file.path.suffix.lower() == ".safetensors"
    return "tensors" if is_lora else "file"


def _is_still(file: NetworkFile) -> bool:
    try:
        stat = file.path.stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (file.size, file.changed)


def _with_aliases(files: Mapping[str, NetworkFile], times: Mapping[str, int]) -> _Listing:
    """A name goes before an alias; an alias of two files is none."""
    wanted = Counter(file.words.get("alias", "") for file in files.values())
    by_name, complete = dict(files), []
    for file in files.values():
        alias = file.words.get("alias", "")
        if alias and wanted[alias] == 1 and alias not in files:
            file = replace(file, alias=alias)
            by_name[alias] = by_name[file.name] = file
        complete.append(file)
    return _Listing(tuple(complete), by_name, dict(times))


def _files_below(
    folder: Path, endings: tuple[str, ...], times: dict[str, int], *, hidden: bool
) -> Iterator[tuple[Path, int, int]]:
    """(path, size, changed) of the files below, links followed, sorted; `times` learns the folders.

    A folder that is reached twice (a loop of links) is listed once.
    """
    real = os.path.realpath(folder)
    if real in times:
        return
    try:
        times[real] = os.stat(real).st_mtime_ns
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name.lower())
    except OSError:
        times.setdefault(real, 0)
        return
    inner: list[Path] = []
    for entry in entries:
        try:
            if entry.name.startswith(".") and not hidden and entry.is_dir():
                continue
            if entry.is_dir():
                inner.append(Path(entry.path))
            elif entry.name.lower().endswith(endings) and not _is_preview(entry.name):
                stat = entry.stat()
                yield Path(entry.path), stat.st_size, stat.st_mtime_ns
        except OSError:  # a link to nowhere
            continue
    for each in inner:
        yield from _files_below(each, endings, times, hidden=hidden)


def _is_preview(name: str) -> bool:
    stem, _, ending = name.lower().rpartition(".")
    return f".{ending}" in IMAGES and stem.endswith(".preview")


def _times(known: Mapping[str, int], folders: Sequence[Path]) -> dict[str, int]:
    """The times of the known folders as they are now; one that is gone or not there yet has 0."""
    times: dict[str, int] = {}
    for folder in (*known, *(os.path.realpath(folder) for folder in folders)):
        try:
            times[folder] = os.stat(folder).st_mtime_ns
        except OSError:
            times[folder] = 0
    return times
