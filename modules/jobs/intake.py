"""From a wish to a queued job: all that is fixed at that moment, and all that is refused before it.

Knows settings, limits and what is there to be named; nothing of how pictures are made.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modules.errors import QueueFullError, RequestError, TooLargeError
from modules.flags import Flags
from modules.generation.choices import resolve_sampler
from modules.generation.request import Request
from modules.generation.wish import Wish
from modules.jobs.inputs import InputStore
from modules.jobs.job import NewJob, Source
from modules.jobs.queue import JobQueue
from modules.library.catalog import Catalog
from modules.settings import OPTIONS, Settings, SettingsStore

_SEEDS = 2**32 - 2  # the original's own range of random seeds


class Intake:
    """Each method raises an EaselError, and there is no job, where a wish can't be carried out as
    asked.
    """

    def __init__(
        self,
        queue: JobQueue,
        settings: SettingsStore,
        catalog: Catalog,
        inputs: InputStore,
        flags: Flags,
    ) -> None:
        self._queue = queue
        self._settings = settings
        self._catalog = catalog
        self._inputs = inputs
        self._flags = flags

    def settings_for(self, request: Wish, changes: Mapping[str, Any]) -> Settings:
        """A snapshot of the settings with `changes` and then the request's own overrides on it.
        UnknownNameError where checkpoint or VAE are not there.
        """
        settings = self._settings.snapshot().with_changes(self._allowed(changes))
        if not isinstance(request, Request):
            return settings
        settings = settings.with_changes(self._allowed(request.override_settings))
        checkpoint = self._catalog.default(settings.sd.sd_model_checkpoint or None)
        self._catalog.vae_for(checkpoint, settings.vae.sd_vae)
        return settings.with_changes({"sd_model_checkpoint": checkpoint.name})

    def take(
        self,
        request: Wish,
        settings: Settings,
        *,
        source: Source,
        owner: str,
        priority: int,
        idempotency_key: str = "",
        webhook: str = "",
    ) -> str:
        """The id of the new job, or of the one that `owner` handed in before under this key."""
        if idempotency_key and (known := self._queue.known(owner, idempotency_key)):
            return known
        if isinstance(request, Request):
            self._check(request)
            request = self._with_checkpoints(_with_seeds(request))
        self._check_inputs(request)
        self._check_room(owner)
        self.check_priority(priority)
        return self._queue.submit(
            NewJob(
                kind=request.kind,
                image_count=request.image_count,
                request=request.to_record(),
                settings=settings.to_record(),
                source=source,
                owner=owner,
                priority=priority,
                keeps_images=request.save_images,
                idempotency_key=idempotency_key,
                webhook=webhook,
            )
        )

    def check_priority(self, priority: int) -> None:
        """RequestError where a user would pass by the others."""
        if priority > 0 and self._flags.keeps_users_apart:
            raise RequestError(
                f"priority {priority} would pass by other users' jobs: give 0 or less",
                field="priority",
            )

    def _allowed(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The changes without those of limits and of hidden folders, which no request may move."""
        hides_folders = self._flags.hides_folders
        return {
            key: value
            for key, value in changes.items()
            if (row := OPTIONS.get(key)) is None
            or not (row.restrict_api or (row.hidden_dir and hides_folders))
        }

    def _check(self, request: Request) -> None:
        """EaselError where the request names what is not here."""
        resolve_sampler(request.sampler_name, request.scheduler)
        hires = request.hires
        if hires is not None:
            resolve_sampler(hires.sampler_name, hires.scheduler, prefix="hr_")
            if hires.other_checkpoint:
                self._catalog.find(hires.other_checkpoint, "hr_checkpoint_name")
        if request.refiner:
            self._catalog.find(request.refiner, "refiner_checkpoint")
        for given in request.inputs:
            if given.sampler_name is not None or given.scheduler is not None:
                sampler = given.sampler_name or request.sampler_name
                resolve_sampler(sampler, given.scheduler or request.scheduler)
        parts = {(given.width, given.height) for given in request.inputs} or {(None, None)}
        for width, height in parts:
            self._check_size(request, width or request.width, height or request.height)

    def _with_checkpoints(self, request: Request) -> Request:
        """The batch with the names that its inputs' own checkpoints have now."""
        init = request.init
        if init is None or not any(given.checkpoint for given in init.inputs):
            return request
        inputs = tuple(
            replace(given, checkpoint=self._catalog.find(given.checkpoint, "checkpoint").name)
            if given.checkpoint
            else given
            for given in init.inputs
        )
        return replace(request, init=replace(init, inputs=inputs))

    def _check_inputs(self, request: Wish) -> None:
        for name in request.images_needed:
            if not self._inputs.has(name):
                raise RequestError(
                    f"the picture {name[:12]} is not stored here: send it first",
                    field="init_images",
                )

    def _check_room(self, owner: str) -> None:
        """QueueFullError where too many jobs wait, in all or of this one of several users."""
        limit = self._settings.current.easel.easel_max_queue
        if self._queue.waiting_count() >= limit:
            raise QueueFullError(
                f"{limit} jobs wait already: try again later, or raise the setting easel_max_queue"
            )
        if self._flags.keeps_users_apart:
            share = max(1, limit // len({user for user, _ in self._flags.users}))
            if self._queue.waiting_count(owner) >= share:
                raise QueueFullError(
                    f"{share} of your jobs wait already, your share of the queue: try again later"
                )

    def _check_size(self, request: Request, width: int | None, height: int | None) -> None:
        """TooLargeError for a batch that no step of which would end: it could not be stopped."""
        width, height = width or 512, height or 512
        hires = request.hires
        if hires is not None:
            width = max(width, hires.resize_x or int(width * hires.scale))
            height = max(height, hires.resize_y or int(height * hires.scale))
        pixels = width * height * request.batch_size
        most = self._settings.current.easel.easel_max_batch_pixels
        if pixels > most:
            raise TooLargeError(
                f"width {width} x height {height} x batch_size {request.batch_size} is {pixels} "
                f"pixels at once, more than {most} (setting easel_max_batch_pixels): "
                "ask for smaller pictures or a larger batch count",
                field="batch_size" if request.batch_size > 1 else "width",
            )


def _with_seeds(request: Request) -> Request:
    def drawn(seed: int) -> int:
        return random.randrange(_SEEDS) if seed == -1 else seed

    return replace(request, seed=drawn(request.seed), subseed=drawn(request.subseed))
