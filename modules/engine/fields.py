"""What is told of a picture: the fields of its infotext, its record, and the job's summary.

From a Plan to text, after all was decided; it decides nothing itself. Names and conditions of the
fields: A1111 numerics, infotext.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modules.engine.checkpoints import Sources as Sources
from modules.engine.plan import Plan
from modules.engine.recorded import recorded_fields
from modules.generation import infotext
from modules.generation.choices import AUTOMATIC, resolve_sampler
from modules.generation.request import Hires, Request
from modules.generation.result import Picture, Summary
from modules.generation.version import VERSION_VALUE
from modules.networks.fp8 import is_wanted
from modules.settings import Settings


def extra_fields(
    request: Request, settings: Settings, plan: Plan, start_fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Fields that are equal for all pictures of the job, but those of the main files.

    A value that is a call has to be waited for: `known` does.
    """
    first = plan.passes[0]
    fields: dict[str, Any] = {"Schedule type": _schedule_type(request, plan)}
    if plan.image_cfg_scale is not None:
        fields["Image CFG scale"] = plan.image_cfg_scale
    if plan.mask_weight is not None:
        fields["Conditional mask weight"] = plan.mask_weight
    if plan.clip_skip > 1:
        fields["Clip skip"] = plan.clip_skip
    if plan.ensd and _uses_step_noise(plan):
        fields["ENSD"] = plan.ensd
    if plan.noise_source != "GPU":
        fields["RNG"] = plan.noise_source
    if plan.tiling:
        fields["Tiling"] = True
    if plan.init is not None:
        fields["Denoising strength"] = plan.init.denoising_strength
    fields |= start_fields
    if first.noise_multiplier != 1.0:
        fields["Noise multiplier"] = first.noise_multiplier
    if any(each.extra_noise for each in plan.passes):
        fields["Extra noise"] = settings.img2img.img2img_extra_noise
    fields |= {name: value for name, value in first.walk.fields.items() if name != "Schedule type"}
    fields |= _settings_fields(request, settings, plan)
    fields |= recorded_fields(settings, plan)
    if plan.hires is not None:
        fields |= _hires_fields(plan.hires, plan, fields["Schedule type"])
    return fields


def _schedule_type(request: Request, plan: Plan) -> str | None:
    """What ran; where no schedule function did, what was asked for, if anything was."""
    ran = plan.passes[0].walk.fields.get("Schedule type")
    if ran is not None:
        return ran
    asked = resolve_sampler(request.sampler_name, request.scheduler)[1]
    return asked if request.scheduler is not None or asked != AUTOMATIC else None


def _uses_step_noise(plan: Plan) -> bool:
    """Whether draws after the first have a part in the picture, so that ENSD changes it."""
    walk = plan.passes[0].walk
    if walk.entry.uses_ensd:
        return walk.options["eta"] != 0
    return walk.entry.noise == "step"


def _settings_fields(request: Request, settings: Settings, plan: Plan) -> dict[str, Any]:
    """Settings that change the picture, where they are not at their default."""
    fields: dict[str, Any] = {}
    texts = plan.passes[0].texts
    weighted = any(sign in texts.positive + texts.negative for sign in "([")
    if settings.sd.emphasis != "Original" and weighted:
        fields["Emphasis"] = settings.sd.emphasis
    optimizations, parameters = settings.optimizations, settings.sampler_params
    for name, value in {
        "Old prompt editing timelines": settings.compatibility.use_old_scheduling,
        "Downcast alphas_cumprod": settings.compatibility.use_downcasted_alpha_bar,
        "Pad conds": optimizations.pad_cond_uncond,
        "Pad conds v0": optimizations.pad_cond_uncond_v0,
        "Refiner switch by sampling steps": settings.compatibility.refiner_switch_by_sample_steps,
        "NGMS all steps": optimizations.s_min_uncond_all,
        "SGM noise multiplier": parameters.sgm_noise_multiplier,
    }.items():
        if value:
            fields[name] = True
    if any(is_wanted(optimizations.fp8_storage, family) for family in plan.families):
        fields["FP8 weight"] = optimizations.fp8_storage
        if optimizations.cache_fp16_weight:
            fields["Cache FP16 weight for LoRA"] = True
    if parameters.sd_noise_schedule != "Default":
        fields["Noise Schedule"] = parameters.sd_noise_schedule
    if plan.skip_negative.early:
        fields["Skip Early CFG"] = plan.skip_negative.early
    if plan.skip_negative.below_sigma:
        fields["NGMS"] = plan.skip_negative.below_sigma
    return fields


