"""Running one pass for one batch: noise, start, guidance, sampler and refiner put together.

Whoever drives the steps sees progress and may stop; nothing of that is known here, nor prompts'
texts, pictures or files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from modules.diffusion.denoiser import EpsDenoiser, LcmDenoiser, VDenoiser
from modules.diffusion.guidance import BatchConditioning, Guided, LatentMask
from modules.diffusion.latents import (
    initial_latent,
    initial_latent_vp,
    noised_latent,
    noised_latent_vp,
)
from modules.diffusion.noise import BrownianNoise, ImageNoise
from modules.diffusion.noise_schedule import LcmTable, SigmaTable
from modules.diffusion.steps import Step, TimestepPlan
from modules.engine.plan import Pass, Plan
from modules.engine.walks import Walk
from modules.networks.model import Model

# Puts the refiner to work: it, and its conditioning of the pass's calls.
Refine = Callable[[], tuple[Model, Callable[[int], BatchConditioning]]]


@dataclass(frozen=True, eq=False)
class Beginning:
    """What a pass starts from besides noise: latent (B, C, h, w), and what of it is made anew."""

    latent: Tensor
    mask: LatentMask | None = None
    dtype: torch.dtype = (
        torch.float32
    )  # in which the latent was made; Brownian noise is rounded to it


class Running:
    """One pass over one batch. Iterate it to walk; `latent` is then the result (B, C, h, w) fp32.

    Stopped early, `latent` is the last step's estimate of the picture; None where there was no
    step.
    """

    def __init__(
        self,
        step: Pass,
        plan: Plan,
        model: Model,
        indexes: list[int],
        conditioning: Callable[[int], BatchConditioning],
        *,
        begin: Beginning | None = None,
        quantize: bool = False,
        sgm_multiplier: bool = False,
        joined: bool = True,
        refine: Refine | None = None,
    ) -> None:
        self.latent: Tensor | None = None
        self._pass = step
        self._refine = refine if step.refiner else None
        self._quantize = quantize
        self._begin = begin
        self._sgm_multiplier = sgm_multiplier
        walk = step.walk
        factor = model.spec.vae_factor
        shape = (model.spec.latent_channels, step.height // factor, step.width // factor)
        seeds = [plan.seeds[index] for index in indexes]
        resize_from = plan.seed_resize
        self._noise = ImageNoise(
            seeds,
            shape,
            source=plan.noise_source,
            device=model.device,
            subseeds=[plan.subseeds[index] for index in indexes],
            subseed_strength=plan.subseed_strength,
            resize_from=resize_from and (resize_from[0] // factor, resize_from[1] // factor),
            ensd=plan.ensd,
        )
        self._brownian = None
        if walk.entry.noise == "brownian" and isinstance(walk.levels, Tensor):
            assert walk.schedule is not None
            self._brownian = BrownianNoise(
                seeds,
                shape,
                walk.levels if plan.noise_by_batch else walk.schedule,
                source=plan.noise_source,
                device=model.device,
                dtype=begin.dtype if begin else torch.float32,
                together=plan.noise_by_batch,
            )
        self._guided = Guided(
            _denoiser(walk, walk.table, model, quantize),
            conditioning,
            plan.cfg_scale,
            total_steps=walk.total_steps,
            mask=begin.mask if begin else None,
            skip=plan.skip_negative,
            image_scale=plan.image_cfg_scale if model.spec.image_inputs == "edit" else None,
            joined=joined,
            before_call=self._before_call if self._refine else None,
        )

    def _before_call(self, call: int, level: Tensor) -> None:
        """Let the refiner take over when its time has come; x, sampler and levels stay."""
        refiner, walk = self._pass.refiner, self._pass.walk
        if self._refine is None or not refiner or not refiner.takes_over(walk, call, level):
            return
        self._guided.forget()
        model, conditioning = self._refine()
        self._refine = None
        denoiser = _denoiser(walk, refiner.table, model, self._quantize)
        self._guided.replace(denoiser, conditioning)

    def __iter__(self) -> Iterator[Step]:
        walk, begin = self._pass.walk, self._begin
        if not walk.runs and begin is not None and not isinstance(walk.start, TimestepPlan):
            self.latent = begin.latent
            return
        x = self._first_latent()
        if walk.runs:
            noise = self._noise.next if walk.entry.noise == "step" else self._brownian
            steps = walk.entry.walk(self._guided, x, walk.levels, noise=noise, options=walk.options)
            for step in steps:
                x, self.latent = step.x, step.denoised
                yield step
        mask = begin.mask if begin else None
        self.latent = mask.finish(x) if mask else x

    def _first_latent(self) -> Tensor:
        start, begin = self._pass.walk.start, self._begin
        noise = self._noise.initial()
        if begin is None:
            if isinstance(start, TimestepPlan):
                return initial_latent_vp(noise)
            return initial_latent(noise, start, sgm_multiplier=self._sgm_multiplier)
        strengths = {
            "noise_multiplier": self._pass.noise_multiplier,
            "extra_noise": self._pass.extra_noise,
        }
        if isinstance(start, TimestepPlan):
            return noised_latent_vp(begin.latent, noise, start, **strengths)
        return noised_latent(begin.latent, noise, start, **strengths)


def _denoiser(
    walk: Walk, table: SigmaTable, model: Model, quantize: bool
) -> EpsDenoiser | LcmDenoiser:
    """For `model` with its own levels `table`, on a walk that may have been another's."""
    if walk.entry.table == "lcm":
        if not isinstance(table, LcmTable):
            table = LcmTable(table.alphas_cumprod)
        return LcmDenoiser(model.predict, table, velocity=model.spec.prediction == "v")
    kind = VDenoiser if model.spec.prediction == "v" else EpsDenoiser
    return kind(model.predict, table, quantize=quantize)
