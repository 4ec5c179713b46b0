"""Between pixels and latents, with the family's scale and a way out of fp16 overflow.

Always runs without autocast, in its own precision, one picture at a time (A1111 numerics: VAE
and pixels). Does not clamp or round: what becomes of the pixels is its caller's business.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn

from modules.networks.offload import bring_home
from modules.networks.shortage import is_out_of_memory
from modules.networks.vae_tiles import decode_in_tiles

log = logging.getLogger(__name__)

Rescues = tuple[torch.dtype, ...]


def rescues(*, bfloat16: bool, float32: bool) -> Rescues:
    """What an overflowing VAE may go to, by the two settings (A1111 numerics 10).

    The original gives up where bfloat16 does not help; we go on to fp32 if that is allowed.
    """
    return (torch.bfloat16,) * bfloat16 + (torch.float32,) * float32


class Vae:
    """An autoencoder and its latent scale.

    `rescues`: precisions to repeat in, in turn, where the result is not a number; it stays in the
    one that worked. `begin` is called before the autoencoder computes.
    """

    def __init__(
        self,
        module: AutoencoderKL,
        scale: float,
        *,
        rescues: Rescues = (torch.float32,),
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self.module = module
        self.scale = scale
        self.rescues = rescues
        self.begin = begin

    @property
    def dtype(self) -> torch.dtype:
        # One weight is asked: the network itself would look through all its modules.
        return cast(nn.Module, self.module.decoder.conv_in).weight.dtype  # type: ignore[return-value]

    def encode(self, pixels: Tensor, noise: Tensor | None) -> Tensor:
        """Scaled latents (B, C, h, w) fp32 of pixels (B, 3, H, W) in [-1, 1].

        `noise` (B, C, h, w) draws from the posterior; None takes its mean.
        """
        rows = [
            self._encode_one(pixels[i : i + 1], None if noise is None else noise[i : i + 1])
            for i in range(len(pixels))
        ]
        return _batch(rows) * self.scale

    def mode(self, pixels: Tensor) -> Tensor:
        """The posterior's mode (B, C, h, w) fp32, not scaled, of pixels as in `encode`."""
        return torch.cat([self._encode_one(row[None], None) for row in pixels])

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels (B, 3, H, W) fp32 in about [-1, 1] of scaled latents (B, C, h, w)."""
        return _batch([self._decode_one(latents[i : i + 1]) for i in range(len(latents))])

    def _encode_one(self, pixels: Tensor, noise: Tensor | None) -> Tensor:
        self.begin()
        # The distribution clamps its log-variance to -30..20.
        (posterior,) = self.module.encode(pixels.to(self.dtype), return_dict=False)
        latent = posterior.mean.to(torch.float32)
        if noise is not None:
            latent = latent + posterior.std.to(torch.float32) * noise.to(latent.device)
        if self._rescued(latent):
            return self._encode_one(pixels, noise)
        return latent

    def _decode_one(self, latent: Tensor) -> Tensor:
        self.begin()
        scaled = cast(torch.FloatTensor, (latent / self.scale).to(self.dtype))
        pixels = self._pixels(scaled).to(torch.float32)
        # Whether anything is not a number is asked in 16 bit alone: the answer is waited for.
        if self.dtype != torch.float32 and not latent.isnan().any() and self._rescued(pixels):
            return self._decode_one(latent)
        return pixels

    def _pixels(self, scaled: torch.FloatTensor) -> Tensor:
        """The whole at once, or in tiles where it does not fit into memory."""
        try:
            return self.module.decode(scaled, return_dict=False)[0]
        except (MemoryError, RuntimeError) as error:
            circular = any(
                isinstance(each, nn.Conv2d) and each.padding_mode == "circular"
                for each in cast(nn.Module, self.module).modules()
            )
            if circular or not is_out_of_memory(error):
                raise
        log.warning("The whole picture does not fit into memory; it is decoded in tiles")
        if scaled.device.type == "cuda":
            torch.cuda.empty_cache()
        return decode_in_tiles(self.module, scaled).to(scaled.device)

    def _rescued(self, result: Tensor) -> bool:
        """Whether the result overflowed and the VAE went on to a precision worth a retry."""
        before = self.dtype
        if before == torch.float32 or not result.isnan().any():
            return False
        place = self.rescues.index(before) + 1 if before in self.rescues else 0
        if place == len(self.rescues):
            return False
        module = cast(nn.Module, self.module)
        bring_home(module)
        module.to(self.rescues[place])
        log.warning("The VAE overflowed in %s; from now on it computes in %s", before, self.dtype)
        return True


def _batch(rows: list[Tensor]) -> Tensor:
    """(B, ...) of rows (1, ...); a single one is not copied."""
    return rows[0] if len(rows) == 1 else torch.cat(rows)
