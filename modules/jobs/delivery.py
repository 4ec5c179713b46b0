"""Finished pictures on their way to disk: named, noted, written, noted again.

The row with the file's name is committed as `writing`, the file is renamed into place, the row
becomes `done`. Whatever moment a kill picks, `recover` can tell whether the picture is there.
Knows names, files and rows; nothing of processes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from modules.errors import ImageError, StorageError
from modules.flags import Flags, Paths
from modules.generation.extras import Extras
from modules.generation.request import Request
from modules.generation.result import Picture, Summary
from modules.generation.wish import Wish
from modules.jobs.job import GRID, Item, ItemState, Job
from modules.jobs.store import Store
from modules.pictures import grids
from modules.pictures.files import TEMPORARY, Numbers, place, place_extra, place_grid, write
from modules.pictures.metadata import ENDINGS, encode
from modules.pictures.names import Naming, apply, clean
from modules.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where files go. `history_file` None: the last infotext is not written down."""

    data_dir: Path
    unsaved_dir: Path  # below data_dir
    history_file: Path | None = None
    longest_name: int = 128
    unix_only_names: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A job's request and settings, read back from its row."""

    request: Wish
    settings: Settings


def places_of(flags: Flags, paths: Paths) -> Places:
    """As flags and paths say."""
    return Places(
        data_dir=paths.data_dir,
        unsaved_dir=paths.easel_dir / "unsaved",
        history_file=None if flags.no_prompt_history else paths.data_dir / "params.txt",
        longest_name=flags.filenames_max_length,
        unix_only_names=flags.unix_filenames_sanitization,
    )


