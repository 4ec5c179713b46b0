"""Settings of samplers and schedules; each may change a picture."""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option


@dataclass(frozen=True)
class SamplerParameters(
    Section, id="sampler-params", title="Sampler parameters", category="Stable Diffusion"
):
    hide_samplers: tuple[str, ...] = option(
        (), "Hide samplers in the menus", choices_from="samplers", reload=True
    )
    eta_ddim: float = option(
        0.0,
        "Eta for DDIM",
        "Noise added in every step; 0: none, the same picture for the same seed at any step count.",
        low=0,
        high=1,
        step=0.01,
        infotext="Eta DDIM",
    )
    eta_ancestral: float = option(
        1.0,
        "Eta for k samplers",
        "Noise added in every step by ancestral and SDE samplers.",
        low=0,
        high=1,
        step=0.01,
        infotext="Eta",
    )
    ddim_discretize: str = option(
        "uniform",
        "img2img DDIM discretize",
        "Without effect, as in the original.",
        choices=("uniform", "quad"),
        built=False,
    )
    s_churn: float = option(
        0.0,
        "Sigma churn",
        "Stochasticity of Euler, Heun and DPM2.",
        low=0,
        high=100,
        step=0.01,
        infotext="Sigma churn",
    )
    s_tmin: float = option(
        0.0,
        "Sigma tmin",
        "Lowest sigma with churn.",
        low=0,
        high=10,
        step=0.01,
        infotext="Sigma tmin",
    )
    s_tmax: float = option(
        0.0,
        "Sigma tmax",
        "Highest sigma with churn; 0: no limit.",
        low=0,
        high=999,
        step=0.01,
        infotext="Sigma tmax",
    )
    s_noise: float = option(
        1.0,
        "Sigma noise",
        "Amount of the noise that samplers add.",
        low=0,
        high=1.1,
        step=0.001,
        infotext="Sigma noise",
    )
    sigma_min: float = option(
        0.0,
        "Schedule min sigma",
        "0: the model's own.",
        low=0,
        high=10_000,
        infotext="Schedule min sigma",
    )
    sigma_max: float = option(
        0.0,
        "Schedule max sigma",
        "0: the model's own.",
        low=0,
        high=10_000,
        infotext="Schedule max sigma",
    )
    rho: float = option(
        0.0,
        "Schedule rho",
        "0: the schedule's own, which is 7 for Karras and 1 for Polyexponential.",
        low=0,
        high=100,
        infotext="Schedule rho",
    )
    eta_noise_seed_delta: int = option(
        0,
        "Eta noise seed delta",
        "Added to the seed of the noise that samplers add. 31337 brings back NovelAI's pictures.",
        low=-(2**32),
        high=2**32,
        infotext="ENSD",
    )
    always_discard_next_to_last_sigma: bool = option(
        False, "Always discard the next-to-last sigma", infotext="Discard penultimate sigma"
    )
    sgm_noise_multiplier: bool = option(
        False,
        "SGM noise multiplier",
        "Start from the noise level that SDXL was trained with.",
        infotext="SGM noise multiplier",
    )
    uni_pc_variant: str = option(
        "bh1", "UniPC variant", choices=("bh1", "bh2", "vary_coeff"), infotext="UniPC variant"
    )
    uni_pc_skip_type: str = option(
        "time_uniform",
        "UniPC skip type",
        choices=("time_uniform", "time_quadratic", "logSNR"),
        infotext="UniPC skip type",
    )
    uni_pc_order: int = option(
        3,
        "UniPC order",
        "Must be at most the number of steps.",
        low=1,
        high=50,
        step=1,
        infotext="UniPC order",
    )
    uni_pc_lower_order_final: bool = option(
        True, "UniPC lower order in the last steps", infotext="UniPC lower order final"
    )
    sd_noise_schedule: str = option(
        "Default",
        "Noise schedule for sampling",
        "Zero Terminal SNR is for models trained with it.",
        choices=("Default", "Zero Terminal SNR"),
        infotext="Noise Schedule",
    )
    skip_early_cond: float = option(
        0.0,
        "Ignore the negative prompt in early sampling",
        "Fraction of the steps; 0 disables it.",
        low=0,
        high=1,
        step=0.01,
        infotext="Skip Early CFG",
    )
    beta_dist_alpha: float = option(
        0.6, "Beta schedule alpha", low=0.01, high=1, step=0.01, infotext="Beta scheduler alpha"
    )
    beta_dist_beta: float = option(
        0.6, "Beta schedule beta", low=0.01, high=1, step=0.01, infotext="Beta scheduler beta"
    )
