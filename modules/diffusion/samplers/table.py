"""The table of samplers: one row per choice, by A1111's label, in its menu's order.

`SamplerEntry.walk` is how a sampler is started. Menus' aliases are not kept here, and nothing is
known of requests. Facts: A1111 numerics, sampler registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from modules.diffusion.guidance import Guided
from modules.diffusion.samplers import dpm, dpmpp, euler, timestep, unipc
from modules.diffusion.steps import Span, Step, TimestepPlan

CHURN = frozenset({"s_churn", "s_tmin", "s_tmax", "s_noise"})
ANCESTRAL = frozenset({"eta", "s_noise"})
ETA = frozenset({"eta"})
UNIPC = frozenset({"variant", "skip_type", "order", "lower_order_final"})


@dataclass(frozen=True)
class SamplerEntry:
    """How a sampler is called and what must be kept in mind around it.

    kind: what it walks: "sigma" a schedule, "timestep" a TimestepPlan (VP space), "span" a Span.
    noise: what it draws: nothing, each image's next draw per step, or Brownian noise per interval.
    accepts: names of the options it reads. default_schedule: what "Automatic" means, None where a
    schedule has no effect. second_order: prompt schedules count two calls a step.
    table "lcm": its denoiser is an LcmDenoiser, its schedule is built from an LcmTable.
    prediction: which of Guided's ways it calls.
    """

    function: Callable[..., Iterator[Step]]
    kind: Literal["sigma", "timestep", "span"] = "sigma"
    noise: Literal["none", "step", "brownian"] = "none"
    accepts: frozenset[str] = frozenset()
    default_schedule: str | None = "Uniform"
    discard_next_to_last_sigma: bool = False
    second_order: bool = False
    uses_ensd: bool = False
    table: Literal["model", "lcm"] = "model"
    prediction: Literal["denoised", "eps", "eps_pair"] = "denoised"

    def walk(
        self,
        guided: Guided,
        x: Tensor,
        levels: Tensor | TimestepPlan | Span,
        *,
        noise: Callable[..., Tensor] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Iterator[Step]:
        """The steps from latent x over `levels`; options that it does not read are left out."""
        expected = {"sigma": Tensor, "timestep": TimestepPlan, "span": Span}[self.kind]
        assert isinstance(levels, expected), f"{self.kind} sampler over {type(levels).__name__}"
        assert self.noise == "none" or noise is not None, f"{self.noise} noise is missing"
        used = {name: value for name, value in (options or {}).items() if name in self.accepts}
        if self.noise != "none":
            used["noise"] = noise
        predict = guided if self.prediction == "denoised" else getattr(guided, self.prediction)
        return self.function(predict, x, levels, **used)


SAMPLERS: dict[str, SamplerEntry] = {
    "DPM++ 2M": SamplerEntry(dpmpp.dpmpp_2m, default_schedule="Karras"),
    "DPM++ SDE": SamplerEntry(
        dpmpp.dpmpp_sde, noise="brownian", accepts=ANCESTRAL, default_schedule="Karras",
        second_order=True,
    ),
    "DPM++ 2M SDE": SamplerEntry(
        dpmpp.dpmpp_2m_sde, noise="brownian", accepts=ANCESTRAL, default_schedule="Exponential",
    ),
    "DPM++ 2M SDE Heun": SamplerEntry(
        dpmpp.dpmpp_2m_sde_heun, noise="brownian", accepts=ANCESTRAL,
        default_schedule="Exponential",
    ),
    "DPM++ 2S a": SamplerEntry(
        dpmpp.dpmpp_2s_ancestral, noise="step", accepts=ANCESTRAL, default_schedule="Karras",
        second_order=True, uses_ensd=True,
    ),
    "DPM++ 3M SDE": SamplerEntry(
        dpmpp.dpmpp_3m_sde, noise="brownian", accepts=ANCESTRAL, default_schedule="Exponential",
        discard_next_to_last_sigma=True,
    ),
    "Euler a": SamplerEntry(euler.euler_ancestral, noise="step", accepts=ETA, uses_ensd=True),
    "Euler": SamplerEntry(euler.euler, noise="step", accepts=CHURN),
    "LMS": SamplerEntry(euler.lms),
    "Heun": SamplerEntry(euler.heun, noise="step", accepts=CHURN, second_order=True),
    "DPM2": SamplerEntry(
        dpm.dpm_2, noise="step", accepts=CHURN, default_schedule="Karras", second_order=True,
        discard_next_to_last_sigma=True,
    ),
    "DPM2 a": SamplerEntry(
        dpm.dpm_2_ancestral, noise="step", accepts=ANCESTRAL, default_schedule="Karras",
        second_order=True, discard_next_to_last_sigma=True, uses_ensd=True,
    ),
    "DPM fast": SamplerEntry(
        dpm.dpm_fast, kind="span", noise="step", accepts=ANCESTRAL, uses_ensd=True,
    ),
    "DPM adaptive": SamplerEntry(
        dpm.dpm_adaptive, kind="span", noise="step", accepts=ETA, uses_ensd=True,
    ),
    "Restart": SamplerEntry(
        dpm.restart, noise="step", default_schedule="Karras", second_order=True,
    ),
    "DDIM": SamplerEntry(
        timestep.ddim, kind="timestep", noise="step", accepts=ETA, default_schedule=None,
        prediction="eps",
    ),
    "DDIM CFG++": SamplerEntry(
        timestep.ddim_cfgpp, kind="timestep", noise="step", accepts=ETA, default_schedule=None,
        prediction="eps_pair",
    ),
    "PLMS": SamplerEntry(
        timestep.plms, kind="timestep", default_schedule=None, prediction="eps",
    ),
    "UniPC": SamplerEntry(
        unipc.unipc, kind="timestep", accepts=UNIPC, default_schedule=None, prediction="eps",
    ),
    "LCM": SamplerEntry(euler.lcm, noise="step", table="lcm"),
}  # fmt: skip
