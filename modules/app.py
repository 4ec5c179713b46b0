"""Joins everything light: flags, settings, what lies on disk, and the queue with its workers.

The doors (page, APIs) are handed an `App` and need nothing else. It imports no torch, serves
nothing, and does nothing before `start`.
"""

from __future__ import annotations

import faulthandler
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modules.errors import JobStateError, RequestError
from modules.flags import Flags, Paths, paths_of
from modules.generation.network_names import with_names
from modules.generation.request import Hires, Request
from modules.generation.version import VERSION
from modules.generation.wish import Wish, wish_from_record
from modules.jobs.again import enlarged
from modules.jobs.assignment import Desk
from modules.jobs.console import Console
from modules.jobs.delivery import Delivery, places_of
from modules.jobs.inputs import InputStore
from modules.jobs.intake import Intake
from modules.jobs.job import Source
from modules.jobs.keepsakes import Keepsakes
from modules.jobs.lock import FolderLock
from modules.jobs.own import OwnJobs, Visitors
from modules.jobs.queue import JobQueue
from modules.jobs.removal import Removal
from modules.jobs.store import Store
from modules.jobs.supervisor import Staff, Supervisor, WorkerStatus, starts_of
from modules.jobs.webhooks import Webhooks
from modules.library.arrivals import Arrivals, Arrived
from modules.library.canvas import CanvasStore
from modules.library.cards import Cards
from modules.library.catalog import Catalog
from modules.library.deleted import Deleted
from modules.library.download import Download
from modules.library.downloads import Downloads
from modules.library.folders import ModelFolders
from modules.library.hashes import Hasher
from modules.library.history import History
from modules.library.index import Index
from modules.library.localizations import Localizations
from modules.library.networks import NetworkFiles
from modules.library.outward import Outward
from modules.library.styles import StyleFiles
from modules.library.token_counter import TokenCounter
from modules.library.uploads import Uploads
from modules.pictures.thumbnails import Thumbnails
from modules.settings import Settings, SettingsStore

log = logging.getLogger(__name__)

