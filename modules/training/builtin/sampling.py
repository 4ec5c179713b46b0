"""DPM-Solver++(2M) on Karras sigmas, just enough to look at a denoiser while it trains.

Lu et al. 2022 (arXiv 2211.01095), algorithm 2; Karras et al. 2022 (arXiv 2206.00364), eq. 5. The
program's own samplers live in modules.diffusion; training does not depend on them.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Epsilon = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(scaled latents (B, 4, h, w), fractional steps (B,), context (B, 77, width)) to noise (B, 4, h,
w).
"""


def karras_sigmas(steps: int, sigmas: Tensor, rho: float = 7.0) -> Tensor:
    """`steps` sigmas from the schedule's largest to its smallest, then 0: (steps + 1,)."""
    low, high = sigmas[0] ** (1 / rho), sigmas[-1] ** (1 / rho)
    ramp = torch.linspace(0, 1, steps, dtype=sigmas.dtype, device=sigmas.device)
    return torch.cat(((high + ramp * (low - high)) ** rho, sigmas.new_zeros(1)))


def step_of(sigma: Tensor, sigmas: Tensor) -> Tensor:
    """Fractional step of a sigma, linear in log sigma between the schedule's 1000 entries."""
    logs = sigmas.log()
    where = torch.searchsorted(logs, sigma.log().reshape(1)).clamp(1, len(logs) - 1)
    low, high = logs[where - 1], logs[where]
    share = ((sigma.log() - low) / (high - low)).clamp(0, 1)
    return (where - 1 + share).float()


@torch.no_grad()
def sample(
    epsilon: Epsilon,
    context: Tensor,
    empty: Tensor,
    noise: Tensor,
    alphas: Tensor,
    steps: int = 12,
    guidance: float = 5.0,
    start: Tensor | None = None,
    strength: float = 1.0,
) -> Tensor:
    """Latents (B, 4, h, w) of mean 0 and deviation 1 from unit `noise` of that shape.

    context (B, 77, width) is what the pictures shall show, `empty` (1, 77, width) the unguided
    context. With `start` (latents of the same shape) only the last `strength` of the steps is
    taken, from there.
    """
    table = ((1 - alphas) / alphas).sqrt()
    sigmas = karras_sigmas(steps, table)
    first = 0 if start is None else steps - max(1, round(steps * strength))
    latent = noise * sigmas[first] if start is None else start + noise * sigmas[first]
    both = torch.cat((context, empty.expand_as(context)))
    before: Tensor | None = None
    for number in range(first, steps):
        sigma, following = sigmas[number], sigmas[number + 1]
        scaled = latent / (sigma**2 + 1).sqrt()
        times = step_of(sigma, table).expand(2 * len(latent))
        told, untold = epsilon(torch.cat((scaled, scaled)), times, both).float().chunk(2)
        clean = latent - sigma * (untold + guidance * (told - untold))
        if following == 0:
            return clean
        span = (sigma / following).log()
        aim = clean
        if before is not None:
            last_span = (sigmas[number - 1] / sigma).log()
            share = span / (2 * last_span)
            aim = (1 + share) * clean - share * before
        latent = following / sigma * latent - torch.expm1(-span) * aim
        before = clean
    return latent