class Delivery:
    """`on_saved(path, owner)` is told of each picture that was written to stay."""

    def __init__(
        self,
        store: Store,
        places: Places,
        on_saved: Callable[[Path, str], None] = lambda path, owner: None,
    ) -> None:
        self._store = store
        self._places = places
        self._on_saved = on_saved
        self._numbers = Numbers()
        self._lock = threading.Lock()  # between choosing a name and the file being there

    def deliver(
        self,
        job: Job,
        recipe: Recipe,
        summary: Summary | None,
        picture: Picture,
        data: bytes,
        *,
        complete: bool,
    ) -> Path | None:
        """Put one picture on disk and into the store; its path if it is saved to stay. `summary` is
        that of a Request's job.

        StorageError where that fails: then there is neither file nor row.
        """
        saving = recipe.settings.saving_images
        saved = recipe.request.save_images and (
            isinstance(recipe.request, Extras)  # A1111 saves these whatever the setting says
            or (saving.samples_save and (complete or saving.save_incomplete_images))
        )
        item = _item_of(picture, data, complete=complete, saved=saved)
        with self._lock:
            if saved:
                path = self._saved_path(job, recipe, summary, picture, data)
            else:
                name = f"{picture.index:05}.{ENDINGS[picture.mime]}"
                path = self._places.unsaved_dir / job.id / name
            self._put(job.id, item, path, data)
        if not saved:
            return None
        self._on_saved(path, job.owner)
        if recipe.settings.infotext.save_txt and picture.infotext:
            write(path.with_suffix(".txt"), picture.infotext.encode("utf-8", "replace"))
        return path

    def deliver_beside(self, job: Job, path: Path, name: str, mime: str, data: bytes) -> None:
        """A further file with the picture `path`, under its name and `name`. StorageError."""
        beside = path.with_name(f"{path.stem}{name}.{ENDINGS[mime]}")
        with self._lock:
            write(beside, data)
            self._numbers.wrote(path)
        self._on_saved(beside, job.owner)

    def deliver_start(self, recipe: Recipe, name: str, mime: str, data: bytes) -> None:
        """What a job started from, once for all jobs that do. StorageError."""
        folder = self._places.data_dir / recipe.settings.saving_paths.outdir_init_images
        path = folder / f"{name}.{ENDINGS.get(mime, mime.split('/')[-1])}"
        if not path.exists():
            write(path, data)

    def copy(
        self, job: Job, recipe: Recipe, summary: Summary, picture: Picture, data: bytes
    ) -> Path:
        """Write a finished picture once more, where `recipe`'s settings say; the new file's path.

        StorageError where that fails.
        """
        with self._lock:
            path = self._saved_path(job, recipe, summary, picture, data)
            write(path, data)
            self._numbers.wrote(path)
        self._on_saved(path, job.owner)
        return path

    def named(
        self, pattern: str, job: Job, recipe: Recipe, summary: Summary, picture: Picture
    ) -> str:
        """A file's name by a pattern, as one part of a path. `recipe` is that of a Request."""
        assert isinstance(recipe.request, Request)
        naming = self._naming(job, recipe.settings, recipe.request, summary, picture, b"")
        longest, unix_only = max(naming.longest, 1), naming.unix_only
        return clean(apply(pattern, naming), longest=longest, unix_only=unix_only)

    def wants_grid(self, recipe: Recipe, made: int) -> bool:
        """Whether so many pictures are to be put on one sheet too."""
        request, saving = recipe.request, recipe.settings.saving_images
        return (
            isinstance(request, Request)
            and request.save_images
            and request.save_grid
            and not request.inputs
            and (saving.grid_save or recipe.settings.ui_gallery.return_grid)
            and made > (1 if saving.grid_only_if_multiple else 0)
        )

    def deliver_grid(self, job: Job, recipe: Recipe, summary: Summary) -> None:
        """All pictures of the job on one sheet, in the place for grids if grids are saved.

        ImageError where a picture can't be read any more, StorageError as `deliver`.
        """
        request, settings = recipe.request, recipe.settings
        assert isinstance(request, Request)
        made = [item for item in self._store.items(job.id) if item.state is ItemState.DONE]
        pictures = [Picture.from_record(item.picture) for item in made if item.index != GRID]
        rows = grids.rows_for(len(pictures), request.batch_size, settings)
        width, height = grids.sheet_size([(one.width, one.height) for one in pictures], rows)
        if width * height > settings.saving_images.img_max_size_mp * 1e6:
            log.warning("job %s gets no grid: %dx%d exceeds img_max_size_mp", job.id, width, height)
            return
        files = [self._bytes_of(item) for item in made if item.index != GRID]
        image = grids.sheet(files, rows, settings)
        infotext = pictures[0].infotext
        data, mime = encode(
            image,
            infotext if settings.infotext.enable_pnginfo else None,
            settings,
            extension=settings.saving_images.grid_format,
        )
        picture = replace(pictures[0], index=GRID, width=width, height=height, mime=mime)
        saved = settings.saving_images.grid_save
        with self._lock:
            naming = self._naming(job, settings, request, summary, pictures[0], data)
            path = (
                place_grid(naming, self._places.data_dir, mime=mime)
                if saved
                else self._places.unsaved_dir / job.id / f"grid.{ENDINGS[mime]}"
            )
            self._put(job.id, _item_of(picture, data, complete=True, saved=saved), path, data)
        if saved:
            self._on_saved(path, job.owner)

    def remember_infotext(self, infotext: str) -> None:
        """Keep the parameters of the last picture for the page's Read button."""
        if (file := self._places.history_file) is None:
            return
        with self._lock:  # two workers may finish at once, and share the temporary file's name
            try:
                write(file, infotext.encode("utf-8", "replace"))
            except StorageError as error:
                log.warning("%s", error)

    def path_of(self, item: Item) -> Path:
        return self._places.data_dir / item.file

    def recover(self) -> None:
        """Settle every row that a kill left as `writing`: done if its very file is there."""
        for job_id, item in self._store.in_writing():
            path = self.path_of(item)
            try:
                there = hashlib.sha256(path.read_bytes()).hexdigest() == item.sha256
            except OSError:
                there = False
            if there:
                self._store.finish_item(job_id, item.index)
            else:
                path.with_name(path.name + TEMPORARY).unlink(missing_ok=True)
                self._store.drop_item(job_id, item.index)
            log.info(
                "picture %d of job %s was being written when the server ended: %s",
                item.index,
                job_id,
                "it is there" if there else "it is made again",
            )

    def forget(self, job_ids: Iterable[str]) -> None:
        """Remove the unsaved pictures of jobs that are forgotten."""
        for job_id in job_ids:
            shutil.rmtree(self._places.unsaved_dir / job_id, ignore_errors=True)

    def _put(self, job_id: str, item: Item, path: Path, data: bytes) -> None:
        """Row, file, row. Called with the lock held, so that no other file takes the name."""
        self._store.begin_item(job_id, replace(item, file=self.stored_name(path)))
        try:
            write(path, data)
        except StorageError:
            self._store.drop_item(job_id, item.index)
            raise
        self._numbers.wrote(path)
        self._store.finish_item(job_id, item.index)

    def _bytes_of(self, item: Item) -> bytes:
        path = self.path_of(item)
        try:
            return path.read_bytes()
        except OSError as error:
            raise ImageError(f"{path} can't be read ({error})") from error

    def _saved_path(
        self, job: Job, recipe: Recipe, summary: Summary | None, picture: Picture, data: bytes
    ) -> Path:
        wish = recipe.request
        if isinstance(wish, Extras):
            return place_extra(
                recipe.settings,
                self._places.data_dir,
                mime=picture.mime,
                name=wish.names[picture.index] if wish.names else "",
                upscaler=wish.upscaler_1,
            )
        assert summary is not None, "a request's pictures have a summary"
        naming = self._naming(job, recipe.settings, wish, summary, picture, data)
        data_dir = self._places.data_dir
        return place(naming, data_dir, mime=picture.mime, next_of=self._numbers.next)

    def _naming(
        self,
        job: Job,
        settings: Settings,
        request: Request,
        summary: Summary,
        picture: Picture,
        data: bytes,
    ) -> Naming:
        started = dt.datetime.fromtimestamp(job.started or job.created)
        part, place = request.part(picture.index)
        number = picture.index // request.images_each
        return Naming(
            request=part,
            picture=replace(picture, index=place),
            basename=request.inputs[number].stem if request.inputs else "",
            summary=summary,
            settings=settings,
            now=dt.datetime.now().astimezone(),
            job_timestamp=started.strftime("%Y%m%d%H%M%S"),
            data=data,
            user=job.owner,
            longest=self._places.longest_name,
            unix_only=self._places.unix_only_names,
        )

    def stored_name(self, path: Path) -> str:
        """Relative to the data folder where possible, so that the folder may be moved."""
        if path.is_relative_to(self._places.data_dir):
            return PurePath(path.relative_to(self._places.data_dir)).as_posix()
        return str(path.absolute())


def _item_of(picture: Picture, data: bytes, *, complete: bool, saved: bool) -> Item:
    return Item(
        index=picture.index,
        state=ItemState.WRITING,
        sha256=hashlib.sha256(data).hexdigest(),
        complete=complete,
        saved=saved,
        picture=picture.to_record(),
    )