WORKER = (sys.executable, "-X", "faulthandler", "-m", "modules.jobs.worker")
_SHA256 = re.compile(r'"([0-9a-f]{64})"')
_DAY = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Library:
    """What lies on disk."""

    index: Index
    hasher: Hasher
    catalog: Catalog
    networks: NetworkFiles
    folders: ModelFolders
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
        self.cards = Cards(library.catalog, library.networks)
        self.hasher = library.hasher
        self.canvas = library.canvas
        arrivals = Arrivals(library.folders)
        self.uploads = Uploads(arrivals, library.folders)
        self.downloads = Downloads(
            paths.easel_dir / "downloads",
            Outward(local_too=flags.downloads_local, timeout=60, agent=f"Easel/{VERSION}"),
            arrivals,
            arrived=self._downloaded,
            hub=flags.hub_address,
        )
        self.history = History(paths.easel_dir / "history.sqlite", self._output_folders)
        self.thumbnails = Thumbnails(paths.easel_dir / "thumbnails")
        self.styles = StyleFiles(paths.styles_files)
        self.localizations = Localizations(paths.localization_dirs)
        self.inputs = InputStore(paths.easel_dir / "inputs")
        self._counter = TokenCounter(paths.configs_dir, library.networks)
        self._library = library
        self._lock = lock
        self._store = Store(paths.easel_dir / "jobs.sqlite")
        self._delivery = Delivery(self._store, places_of(flags, paths), self.history.add)
        self.removal = Removal(
            self._store,
            self._delivery,
            self.history,
            Deleted(paths.easel_dir / "deleted"),
            days=lambda: settings.current.easel.easel_keep_deleted_days,
        )
        self.keepsakes = Keepsakes(
            self._store, self._delivery, paths.data_dir, lambda: settings.current
        )
        self.visitors = Visitors(apart=flags.keeps_users_apart)
        self._queue = JobQueue(
            self._store,
            self._delivery,
            stops_after_current=lambda: settings.current.get("interrupt_after_current"),
        )
        self.intake = Intake(self._queue, settings, self.catalog, self.inputs, flags)
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
        self.outward = Outward(local_too=flags.webhooks_local, agent=f"Easel/{VERSION}")
        self._webhooks = Webhooks(self._store, self.outward)
        self._console = Console(self._queue, sys.stderr)
        self._closed = False
        self.started_at = {"library and queue": time.time()}  # unix s at which each was there
        self.is_ending: Callable[[], bool] = lambda: self._closed  # the server may know earlier

    def start(self, port: int | None = None) -> None:
        """Bring the queue to order and start the workers. `port` is told to a second server."""
        if port is not None:
            self._lock.tell(port)
        self._supervisor.start()
        if self.flags.webhooks:
            self._webhooks.start()
        bars = self.settings.current.system.multiple_tqdm
        if bars and sys.stderr.isatty() and not self.flags.disable_console_progressbars:
            self._console.open()
        self.started_at["worker begun"] = time.time()

    def close(self) -> None:
        """End the workers and let go of the data folder; the queue goes on at the next start."""
        if self._closed:
            return
        self._closed = True
        if self.settings.current.system.dump_stacks_on_signal:
            faulthandler.dump_traceback()
        self.downloads.close()
        self._console.close()
        self._supervisor.close()
        self._webhooks.close()
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
        if webhook:
            self._check_webhook(webhook)
        return self.intake.take(
            request,
            self.intake.settings_for(request, settings_changes or {}),
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
        return self.intake.take(
            request,
            Settings.from_record(view.settings),
            source=source,
            owner=self.visitors.user,
            priority=view.priority,
        )

    def enlarge(self, job_id: str, index: int, hires: Hires, *, source: Source = "easel") -> str:
        """Queue the second pass `hires` alone over picture `index` of a txt2img job, with what it
        was made with: seed, prompts, settings, checkpoint. The new job's id; it makes one picture.
        RequestError for a picture of another kind.
        """
        view = self.jobs.view(job_id)
        item = next((each for each in view.items if each.index == index), None)
        if view.kind != "txt2img" or item is None or not view.request:
            raise RequestError(
                "only a picture of txt2img can be made larger so: choose one", field="image"
            )
        made = wish_from_record(view.kind, view.request)
        assert isinstance(made, Request)
        first = self.inputs.put(self.jobs.image_bytes(job_id, index)[0])
        return self.intake.take(
            enlarged(made, item, first, hires),
            Settings.from_record(view.settings),
            source=source,
            owner=self.visitors.user,
            priority=view.priority,
        )

    def worker_status(self) -> WorkerStatus:
        """How the workers are."""
        return self._supervisor.status()

    def ask_worker(self, what: str, timeout: float = 30.0) -> dict[str, Any]:
        """The worker's answer to a question of `messages.Ask`. WorkerError where none comes."""
        return dict(self._supervisor.ask(what, timeout))

    @property
    def notification_sound(self) -> Path | None:
        """What the page plays when pictures are ready: the user's file, where there is one."""
        folders = (self.paths.data_dir, self.paths.program_dir)
        files = (folder / "notification.mp3" for folder in folders)
        return next((file for file in files if file.is_file()), None)

    def look_for_models(self) -> None:
        """Look at all folders again."""
        self.catalog.refresh()
        self.networks.refresh()

    def count_tokens(self, text: str) -> tuple[int, int]:
        """Tokens of a prompt, and the limit up to which it needs no further chunk."""
        return self._counter.count(text, self.settings.current)

    def with_present_names(self, infotext: str) -> str:
        """An infotext with the names that its LoRAs' files have now, known by their hashes."""
        by_alias = self.settings.current.extra_networks.lora_preferred_name != "Filename"
        return with_names(
            infotext,
            lambda name, digest: self.networks.present_name(name, digest, by_alias=by_alias),
        )

    # -------------------------------------------------------------------------- within

    def _check_webhook(self, address: str) -> None:
        """RequestError where nobody would be told at that address."""
        if not self.flags.webhooks:
            raise RequestError(
                "webhooks are off: start with --webhooks, or ask for the job", field="webhook"
            )
        self.outward.check(address)

    def _downloaded(self, download: Download, arrived: Arrived) -> None:
        """Its sum was checked, so nobody has to work it out again."""
        if digest := download.sha256 or download.told_sha256:
            stat = arrived.path.stat()
            self._library.index.store(arrived.path, stat.st_size, stat.st_mtime_ns, digest)
        self.look_for_models()

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
        self.removal.sweep()
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
        folders = ModelFolders(
            paths,
            lambda: settings.current.easel.easel_extra_models_dirs,
            lambda: settings.current.system.list_hidden_files,
        )
        return App(
            flags=flags,
            paths=paths,
            settings=settings,
            library=Library(
                index=index,
                hasher=hasher,
                catalog=Catalog(paths, hasher, folders),
                networks=NetworkFiles(paths, hasher, index, folders),
                folders=folders,
                canvas=CanvasStore(paths.easel_dir / "canvas"),
            ),
            lock=lock,
            worker_command=worker_command or WORKER,
        )
    except BaseException:
        lock.release()
        raise
