"""Our own infotext, pasted back by somebody with other settings, says the same picture again."""

from typing import Any

import pytest

from modules.diffusion.noise_schedule import alphas_cumprod
from modules.engine.fields import Sources, extra_fields, infotext_of
from modules.engine.plan import make_plan
from modules.engine.recorded import RECORDED
from modules.generation.infotext import parse, to_api_fields
from modules.generation.request import Hires, Init, Request
from modules.networks.detect import detect
from modules.settings import OPTIONS, Settings
from tests.tiny_checkpoint import checkpoint_shapes

SPEC = detect(dict(checkpoint_shapes()), {})
IMAGE = "0" * 64
SOURCES = Sources(model_name="tiny", model_hash=lambda: "0123456789")
# Somebody else's settings; each would change the picture.
OTHERS = {
    "CLIP_stop_at_last_layers": 3,
    "comma_padding_backtrack": 7,
    "eta_ancestral": 0.3,
    "eta_noise_seed_delta": 31337,
    "enable_quantization": True,
    "pad_cond_uncond": True,
    "randn_source": "CPU",
    "s_churn": 9.0,
    "s_min_uncond": 1.5,
    "sigma_max": 11.0,
    "uni_pc_variant": "bh2",
    "use_old_karras_scheduler_sigmas": True,
}


def told(request: Request, settings: Settings) -> str:
    plan = make_plan(
        request, settings, SPEC, alphas_cumprod=alphas_cumprod(), on_cuda=False, styles={}
    )
    fields = extra_fields(request, settings, plan, {})
    return infotext_of(0, plan, fields, SOURCES, settings)


def pasted(text: str, *, old: Request, paste: bool) -> tuple[Request, Settings]:
    """The request that the text makes, by somebody with other settings."""
    found = to_api_fields(parse(text), paste=paste)
    overrides = found.pop("override_settings")
    settings = Settings().with_changes(OTHERS).with_changes(overrides)
    names = Request.__dataclass_fields__
    values: dict[str, Any] = {name: value for name, value in found.items() if name in names}
    if found.get("enable_hr"):
        given = {ours: found[theirs] for theirs, ours in HIRES_NAMES.items() if theirs in found}
        values["hires"] = Hires(**given)
    if old.init is not None:
        values["init"] = Init(
            images=old.init.images, denoising_strength=found["denoising_strength"]
        )
    values.setdefault("subseed", 7)
    return Request(**values), settings


HIRES_NAMES = {f"hr_{name}": name for name in Hires.__dataclass_fields__} | {
    "hr_second_pass_steps": "steps",
    "hr_checkpoint_name": "checkpoint",
    "denoising_strength": "denoising_strength",
}
WISHES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"prompt": "a (pear:1.2), BREAK a [castle|sea]", "negative_prompt": "blue,\nred"}, {}),
    ({"sampler_name": "DPM++ 2M", "scheduler": "Karras", "cfg_scale": 5.5}, {}),
    ({"sampler_name": "DPM++ 2M"}, {"sigma_min": 0.1, "sigma_max": 12.0, "rho": 5.0}),
    ({"sampler_name": "DPM++ 2M", "scheduler": "Beta"}, {"beta_dist_alpha": 0.7}),
    ({"sampler_name": "UniPC"}, {"uni_pc_variant": "vary_coeff", "uni_pc_order": 2}),
    ({"sampler_name": "UniPC"}, {"uni_pc_skip_type": "logSNR", "uni_pc_lower_order_final": False}),
    ({"sampler_name": "Euler", "s_churn": 3.0, "s_tmin": 0.1, "s_noise": 1.05}, {}),
    ({"sampler_name": "Euler a", "eta": 0.5}, {"eta_noise_seed_delta": 5}),
    ({"sampler_name": "DDIM", "eta": 0.7}, {"eta_noise_seed_delta": 5}),
    ({"subseed": 9, "subseed_strength": 0.3, "seed_resize_from_w": 64}, {}),
    ({"subseed": 9, "subseed_strength": 0.3, "seed_resize_from_w": 96, "seed_resize_from_h": 64},
     {}),
    ({"tiling": True}, {"CLIP_stop_at_last_layers": 2, "randn_source": "CPU"}),
    ({"prompt": "(a)"}, {"emphasis": "No norm", "comma_padding_backtrack": 0}),
    ({}, {"enable_quantization": True, "use_old_karras_scheduler_sigmas": True}),
    ({}, {"use_old_scheduling": True, "use_downcasted_alpha_bar": True}),
    ({"s_min_uncond": 2.0}, {"s_min_uncond_all": True, "skip_early_cond": 0.1}),
    ({}, {"pad_cond_uncond": True, "pad_cond_uncond_v0": True, "sgm_noise_multiplier": True}),
    ({}, {"always_discard_next_to_last_sigma": True, "sd_noise_schedule": "Zero Terminal SNR"}),
    ({"hires": Hires(scale=1.5, steps=7, upscaler="Lanczos")}, {"img2img_extra_noise": 0.05}),
    ({"hires": Hires(resize_x=128, prompt="a (sea), wide", negative_prompt="b: c")}, {}),
    ({"sampler_name": "DPM++ SDE", "scheduler": "Exponential",
      "hires": Hires(sampler_name="Euler a", scheduler="Karras", denoising_strength=0.35)}, {}),
    ({"init": Init(images=(IMAGE,), denoising_strength=0.6)},
     {"img2img_fix_steps": True, "img2img_color_correction": True,
      "initial_noise_multiplier": 1.1}),
]  # fmt: skip


@pytest.mark.parametrize("paste", [False, True], ids=["API", "page"])
@pytest.mark.parametrize(("wish", "settings"), WISHES, ids=str)
def test_our_own_infotext_pasted_back_changes_nothing(
    wish: dict[str, Any], settings: dict[str, Any], paste: bool
) -> None:
    values: dict[str, Any] = {"prompt": "a pear", "seed": 5, "subseed": 7, "steps": 12}
    values |= {"width": 64, "height": 64, "scheduler": "Automatic"}
    request = Request(**values | wish)
    text = told(request, Settings().with_changes(settings))

    assert told(*pasted(text, old=request, paste=paste)) == text


@pytest.mark.parametrize("key", RECORDED)
def test_a_setting_that_the_original_keeps_to_itself_has_a_name_of_its_own(key: str) -> None:
    row = OPTIONS[key]
    assert row.infotext and parse(f"Steps: 1, Seed: 1, {row.infotext}: 3").fields[row.infotext]


def test_settings_at_their_default_are_not_told() -> None:
    text = told(Request(prompt="a pear", seed=5, subseed=7, sampler_name="UniPC"), Settings())
    assert not any(OPTIONS[key].infotext in text for key in RECORDED)
