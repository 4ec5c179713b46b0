"""Where a finished picture's file goes, and writing it so that it is there whole or not at all.

Two steps, so that the job store can note the name in between: `place` chooses the path, `write`
puts the bytes there. Knows patterns and disks, nothing of jobs.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

from modules.errors import StorageError
from modules.pictures.metadata import ENDINGS
from modules.pictures.names import Naming, clean, file_stem, subfolder
from modules.settings import Settings
from modules.settings.atomic import put_in_place

log = logging.getLogger(__name__)

TEMPORARY = ".tmp"
_NUMBER = re.compile(r"(\d{5,})")
_GRID_NUMBER = re.compile(r"grid-(\d{4,})")


def output_folder(naming: Naming, data_dir: Path) -> Path:
    """The folder for this picture by the path settings; relative ones lie below the data folder."""
    saving = naming.settings.saving_paths
    by_kind = {
        "txt2img": saving.outdir_txt2img_samples,
        "img2img": saving.outdir_img2img_samples,
    }
    chosen = saving.outdir_samples or by_kind[naming.request.kind]
    return data_dir / chosen / subfolder(naming)


def next_number(folder: Path, pattern: re.Pattern[str] = _NUMBER) -> int:
    """One more than the largest number (by default: of five digits or more that begin a name) in
    `folder`; 0 where there is none.
    """
    largest = -1
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if match := pattern.match(entry.name):
                    largest = max(largest, int(match.group(1)))
    except FileNotFoundError:
        return 0
    return largest + 1


class Numbers:
    """The next number of each folder, reading again only a folder that somebody else changed: one
    with ten thousand pictures takes long to read. For one thread at a time.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int]] = {}  # folder -> (its change in ns, next number)

    def next(self, folder: Path) -> int:
        changed, number = self._known.get(folder, (-1, 0))
        return number if changed == folder.stat().st_mtime_ns else next_number(folder)

    def wrote(self, path: Path) -> None:
        """A file was put there by whoever asked for its number."""
        match = _NUMBER.match(path.name)
        self._known.pop(path.parent, None)
        with contextlib.suppress(OSError):  # it is gone again: then it is read again
            if match is not None:
                changed = path.parent.stat().st_mtime_ns
                self._known[path.parent] = (changed, int(match.group(1)) + 1)


def place(
    naming: Naming,
    data_dir: Path,
    *,
    mime: str,
    next_of: Callable[[Path], int] = next_number,
) -> Path:
    """The path for this picture; its folder is made. StorageError where that is not possible.

    `next_of` gives the next number of a folder. No existing file is chosen, except where numbering
    is off and the setting says to replace.
    """
    folder = output_folder(naming, data_dir)
    saving = naming.settings.saving_images
    ending = ENDINGS[mime]
    stem = file_stem(naming)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if saving.save_images_add_number or not stem:
            rest = f"-{stem}.{ending}" if stem else f".{ending}"
            path = folder / f"{next_of(folder):05}{rest}"
            return path if not path.exists() else folder / f"{next_number(folder):05}{rest}"
        if saving.save_images_replace_action != "Replace":
            return _free(folder, stem, ending)
        return folder / f"{stem}.{ending}"
    except OSError as error:
        raise storage_error(folder, error) from error


def place_grid(naming: Naming, data_dir: Path, *, mime: str) -> Path:
    """The path for the grid of a job whose first picture `naming` speaks of."""
    saving, paths = naming.settings.saving_images, naming.settings.saving_paths
    by_kind = {"txt2img": paths.outdir_txt2img_grids, "img2img": paths.outdir_img2img_grids}
    chosen = paths.outdir_grids or by_kind[naming.request.kind]
    folder = data_dir / chosen / subfolder(naming, grid=True)
    extended = f"-{file_stem(naming)}" if saving.grid_extended_filename else ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = f"{next_number(folder, _GRID_NUMBER):04}"
        return folder / f"grid-{number}{extended}.{ENDINGS[mime]}"
    except OSError as error:
        raise storage_error(folder, error) from error


def place_extra(
    settings: Settings, data_dir: Path, *, mime: str, name: str = "", upscaler: str = ""
) -> Path:
    """The path for a result of Extras: numbered, or called as the picture of that file `name`."""
    paths, saving = settings.saving_paths, settings.saving_images
    folder = data_dir / (paths.outdir_samples or paths.outdir_extras_samples)
    suffix = f"-{clean(upscaler)}" if upscaler and saving.use_upscaler_name_as_suffix else ""
    original = re.split(r"[/\\]", name)[-1].rsplit(".", 1)[0]
    stem = clean(original) if saving.use_original_name_batch else ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not stem.strip("._ "):
            stem = f"{next_number(folder):05}"
        return _free(folder, f"{stem}{suffix}", ENDINGS[mime])
    except OSError as error:
        raise storage_error(folder, error) from error


def _free(folder: Path, stem: str, ending: str) -> Path:
    """The name, with a number behind it if a file is called so."""
    path = folder / f"{stem}.{ending}"
    attempt = 0
    while path.exists():
        attempt += 1
        path = folder / f"{stem}-{attempt}.{ending}"
    return path


def write(path: Path, data: bytes) -> None:
    """`data` under `path`, all of it or nothing, safe from a power cut.

    StorageError where there is no room or no right.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(temporary, path)
    except OSError as error:
        try:
            temporary.unlink(missing_ok=True)
        except OSError:
            log.warning("could not remove %s", temporary)
        raise storage_error(path, error) from error


def storage_error(path: Path, error: OSError) -> StorageError:
    """The same failure in words that name the place and the remedy."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        remedy = "the disk is full: make room and generate again; the queue is kept"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "it may not be written to: change its rights or choose another folder in Settings"
    else:
        remedy = f"{error.strerror or error}: choose another folder in Settings"
    return StorageError(f"{path} can't be written, {remedy}")
