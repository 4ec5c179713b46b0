"""The Save button: a picture's file copied into a folder of its own, and a line in the log there;
and what the Zip button's archive is called.

Folder, names and log as the settings of now say (A1111 interface 6 and 15.1). Who may see the job
has been asked before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from modules.errors import JobError, StorageError
from modules.generation.request import Request
from modules.generation.result import Picture, Summary
from modules.jobs.delivery import Delivery, Recipe
from modules.jobs.job import GRID, Item, ItemState, Job
from modules.jobs.store import Store
from modules.jobs.supervisor import read_recipe
from modules.library.saved_log import SavedLog
from modules.settings import Settings

_FOLDER = "log/images"  # where the setting is empty
_ARCHIVE = "[datetime]_[[model_name]]_[seed]-[seed_last]"  # A1111 interface 15.1


class Keepsakes:
    """`settings()`: those of now."""

    def __init__(
        self, store: Store, delivery: Delivery, data_dir: Path, settings: Callable[[], Settings]
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._data_dir = data_dir
        self._settings = settings
        self._log = SavedLog()

    def save(self, job: Job, index: int) -> list[Path]:
        """Save picture `index` of the job, or all of it where a setting says so; the copies.

        JobError where there is none, or its file is gone; StorageError where it can't be written.
        """
        settings = self._settings()
        items = [each for each in self._store.items(job.id) if each.state is ItemState.DONE]
        if not any(each.index == index for each in items):
            raise JobError(f"job {job.id} has no picture {index}")
        if settings.saving_images.save_selected_only:
            items = [each for each in items if each.index == index]
        recipe = read_recipe(job)
        if not isinstance(recipe.request, Request) or job.summary is None:
            raise JobError("what Extras made lies in its own folder already: download it instead")
        summary = Summary.from_record(job.summary)
        items.sort(key=lambda item: (item.index == GRID, item.index))
        return [self._save(job, recipe, summary, item, settings) for item in items]

    def archive_name(self, job: Job) -> str:
        """What an archive of the job's pictures is called, without ending. JobError without any."""
        first = next((each for each in self._store.items(job.id) if each.index >= 0), None)
        if first is None or not first.picture:
            raise JobError(f"job {job.id} has no pictures")
        recipe = read_recipe(job)
        if not isinstance(recipe.request, Request) or job.summary is None:
            return f"{job.kind}-{job.id}"
        pattern = self._settings().saving_images.grid_zip_filename_pattern or _ARCHIVE
        summary, picture = Summary.from_record(job.summary), Picture.from_record(first.picture)
        return self._delivery.named(pattern, job, recipe, summary, picture)

    def _save(
        self, job: Job, recipe: Recipe, summary: Summary, item: Item, settings: Settings
    ) -> Path:
        try:
            data = self._delivery.path_of(item).read_bytes()
        except OSError as error:
            raise JobError(
                f"picture {item.index} of job {job.id} is not where it was any more: "
                f"{self._delivery.path_of(item).name} was moved or deleted"
            ) from error
        picture = Picture.from_record(item.picture)
        if picture.index == GRID:  # a name counts from the first picture
            picture = replace(picture, index=0)
        folder = settings.saving_paths.outdir_save or _FOLDER
        into_folders = settings.saving_to_dirs.use_save_to_dirs_for_ui
        there = settings.with_changes({"outdir_samples": folder, "save_to_dirs": into_folders})
        recipe = replace(recipe, settings=there)
        path = self._delivery.copy(job, recipe, summary, picture, data)
        if settings.saving_images.save_write_log_csv:
            try:
                self._log.append(self._data_dir / folder, _row(path, picture, summary))
            except StorageError as error:
                raise StorageError(f"{path.name} is saved, but {error.message}") from error
        return path


def _row(path: Path, picture: Picture, summary: Summary) -> dict[str, object]:
    return {
        "prompt": picture.prompt,
        "seed": picture.seed,
        "width": picture.width,
        "height": picture.height,
        "sampler": summary.sampler_name,
        "cfgs": summary.cfg_scale,
        "steps": summary.steps,
        "filename": path.name,
        "negative_prompt": picture.negative_prompt,
        "sd_model_name": summary.model_name,
        "sd_model_hash": summary.model_hash or "",
    }
