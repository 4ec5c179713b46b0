"""What a sampler walks in one pass: which sampler, over which noise levels, with which options.

Pure: from the names and numbers of a request and its settings to a `Walk`, and to the infotext
fields that its choices cause. Knows schedules and samplers by their tables, nothing of prompts,
pictures or batches. Rules: A1111 numerics, samplers, schedules, img2img step counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from modules.diffusion import schedules
from modules.diffusion.noise_schedule import LcmTable, SigmaTable, downcast, zero_terminal_snr
from modules.diffusion.samplers.table import SAMPLERS, SamplerEntry
from modules.diffusion.steps import (
    Img2ImgSteps,
    Span,
    TimestepPlan,
    discard_penultimate,
    img2img_sigmas,
    img2img_steps,
    span_of_sigmas,
    span_of_table,
    timestep_plan,
)
from modules.errors import RequestError
from modules.generation.choices import AUTOMATIC, find_schedule
from modules.generation.request import MAX_STEPS, Request
from modules.settings import Settings
from modules.settings.sampler_parameters import SamplerParameters

OLD_ENDS = (0.1, 10.0)  # sigma min and max of every schedule, with "use old schedule ends"
_CHURN_FIELDS = {
    "s_churn": "Sigma churn",
    "s_tmin": "Sigma tmin",
    "s_tmax": "Sigma tmax",
    "s_noise": "Sigma noise",
}


@dataclass(frozen=True)
class Strength:
    """How much of a start picture is made anew, 0..1. exact: all steps are run all the same."""

    denoising: float
    exact: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """One sampler's way down. `fields` are the infotext fields that its choices cause."""

    sampler: str
    entry: SamplerEntry
    table: SigmaTable
    steps: int  # as asked; prompt schedules count these
    run_steps: int  # as the sampler is told: fewer than asked where img2img begins further down
    levels: Tensor | TimestepPlan | Span
    schedule: (
        Tensor | None
    )  # the whole schedule, before img2img cut it; None for the timestep family
    start: Tensor | TimestepPlan  # the level that the first latent is noised to
    options: Mapping[str, Any]
    runs: bool  # False where the strength leaves no step to run
    fields: Mapping[str, Any]
    old_prompt_steps: bool = False  # prompt schedules count as if no step were two calls

    @property
    def total_steps(self) -> int:
        """Calls of the model, but for img2img, which makes fewer."""
        return 2 * self.steps if self.entry.second_order else self.steps

    @property
    def prompt_steps(self) -> int:
        """What prompt schedules count against."""
        return self.steps if self.old_prompt_steps else self.total_steps

    @property
    def total_calls(self) -> int:
        """What the refiner counts against when it counts steps."""
        return 2 * self.run_steps if self.entry.second_order else self.run_steps

    @property
    def expected_steps(self) -> int:
        """How many steps it will yield, as far as one can know before."""
        if not self.runs:
            return 0
        if isinstance(self.levels, Span):
            return self.levels.steps
        if isinstance(self.levels, TimestepPlan):
            count = len(self.levels.timesteps)
            return count if self.sampler == "UniPC" else count - 1
        return len(self.levels) - 1


def sigma_table(
    alphas_cumprod: Tensor, settings: Settings, *, zero_snr: bool = False
) -> SigmaTable:
    """The model's noise levels as the settings bend them; zero_snr: the model wants it itself."""
    alphas = alphas_cumprod
    if settings.compatibility.use_downcasted_alpha_bar:
        alphas = downcast(alphas)
    if zero_snr or settings.sampler_params.sd_noise_schedule == "Zero Terminal SNR":
        alphas = zero_terminal_snr(alphas)
    return SigmaTable(alphas)


def make_walk(
    sampler: str,
    schedule: str,
    steps: int,
    table: SigmaTable,
    request: Request,
    settings: Settings,
    *,
    strength: Strength | None = None,
    is_sdxl: bool = False,
) -> Walk:
    """The walk of `sampler` and `schedule` (labels); `strength` for a pass that starts from a
    picture. is_sdxl: the model is of SDXL's families, for which a schedule may have its own levels.
    """
    entry = SAMPLERS[sampler]
    if entry.table == "lcm":
        table = LcmTable(table.alphas_cumprod)
    options, fields = _options(entry, request, settings.sampler_params)
    counts = _counts(steps, strength)
    discard = entry.discard_next_to_last_sigma
    if settings.sampler_params.always_discard_next_to_last_sigma and not discard:
        discard = True
        fields["Discard penultimate sigma"] = True
    common = {
        "old_prompt_steps": settings.compatibility.dont_fix_second_order_samplers_schedule,
        "sampler": sampler,
        "entry": entry,
        "table": table,
        "steps": steps,
        "run_steps": counts.t_enc + 1 if counts else steps,
        "options": options,
    }
    if entry.kind == "timestep":
        walked = _timesteps(table, steps, counts, discard)
        runs = len(walked.timesteps) >= (1 if sampler == "UniPC" else 2)
        return Walk(levels=walked, schedule=None, start=walked, runs=runs, fields=fields, **common)
    count = counts.steps if counts else steps
    if count == 0:  # strength 0, to be run exactly: the start picture is the result
        sigmas = schedules.build("Uniform", 1, table)
        return Walk(
            levels=sigmas, schedule=sigmas, start=sigmas[-1], runs=False, fields=fields, **common
        )
    sigmas, schedule_fields = _sigmas(
        entry, schedule, count + discard, table, settings, is_sdxl=is_sdxl
    )
    fields |= schedule_fields
    if discard:
        sigmas = discard_penultimate(sigmas)
    walked = img2img_sigmas(sigmas, counts) if counts else sigmas
    levels: Tensor | Span = walked
    if entry.kind == "span":
        levels = span_of_sigmas(walked) if counts else span_of_table(table, steps)
    return Walk(levels=levels, schedule=sigmas, start=walked[0], runs=True, fields=fields, **common)


