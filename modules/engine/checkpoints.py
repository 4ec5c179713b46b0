"""The checkpoints of one job: its own, hires fix's, the refiner's. One is at work at a time.

Between two turns the engine holds none of them, so that what keeps checkpoints loaded may drop one
to make room for the next. It knows neither files nor names of files, nor how one is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from modules.errors import RequestError
from modules.networks.model import Model
from modules.networks.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The files that pictures are made with. The hashes may have to be waited for; None: not
    wanted.

    `vae_name` "" where the checkpoint's own VAE is used.
    """

    model_name: str
    model_hash: Callable[[], str | None]
    vae_name: str = ""
    vae_hash: Callable[[], str | None] = lambda: None

    def short_title(self) -> str:
        """As infotext names a checkpoint beside the main one: name [hash]. Waits for the hash."""
        digest = self.model_hash()
        return f"{self.model_name} [{digest}]" if digest else self.model_name


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """A checkpoint that may take a turn. `open` loads it, unless it still is; `key` tells two
    apart.

    alphas_cumprod: its own, (1000,) fp32.
    """

    key: str
    spec: Spec
    alphas_cumprod: Tensor
    sources: Sources
    open: Callable[[], Model]


class Turns:
    """Who is at work. `model` is asked for anew wherever it is used, never kept beyond a turn."""

    def __init__(self, model: Model, own: Checkpoint | None) -> None:
        self._own = own
        self._model: Model | None = model
        self._at_work = own

    @property
    def model(self) -> Model:
        assert self._model is not None, "the last checkpoint could not be opened"
        return self._model

    def is_at_work(self, checkpoint: Checkpoint | None) -> bool:
        """Whether it is that one's turn; None: the job's own."""
        wanted = checkpoint or self._own
        if wanted is None:  # the job has but one
            return True
        at_work = self._at_work
        return self._model is not None and at_work is not None and wanted.key == at_work.key

    def use(self, checkpoint: Checkpoint | None) -> None:
        """Make that one's turn begin (None: the job's own); whoever held the last lets go first."""
        wanted = checkpoint or self._own
        assert wanted is not None, "nobody told how the job's own checkpoint is opened again"
        self._model = None  # there may be room for one only
        self._at_work = wanted
        with torch.inference_mode(False):  # its weights are to stay changeable
            self._model = wanted.open()


def check_same_latents(spec: Spec, other: Checkpoint, own_name: str, field: str) -> None:
    """RequestError where a latent of `spec` means another picture, or none, to `other`."""
    there = other.spec
    if (spec.latent_channels, spec.vae_factor, spec.latent_scale) != (
        there.latent_channels,
        there.vae_factor,
        there.latent_scale,
    ):
        raise RequestError(
            f"{other.sources.model_name} ({there.family}) can't go on with latents of {own_name} "
            f"({spec.family}): choose a checkpoint of the same family"
            + (", or an upscaler of pictures" if field == "hr_checkpoint_name" else ""),
            field=field,
        )
