"""Joins everything light: flags, settings, what lies on disk, and the queue with its workers.

The doors (page, APIs) are handed an `App` and need nothing else. It imports no torch, serves
nothing, and does nothing before `start`.
"""

from __future__ import annotations

import functools
import logging
import random
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modules.errors import JobStateError, QueueFullError, RequestError, TooLargeError
from modules.flags import Flags, Paths, paths_of
from modules.generation.choices import resolve_sampler
from modules.generation.request import Request
from modules.generation.tokens import Tokenizer, count, load_tokenizer
from modules.generation.wish import Wish, wish_from_record
from modules.jobs.delivery import Delivery, places_of
from modules.jobs.inputs import InputStore
from modules.jobs.job import NewJob, Source
from modules.jobs.lock import FolderLock
from modules.jobs.own import OwnJobs, Visitors
from modules.jobs.queue import JobQueue
from modules.jobs.station import Desk
from modules.jobs.store import Store
from modules.jobs.supervisor import Staff, Supervisor, WorkerStatus, starts_of
from modules.library.canvas import CanvasStore
from modules.library.catalog import Catalog
from modules.library.hashes import Hasher
from modules.library.history import History
from modules.library.index import Index
from modules.library.networks import NetworkFiles
from modules.pictures.thumbnails import Thumbnails
from modules.settings import OPTIONS, Settings, SettingsStore

log = logging.getLogger(__name__)

WORKER = (sys.executable, "-X", "faulthandler", "-m", "modules.jobs.worker")
_SHA256 = re.compile(r'"([0-9a-f]{64})"')
_SEEDS = 2**32 - 2  # the original's own range of random seeds
_DAY = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Library:
    """What lies on disk."""

    index: Index
    hasher: Hasher
    catalog: Catalog
    networks: NetworkFiles
    canvas: CanvasStore