def _counts(steps: int, strength: Strength | None) -> Img2ImgSteps | None:
    if strength is None:
        return None
    counts = img2img_steps(steps, strength.denoising, exact=strength.exact)
    if counts.steps > 10 * MAX_STEPS:
        raise RequestError(
            f"{steps} steps at denoising strength {strength.denoising:g}, all of them to be run, "
            f"need a schedule of {counts.steps}; at most {10 * MAX_STEPS} are possible: raise the "
            "strength or lower the steps",
            field="denoising_strength",
        )
    return counts


def _timesteps(
    table: SigmaTable, steps: int, counts: Img2ImgSteps | None, discard: bool
) -> TimestepPlan:
    """The DDIM family's own levels; "discard" only adds one to their number."""
    count = (counts.steps if counts else steps) + discard
    if counts is not None and counts.steps == 0:
        return timestep_plan(table, steps, 0)
    if count > len(table.alphas_cumprod):
        raise RequestError(
            f"{count} timesteps are wanted but the model has {len(table.alphas_cumprod)}: "
            "lower the steps, or raise the denoising strength",
            field="steps",
        )
    return timestep_plan(table, count, counts.t_enc if counts else None)


def _sigmas(
    entry: SamplerEntry,
    schedule: str,
    count: int,
    table: SigmaTable,
    settings: Settings,
    *,
    is_sdxl: bool,
) -> tuple[Tensor, dict[str, Any]]:
    """The levels and the fields that tell of them. The samplers' own Uniform takes no overrides."""
    label = entry.default_schedule if schedule == AUTOMATIC else schedule
    assert label is not None
    if schedule == AUTOMATIC and label == "Uniform":
        return schedules.build("Uniform", count, table), {}
    parameters = settings.sampler_params
    fields: dict[str, Any] = {"Schedule type": label}
    low, high = table.sigma_min, table.sigma_max
    if settings.compatibility.use_old_karras_scheduler_sigmas:
        low, high = OLD_ENDS
    if parameters.sigma_min not in (0, table.sigma_min):
        low = fields["Schedule min sigma"] = parameters.sigma_min
    if parameters.sigma_max not in (0, table.sigma_max):
        high = fields["Schedule max sigma"] = parameters.sigma_max
    default_rho = find_schedule(label).default_rho
    rho = None
    if default_rho != -1 and parameters.rho not in (0, default_rho):
        rho = fields["Schedule rho"] = parameters.rho
    if label == "Beta":
        fields["Beta schedule alpha"] = parameters.beta_dist_alpha
        fields["Beta schedule beta"] = parameters.beta_dist_beta
    sigmas = schedules.build(
        label,
        count,
        table,
        sigma_min=low,
        sigma_max=high,
        rho=rho,
        is_sdxl=is_sdxl,
        beta_alpha=parameters.beta_dist_alpha,
        beta_beta=parameters.beta_dist_beta,
    )
    return sigmas, fields


def _options(
    entry: SamplerEntry, request: Request, parameters: SamplerParameters
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the sampler is called with. A changed setting wins over the request, but for eta."""
    fields: dict[str, Any] = {}
    timestep = entry.kind == "timestep"
    eta_setting = parameters.eta_ddim if timestep else parameters.eta_ancestral
    eta = eta_setting if request.eta is None else request.eta
    if "eta" in entry.accepts and eta != (0.0 if timestep else 1.0):
        fields["Eta DDIM" if timestep else "Eta"] = eta
    options: dict[str, Any] = {
        "eta": eta,
        "variant": parameters.uni_pc_variant,
        "skip_type": parameters.uni_pc_skip_type,
        "order": parameters.uni_pc_order,
        "lower_order_final": parameters.uni_pc_lower_order_final,
    }
    defaults = SamplerParameters()
    for name, field in _CHURN_FIELDS.items():
        default = getattr(defaults, name)
        value = getattr(parameters, name)
        asked = getattr(request, name)
        if value == default and asked is not None:
            value = asked
        if name in entry.accepts and value != default and math.isfinite(value):
            fields[field] = value
        options[name] = value
    options["s_tmax"] = options["s_tmax"] or math.inf
    return options, fields
