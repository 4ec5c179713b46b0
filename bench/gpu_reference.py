"""What plain diffusers does with the same weights: its scheduler, its loop, its way to pixels.

Eager, in the weights' own precision, as its pipelines run it, and the bare calls of the networks
alone. It is a reference for speed; its pictures are thrown away.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.image_processor import VaeImageProcessor
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
    EulerAncestralDiscreteScheduler,
)
from torch import Tensor

from modules.generation.request import Request
from modules.networks.model import Model

TOKENS = 77
_BETAS: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}


class Reference:
    """One request's work. `request`: of the samplers Euler a and DPM++ 2M."""

    def __init__(self, model: Model, request: Request) -> None:
        assert request.width is not None and request.height is not None
        self._model = model
        self._request = request
        batch, factor = request.batch_size, model.spec.vae_factor
        self._on = {"device": model.device, "dtype": model.dtype}
        self._latent_shape = (
            batch,
            model.spec.latent_channels,
            request.height // factor,
            request.width // factor,
        )
        rows, width = 2 * batch, model.spec.unet.vector_width
        self._ids = torch.randint(0, 40_000, (2, TOKENS), device=model.device)
        self._context = torch.randn((rows, TOKENS, model.spec.context_width), **self._on)
        self._vector = torch.randn((rows, width), **self._on) if width else None
        self._processor = VaeImageProcessor(vae_scale_factor=factor)

    @torch.no_grad()
    def make(self) -> None:
        """Text encoders, all steps with guidance, decoding, PIL pictures."""
        for encoder in self._model.text_encoders:
            encoder(self._ids, output_hidden_states=True)
        scheduler = self._scheduler()
        scheduler.set_timesteps(self._request.steps, device=self._model.device)
        latents = torch.randn(self._latent_shape, **self._on) * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            both = scheduler.scale_model_input(torch.cat([latents] * 2), t)
            negative, positive = self._unet(both, t).chunk(2)
            guided = negative + self._request.cfg_scale * (positive - negative)
            latents = scheduler.step(guided, t, latents, return_dict=False)[0]
        vae: Any = self._model.vae
        pixels = vae.decode((latents / self._model.spec.latent_scale).to(vae.dtype)).sample
        self._processor.postprocess(pixels.float(), output_type="pil")

    @torch.no_grad()
    def bare(self) -> None:
        """The U-Net's calls on one fixed input, and one decoding for each picture."""
        latents = torch.randn(self._latent_shape, **self._on)
        t = torch.tensor(500, device=self._model.device)
        for _ in range(self._request.steps):
            self._unet(torch.cat([latents] * 2), t)
        vae: Any = self._model.vae
        for row in latents.to(vae.dtype):
            vae.decode(row[None])

    def _unet(self, latents: Tensor, t: Tensor) -> Tensor:
        unet: Any = self._model.unet
        return unet(
            latents,
            t,
            encoder_hidden_states=self._context,
            class_labels=self._vector,
            return_dict=False,
        )[0]

    def _scheduler(self) -> Any:
        if self._request.sampler_name == "Euler a":
            return EulerAncestralDiscreteScheduler(**_BETAS)
        return DPMSolverMultistepScheduler(**_BETAS, use_karras_sigmas=True)
