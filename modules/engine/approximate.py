"""TAESD in the place of a checkpoint's own VAE, where a job's settings want it: for decoding, for
encoding, for previews.

Where its file is not there the whole VAE is used, and that is told once. How the small networks
compute is not known here. Rules: A1111 numerics, VAE and pixels.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager

from torch import Tensor, nn

from modules.engine.plan import Plan
from modules.errors import CheckpointError
from modules.networks.model import Model
from modules.networks.plans import ALL
from modules.networks.taesd import Half, TaesdFiles, file_stem
from modules.settings import Settings

log = logging.getLogger(__name__)

TAESD = "TAESD"


class Approximations:
    """What one job wants of TAESD, and gets.

    fields: of infotext, after the checkpoints so far. warnings: one line for each file that was
    missed.
    """

    def __init__(self, files: TaesdFiles | None, settings: Settings, plan: Plan) -> None:
        self.warnings: list[str] = []
        self.fields: dict[str, str] = {}
        self._files = files or TaesdFiles()
        self._encodes = settings.vae.sd_vae_encode_method == TAESD and _encodes(plan)
        self._decodes = settings.vae.sd_vae_decode_method == TAESD
        self._previews = settings.live_previews.show_progress_type
        self._moves_for_previews = settings.live_previews.live_preview_allow_lowvram_full
        self._found: dict[str, nn.Module | None] = {}

    def instead_of_vae(self, model: Model) -> AbstractContextManager[None]:
        """Inside it `model` encodes and decodes as the settings want it."""
        encoder = self._half("encoder", model, "the whole VAE is used") if self._encodes else None
        decoder = self._half("decoder", model, "the whole VAE is used") if self._decodes else None
        if encoder is not None:
            self.fields["VAE Encoder"] = TAESD
        if decoder is not None:
            self.fields["VAE Decoder"] = TAESD
        return model.approximated(encoder=encoder, decoder=decoder)

    def preview_decoder(self, model: Model) -> Callable[[Tensor], Tensor] | None:
        """From a latent (1, C, h, w) to pixels (1, 3, H, W) in about [-1, 1], for looking at while
        they are made; None: by the family's matrix.
        """
        if self._previews == "Full":
            if model.plan != ALL and not self._moves_for_previews:
                return None
            return lambda latent: model.decode(latent, exact=True)
        if self._previews != TAESD:
            return None
        decoder = self._half("decoder", model, "previews are made without it")
        return None if decoder is None else lambda latent: model.decode_by(decoder, latent)

    def _half(self, half: Half, model: Model, instead: str) -> nn.Module | None:
        stem = file_stem(half, model.spec)
        if stem not in self._found:
            self._found[stem] = self._load(half, model, instead)
        return self._found[stem]

    def _load(self, half: Half, model: Model, instead: str) -> nn.Module | None:
        try:
            return self._files.load(half, model.spec, model.dtype, model.device)
        except CheckpointError as error:
            line = f"TAESD is chosen, but {error}: {instead}"
            log.warning(line)
            self.warnings.append(line)
            return None


def _encodes(plan: Plan) -> bool:
    """Whether any picture of the job becomes a latent."""
    if plan.init is not None or plan.first_picture is not None:
        return True
    return plan.enlarging is not None and not plan.enlarging.in_latent_space