def _hires_fields(hires: Hires, plan: Plan, first_schedule: str | None) -> dict[str, Any]:
    assert plan.enlarging is not None
    walk, own = plan.passes[1].walk, plan.passes[1].checkpoint
    fields: dict[str, Any] = {"Denoising strength": hires.denoising_strength}
    if own is not None:
        fields["Hires checkpoint"] = own.sources.short_title
    if walk.sampler != plan.passes[0].walk.sampler:
        fields["Hires sampler"] = walk.sampler
    first, second = plan.passes[0].texts, plan.passes[1].texts
    if second.positive != first.positive:
        fields["Hires prompt"] = second.positive
    if second.negative != first.negative:
        fields["Hires negative prompt"] = second.negative
    schedule = walk.fields.get("Schedule type")
    if schedule is not None and schedule != first_schedule:
        fields["Hires schedule type"] = schedule
    if hires.resize_x or hires.resize_y:
        fields["Hires resize"] = f"{hires.resize_x}x{hires.resize_y}"
    else:
        fields["Hires upscale"] = hires.scale
    if hires.steps:
        fields["Hires steps"] = hires.steps
    fields["Hires upscaler"] = plan.enlarging.upscaler
    return fields


def known(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with every value that has to be waited for (a call that gives it) waited for."""
    return {name: value() if callable(value) else value for name, value in fields.items()}


def infotext_of(
    index: int, plan: Plan, extra: Mapping[str, Any], sources: Sources, settings: Settings
) -> str:
    """The whole infotext of one picture. Waits for hashes that are still being computed."""
    texts, walk, choice = plan.passes[0].texts, plan.passes[0].walk, settings.infotext
    width, height = plan.asked_size
    fields: dict[str, Any] = {
        "Steps": walk.steps,
        "Sampler": walk.sampler,
        "CFG scale": plan.cfg_scale,
        "Seed": plan.seeds[index],
        "Size": f"{width}x{height}",
    }
    if choice.add_model_hash_to_info:
        fields["Model hash"] = sources.model_hash()
    if choice.add_model_name_to_info:
        fields["Model"] = sources.model_name.replace(",", "").replace(":", "")
    if sources.vae_name:
        if choice.add_vae_hash_to_info:
            fields["VAE hash"] = sources.vae_hash()
        if choice.add_vae_name_to_info:
            fields["VAE"] = sources.vae_name.replace(",", "").replace(":", "")
    if plan.subseed_strength:
        fields["Variation seed"] = plan.subseeds[index]
        fields["Variation seed strength"] = plan.subseed_strength
    if plan.seed_resize:
        fields["Seed resize from"] = f"{plan.seed_resize[1]}x{plan.seed_resize[0]}"
    fields |= known(extra)
    if choice.add_version_to_infotext:
        fields["Version"] = VERSION_VALUE
    return infotext.write(texts.positive, texts.negative, fields)


def picture_of(index: int, plan: Plan, size: tuple[int, int], text: str, mime: str) -> Picture:
    texts = plan.passes[0].texts
    return Picture(
        index=index,
        seed=plan.seeds[index],
        subseed=plan.subseeds[index],
        width=size[0],
        height=size[1],
        prompt=texts.positive,
        negative_prompt=texts.negative,
        infotext=text,
        mime=mime,
    )


def summary_of(
    plan: Plan, extra: Mapping[str, Any], sources: Sources, warnings: Sequence[str] = ()
) -> Summary:
    """The job's summary; `warnings` come after the plan's. Waits for hashes that are still being
    computed.
    """
    walk = plan.passes[0].walk
    source = plan.init or plan.hires
    return Summary(
        sampler_name=walk.sampler,
        scheduler=extra.get("Schedule type") or AUTOMATIC,
        steps=walk.steps,
        cfg_scale=plan.cfg_scale,
        width=plan.asked_size[0],
        height=plan.asked_size[1],
        model_name=sources.model_name,
        model_hash=sources.model_hash(),
        vae_name=sources.vae_name or None,
        vae_hash=sources.vae_hash() if sources.vae_name else None,
        denoising_strength=source.denoising_strength if source else None,
        clip_skip=plan.clip_skip,
        extra_generation_params={n: v for n, v in known(extra).items() if v is not None},
        warnings=(*plan.warnings, *warnings),
    )
