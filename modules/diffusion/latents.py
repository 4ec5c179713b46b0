"""The latent that a pass starts from: noise, or a picture's latent with noise on it.

VE space for k-samplers, VP space for the DDIM family. Noise comes from ImageNoise.initial. It knows
neither pictures nor VAEs. Definitions: A1111 numerics, initial latent.
"""

from __future__ import annotations

from torch import Tensor

from modules.diffusion.steps import TimestepPlan


def initial_latent(noise: Tensor, sigma: Tensor, *, sgm_multiplier: bool = False) -> Tensor:
    """Pure noise at the schedule's first sigma (0-dim). sgm_multiplier: total variance sigma²+1."""
    return noise * (1.0 + sigma**2) ** 0.5 if sgm_multiplier else noise * sigma


def noised_latent(
    latent: Tensor,
    noise: Tensor,
    sigma: Tensor,
    *,
    noise_multiplier: float = 1.0,
    extra_noise: float = 0.0,
) -> Tensor:
    """img2img and hires fix: a clean latent at the cut schedule's first sigma (0-dim).

    noise_multiplier is an img2img setting; extra_noise comes on top, unscaled.
    """
    noise = noise * noise_multiplier
    noised = latent + noise * sigma
    return noised + noise * extra_noise if extra_noise > 0 else noised


def initial_latent_vp(noise: Tensor) -> Tensor:
    """Pure noise for the DDIM family."""
    return noise


def noised_latent_vp(
    latent: Tensor,
    noise: Tensor,
    plan: TimestepPlan,
    *,
    noise_multiplier: float = 1.0,
    extra_noise: float = 0.0,
) -> Tensor:
    """img2img and hires fix for the DDIM family: a clean latent at the plan's starting level."""
    assert plan.start_alpha is not None, "a plan of pure noise has no level to noise a latent to"
    noise = noise * noise_multiplier
    signal = plan.start_alpha**0.5
    noised = latent * signal + noise * (1 - plan.start_alpha) ** 0.5
    return noised + noise * (extra_noise * signal) if extra_noise > 0 else noised