class App:
    """All parts behind the doors; made by `build_app`."""

    def __init__(
        self,
        *,
        flags: Flags,
        paths: Paths,
        settings: SettingsStore,
        library: Library,
        lock: FolderLock,
        worker_command: Sequence[str],
    ) -> None:
        self.flags = flags
        self.paths = paths
        self.settings = settings
        self.catalog = library.catalog
        self.networks = library.networks
        self.hasher = library.hasher
        self.canvas = library.canvas
        self.history = History(paths.easel_dir / "history.sqlite", self._output_folders)
        self.thumbnails = Thumbnails(paths.easel_dir / "thumbnails")
        self.inputs = InputStore(paths.easel_dir / "inputs")
        self._library = library
        self._lock = lock
        self._store = Store(paths.easel_dir / "jobs.sqlite")
        self._delivery = Delivery(self._store, places_of(flags, paths), self.history.add)
        self.visitors = Visitors(apart=flags.keeps_users_apart)
        self._queue = JobQueue(
            self._store,
            self._delivery,
            stops_after_current=lambda: settings.current.get("interrupt_after_current"),
        )
        self._supervisor = Supervisor(
            Desk(self._store, self._queue, self._delivery, self.inputs),
            Staff(
                command=worker_command,
                starts=starts_of(flags),
                folder=paths.program_dir,
                log_file=paths.easel_dir / "logs" / "worker.log",
            ),
            housekeep=self._keep_house,
        )
        self._closed = False
        self.started_at = {"library and queue": time.time()}  # unix s at which each was there
        self.is_ending: Callable[[], bool] = lambda: self._closed  # the server may know earlier

    def start(self, port: int | None = None) -> None:
        """Bring the queue to order and start the workers. `port` is told to a second server."""
        if port is not None:
            self._lock.tell(port)
        self._supervisor.start()
        self.started_at["worker begun"] = time.time()

    def close(self) -> None:
        """End the workers and let go of the data folder; the queue goes on at the next start."""
        if self._closed:
            return
        self._closed = True
        self._supervisor.close()
        self._store.close()
        self.hasher.close()
        self.history.close()
        self._library.index.close()
        self._lock.release()

    @property
    def jobs(self) -> OwnJobs:
        """The queue as the visitor may see it."""
        return OwnJobs(self._queue, self.visitors.owner)

    def submit(
        self,
        request: Wish,
        *,
        source: Source = "page",
        owner: str | None = None,
        settings_changes: Mapping[str, Any] | None = None,
        priority: int = 0,
        idempotency_key: str = "",
        webhook: str = "",
    ) -> str:
        """Put a wish into the queue; the job's id.

        From here on nothing is left to chance or to later changes: seeds are drawn, the settings
        are a snapshot with `settings_changes` and then the request's own overrides on it, the
        checkpoint is named. `owner` None: the visitor. EaselError, and no job, where the wish can't
        be carried out as asked.
        """
        settings = self.settings.snapshot().with_changes(self._allowed(settings_changes or {}))
        if isinstance(request, Request):
            settings = self._settings_for(request, settings)
        return self._enqueue(
            request,
            settings,
            source=source,
            owner=self.visitors.user if owner is None else owner,
            priority=priority,
            idempotency_key=idempotency_key,
            webhook=webhook,
        )

    def duplicate(self, job_id: str, *, new_seed: bool = False, source: Source = "easel") -> str:
        """Queue the same wish with the same settings again; the new job's id. With `new_seed` it
        makes other pictures. JobStateError where the stored wish can't be read any more.
        """
        view = self.jobs.view(job_id)
        if not view.request:
            raise JobStateError(f"the stored request of job {job_id} can't be read: send it again")
        request = wish_from_record(view.kind, view.request)
        if new_seed and isinstance(request, Request):
            request = replace(request, seed=-1, subseed=-1)
        return self._enqueue(
            request,
            Settings.from_record(view.settings),
            source=source,
            owner=self.visitors.user,
            priority=view.priority,
        )

    def check_priority(self, priority: int) -> None:
        """RequestError where a user would pass by the others."""
        if priority > 0 and self.flags.keeps_users_apart:
            raise RequestError(
                f"priority {priority} would pass by other users' jobs: give 0 or less",
                field="priority",
            )

    def worker_status(self) -> WorkerStatus:
        """How the workers are."""
        return self._supervisor.status()

    def ask_worker(self, what: str, timeout: float = 30.0) -> dict[str, Any]:
        """The worker's answer to a question of `messages.Ask`. WorkerError where none comes."""
        return dict(self._supervisor.ask(what, timeout))

    def count_tokens(self, text: str) -> tuple[int, int]:
        """Tokens of a prompt, and the limit up to which it needs no further chunk."""
        sd = self.settings.current.sd
        return count(
            text,
            self._tokenizer,
            comments=sd.enable_prompt_comments,
            emphasis=sd.emphasis,
            comma_backtrack=sd.comma_padding_backtrack,
        )

    # -------------------------------------------------------------------------- within

    @functools.cached_property
    def _tokenizer(self) -> Tokenizer:
        return load_tokenizer(self.paths.configs_dir)

    def _settings_for(self, request: Request, settings: Settings) -> Settings:
        """With the request's own overrides. UnknownNameError where checkpoint or VAE are not
        there.
        """
        settings = settings.with_changes(self._allowed(request.override_settings))
        checkpoint = self.catalog.default(settings.sd.sd_model_checkpoint or None)
        self.catalog.vae_for(checkpoint, settings.vae.sd_vae)
        return settings.with_changes({"sd_model_checkpoint": checkpoint.name})

    def _allowed(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The changes without those of limits and of hidden folders, which no request may move."""
        hides_folders = self.flags.hides_folders
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
                self.catalog.find(hires.other_checkpoint, "hr_checkpoint_name")
        if request.refiner:
            self.catalog.find(request.refiner, "refiner_checkpoint")
        self._check_size(request)

    def _check_inputs(self, request: Wish) -> None:
        for name in request.images_needed:
            if not self.inputs.has(name):
                raise RequestError(
                    f"the picture {name[:12]} is not stored here: send it first",
                    field="init_images",
                )

    def _enqueue(
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
        if idempotency_key and (known := self._queue.known(owner, idempotency_key)):
            return known
        if isinstance(request, Request):
            self._check(request)
            request = _with_seeds(request)
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

    def _check_room(self, owner: str) -> None:
        """QueueFullError where too many jobs wait, in all or of this one of several users."""
        limit = self.settings.current.easel.easel_max_queue
        if self._queue.waiting_count() >= limit:
            raise QueueFullError(
                f"{limit} jobs wait already: try again later, or raise the setting easel_max_queue"
            )
        if self.flags.keeps_users_apart:
            share = max(1, limit // len({user for user, _ in self.flags.users}))
            if self._queue.waiting_count(owner) >= share:
                raise QueueFullError(
                    f"{share} of your jobs wait already, your share of the queue: try again later"
                )

    def _check_size(self, request: Request) -> None:
        """TooLargeError for a batch that no step of which would end: it could not be stopped."""
        width, height = request.width or 512, request.height or 512
        hires = request.hires
        if hires is not None:
            width = max(width, hires.resize_x or int(width * hires.scale))
            height = max(height, hires.resize_y or int(height * hires.scale))
        pixels = width * height * request.batch_size
        most = self.settings.current.easel.easel_max_batch_pixels
        if pixels > most:
            raise TooLargeError(
                f"width {width} x height {height} x batch_size {request.batch_size} is {pixels} "
                f"pixels at once, more than {most} (setting easel_max_batch_pixels): "
                "ask for smaller pictures or a larger batch count",
                field="batch_size" if request.batch_size > 1 else "width",
            )

    def _output_folders(self) -> list[Path]:
        """Where finished pictures go by the settings of now, those of the Save button too."""
        saving = self.settings.current.saving_paths
        names = (
            saving.outdir_samples,
            saving.outdir_txt2img_samples,
            saving.outdir_img2img_samples,
            saving.outdir_extras_samples,
            saving.outdir_grids,
            saving.outdir_txt2img_grids,
            saving.outdir_img2img_grids,
            saving.outdir_save,
        )
        return [self.paths.data_dir / name for name in names if name]

    def _keep_house(self) -> None:
        """Forget old jobs with their unsaved pictures, inputs that no job names, old drawings."""
        keep = self.settings.current.easel
        self._delivery.forget(
            self._store.forget(
                older_than=time.time() - keep.easel_keep_jobs_days * _DAY,
                keep=keep.easel_keep_jobs,
            )
        )
        named = {name for text in self._store.requests() for name in _SHA256.findall(text)}
        self.inputs.sweep(named)
        self.canvas.sweep(older_than=keep.easel_keep_jobs_days * _DAY)
        self.thumbnails.sweep()


def build_app(flags: Flags, *, worker_command: Sequence[str] | None = None) -> App:
    """Everything opened, nothing started. `worker_command` (for tests) replaces the real worker.

    StorageError where another server has the data folder, or it can't be written.
    """
    paths = paths_of(flags)
    lock = FolderLock(paths.easel_dir / "lock")
    lock.take()
    try:
        settings = SettingsStore(paths.settings_file)
        settings.load()
        index = Index(paths.easel_dir / "library.sqlite")
        hasher = Hasher(index, enabled=not flags.no_hashing)
        return App(
            flags=flags,
            paths=paths,
            settings=settings,
            library=Library(
                index=index,
                hasher=hasher,
                catalog=Catalog(paths, hasher),
                networks=NetworkFiles(paths, hasher, index),
                canvas=CanvasStore(paths.easel_dir / "canvas"),
            ),
            lock=lock,
            worker_command=worker_command or WORKER,
        )
    except BaseException:
        lock.release()
        raise


def _with_seeds(request: Request) -> Request:
    def drawn(seed: int) -> int:
        return random.randrange(_SEEDS) if seed == -1 else seed

    return replace(request, seed=drawn(request.seed), subseed=drawn(request.subseed))
