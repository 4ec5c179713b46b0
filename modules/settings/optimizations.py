"""Settings of speed and memory, and those that bring back how older versions computed a picture."""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option

CATEGORY = "Stable Diffusion"


@dataclass(frozen=True)
class Optimizations(Section, id="optimizations", title="Optimizations", category=CATEGORY):
    cross_attention_optimization: str = option(
        "Automatic",
        "Cross attention optimization",
        "Attention is always PyTorch's own fused one here.",
        choices=("Automatic",),
        instead={
            "xformers": "Automatic",
            "Doggettx": "Automatic",
            "sdp": "Automatic",
            "sdp-no-mem": "Automatic",
            "sub-quadratic": "Automatic",
            "V1": "Automatic",
            "InvokeAI": "Automatic",
            "None": "Automatic",
        },
        built=False,
    )
    s_min_uncond: float = option(
        0.0,
        "Negative Guidance minimum sigma",
        "Leave out the negative prompt in every other step below this sigma; 0 disables it.",
        low=0,
        high=15,
        step=0.01,
        infotext="NGMS",
    )
    s_min_uncond_all: bool = option(
        False, "Leave it out in every step below that sigma", infotext="NGMS all steps"
    )
    token_merging_ratio: float = option(
        0.0,
        "Token merging ratio",
        low=0,
        high=0.9,
        step=0.1,
        infotext="Token merging ratio",
        built=False,
    )
    token_merging_ratio_img2img: float = option(
        0.0, "Token merging ratio for img2img", low=0, high=0.9, step=0.1, built=False
    )
    token_merging_ratio_hr: float = option(
        0.0,
        "Token merging ratio for the second pass of hires fix",
        low=0,
        high=0.9,
        step=0.1,
        infotext="Token merging ratio hr",
        built=False,
    )
    pad_cond_uncond: bool = option(
        False,
        "Pad prompt and negative prompt to the same length",
        infotext="Pad conds",
    )
    pad_cond_uncond_v0: bool = option(
        False,
        "Pad them the way versions before 1.6 did",
        infotext="Pad conds v0",
    )
    persistent_cond_cache: bool = option(True, "Keep encoded prompts from one job to the next")
    batch_cond_uncond: bool = option(
        True,
        "Compute prompt and negative prompt in one batch",
        "Off: one after the other, slower, in less memory.",
    )
    fp8_storage: str = option(
        "Disable",
        "FP8 weights",
        choices=("Disable", "Enable for SDXL", "Enable"),
        infotext="FP8 weight",
    )
    cache_fp16_weight: bool = option(
        False,
        "Keep FP16 weights beside FP8 ones for LoRA",
        infotext="Cache FP16 weight for LoRA",
    )


@dataclass(frozen=True)
class Hypertile(Section, id="hypertile", title="Hypertile", category=CATEGORY):
    hypertile_enable_unet: bool = option(
        False, "Enable Hypertile U-Net", infotext="Hypertile U-Net", built=False
    )
    hypertile_enable_unet_secondpass: bool = option(
        False,
        "Enable Hypertile U-Net for the second pass of hires fix",
        infotext="Hypertile U-Net second pass",
        built=False,
    )
    hypertile_max_depth_unet: int = option(
        3,
        "Hypertile U-Net max depth",
        low=0,
        high=3,
        step=1,
        infotext="Hypertile U-Net max depth",
        built=False,
    )
    hypertile_max_tile_unet: int = option(
        256,
        "Hypertile U-Net max tile size",
        low=0,
        high=512,
        step=16,
        infotext="Hypertile U-Net max tile size",
        built=False,
    )
    hypertile_swap_size_unet: int = option(
        3,
        "Hypertile U-Net swap size",
        low=0,
        high=64,
        step=1,
        infotext="Hypertile U-Net swap size",
        built=False,
    )
    hypertile_enable_vae: bool = option(
        False, "Enable Hypertile VAE", infotext="Hypertile VAE", built=False
    )
    hypertile_max_depth_vae: int = option(
        3,
        "Hypertile VAE max depth",
        low=0,
        high=3,
        step=1,
        infotext="Hypertile VAE max depth",
        built=False,
    )
    hypertile_max_tile_vae: int = option(
        128,
        "Hypertile VAE max tile size",
        low=0,
        high=512,
        step=16,
        infotext="Hypertile VAE max tile size",
        built=False,
    )
    hypertile_swap_size_vae: int = option(
        3,
        "Hypertile VAE swap size",
        low=0,
        high=64,
        step=1,
        infotext="Hypertile VAE swap size",
        built=False,
    )


@dataclass(frozen=True)
class Compatibility(Section, id="compatibility", title="Compatibility", category=CATEGORY):
    auto_backcompat: bool = option(
        True, "Turn the right ones of these on from the Version in pasted infotext"
    )
    use_old_emphasis_implementation: bool = option(
        False,
        "Use old emphasis implementation",
        "Brackets alone, no numbers, 75 tokens at most; for SD 1 only.",
        infotext="Old emphasis",
    )
    use_old_karras_scheduler_sigmas: bool = option(
        False, "Use old schedule ends, sigma 0.1 to 10", infotext="Old Karras sigmas"
    )
    no_dpmpp_sde_batch_determinism: bool = option(
        False,
        "Let DPM++ SDE's pictures depend on their batch",
        infotext="SDE noise by batch",
    )
    use_old_hires_fix_width_height: bool = option(
        False, "Width and height are hires fix's final size"
    )
    dont_fix_second_order_samplers_schedule: bool = option(
        False,
        "Count steps, not model calls, in prompt schedules of second-order samplers",
        infotext="Old prompt steps",
    )
    hires_fix_use_firstpass_conds: bool = option(
        False,
        "Encode hires fix's second prompts with the first pass's networks",
        infotext="Hires firstpass conds",
    )
    use_old_scheduling: bool = option(
        False,
        "Use the prompt editing timelines of versions before 1.6",
        infotext="Old prompt editing timelines",
    )
    use_downcasted_alpha_bar: bool = option(
        False,
        "Cut the noise schedule's numbers to half precision, as versions before 1.7 did",
        infotext="Downcast alphas_cumprod",
    )
    refiner_switch_by_sample_steps: bool = option(
        False,
        "Switch to the refiner by sampling steps instead of model timesteps",
        infotext="Refiner switch by sampling steps",
    )
    lora_functional: bool = option(False, "Apply LoRA the way versions before 1.5 did", built=False)
