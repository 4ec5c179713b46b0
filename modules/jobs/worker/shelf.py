"""The checkpoints that a job names: their files found, opened when they are due.

Lives as long as the worker. Knows names and files; what a checkpoint is used for, and when, is the
engine's business.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

from modules.engine.checkpoints import Checkpoint, Sources
from modules.errors import UnknownNameError
from modules.library.catalog import Catalog, CheckpointFile
from modules.library.hashes import SHORT, Hasher
from modules.networks.economy import Storage
from modules.networks.fp8 import is_wanted
from modules.networks.kept import Limits
from modules.networks.model import Model
from modules.networks.models import Models
from modules.networks.spec import Spec
from modules.networks.vae import rescues
from modules.networks.weights import read_state
from modules.settings import Settings

Tell = Callable[[str], None]


class Shelf:
    """Checkpoints by name. `models` keeps them loaded."""

    def __init__(self, catalog: Catalog, hasher: Hasher, models: Models) -> None:
        self._catalog = catalog
        self._hasher = hasher
        self._models = models
        self._last: tuple[Path, Path | None] | None = None  # checkpoint and VAE

    def reload(self) -> None:
        """Load again what was used last."""
        if self._last is not None:
            self._models.get(*self._last)

    def own(self, settings: Settings, tell: Tell) -> tuple[Model, Checkpoint]:
        """The job's own checkpoint, loaded; `tell` hears of it if that takes time."""
        file, vae = self._own_files(settings)
        sources = self._sources(file, vae)  # begins to hash while it is loaded
        model = self._load(file, vae, settings, tell)
        checkpoint = Checkpoint(
            key=str(file.path),
            spec=model.spec,
            alphas_cumprod=model.alphas_cumprod,
            sources=sources,
            open=lambda: self._load(file, vae, settings, tell),
        )
        return model, checkpoint

    def other(self, name: str, field: str, settings: Settings, tell: Tell) -> Checkpoint:
        """Another one for the request's field of that name. UnknownNameError, CheckpointError."""
        try:
            file = self._catalog.find(name, field)
        except UnknownNameError:
            self._catalog.refresh()  # the web process may have seen a new file
            file = self._catalog.find(name, field)
        vae = self._catalog.vae_for(file, settings.vae.sd_vae)
        spec, alphas_cumprod = self._models.look(file.path, vae)
        return Checkpoint(
            key=str(file.path),
            spec=spec,
            alphas_cumprod=alphas_cumprod,
            sources=self._sources(file, vae),
            open=lambda: self._load(file, vae, settings, tell),
        )

    def _own_files(self, settings: Settings) -> tuple[CheckpointFile, Path | None]:
        """The files of checkpoint and VAE (None: the checkpoint's own), as they lie there now."""
        name, vae = settings.sd.sd_model_checkpoint or None, settings.vae.sd_vae
        try:
            checkpoint = self._catalog.default(name)
            return checkpoint, self._catalog.vae_for(checkpoint, vae)
        except UnknownNameError:
            self._catalog.refresh()  # the web process may have seen a new file
            checkpoint = self._catalog.default(name)
            return checkpoint, self._catalog.vae_for(checkpoint, vae)

    def _sources(self, file: CheckpointFile, vae: Path | None) -> Sources:
        model_hash = self._hasher.request(file.path)
        vae_hash = self._hasher.request(vae) if vae else None
        return Sources(
            model_name=file.stem,
            model_hash=lambda: _short(model_hash),
            vae_name=vae.name if vae else "",
            vae_hash=lambda: _short(vae_hash),
        )

    def _load(
        self, file: CheckpointFile, vae: Path | None, settings: Settings, tell: Tell
    ) -> Model:
        self._models.limits = _limits(settings)
        self._models.on_device = (
            1 if settings.sd.sd_checkpoints_keep_in_cpu else self._models.limits.count
        )
        self._models.economy = replace(self._models.economy, storage=partial(_storage, settings))
        self._models.vaes_kept = settings.vae.sd_vae_checkpoint_cache
        self._models.vae_rescues = rescues(
            bfloat16=settings.vae.auto_vae_precision_bfloat16,
            float32=settings.vae.auto_vae_precision,
        )
        mapped = not settings.system.disable_mmap_load_safetensors
        self._models.read = partial(read_state, mapped=mapped)
        if not self._models.has(file.path, vae):
            tell(f"Loading {file.name}")
        model = self._models.get(file.path, vae)
        self._last = (file.path, vae)
        return model


def _storage(settings: Settings, spec: Spec) -> Storage:
    if not is_wanted(settings.optimizations.fp8_storage, spec.family):
        return "plain"
    return "fp8 and wide" if settings.optimizations.cache_fp16_weight else "fp8"


def _limits(settings: Settings) -> Limits:
    extra = settings.easel.easel_checkpoints_memory_gb
    return Limits(
        count=max(1, settings.sd.sd_checkpoints_limit),
        extra=None if extra < 0 else int(extra * 2**30),
    )


def _short(future: Future[str | None] | None) -> str | None:
    """The short hash, waited for; None where there is none."""
    digest = future.result() if future is not None else None
    return digest[:SHORT] if digest else None
