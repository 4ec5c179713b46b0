"""The bodies of txt2img and img2img: A1111's names, types and defaults (interface 16.1, 16.2).

Clients are loose: numbers come as strings, integers as whole floats, booleans as 0 and 1, optional
fields as null, and fields that nobody knows. What can be read without loss is read. Knows only the
wire; `convert` makes a Request of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from modules.errors import RequestError

MAX_SEED = 2**64 - 1
MAX_DEPTH = 100  # of lists and objects in each other


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects lie in each other more than `levels` deep."""
    inner = [value]
    for _ in range(levels + 1):
        parts = [part for part in inner if isinstance(part, dict | list)]
        inner = [child for part in parts for child in _children(part)]
    return bool(inner)


def _children(part: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return part.values() if isinstance(part, dict) else part


class Base(BaseModel):
    """Fields of both routes."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    prompt: str = ""
    negative_prompt: str = ""
    styles: list[str] | None = None
    seed: int = Field(-1, le=MAX_SEED)
    subseed: int = Field(-1, le=MAX_SEED)
    subseed_strength: float = 0
    seed_resize_from_h: int = -1
    seed_resize_from_w: int = -1
    sampler_name: str | None = None
    sampler_index: str = "Euler"
    scheduler: str | None = None
    batch_size: int = 1
    n_iter: int = 1
    steps: int = 50
    cfg_scale: float = 7.0
    width: int | None = None
    height: int | None = None
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    eta: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmax: float | None = None
    s_tmin: float | None = None
    s_noise: float | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: bool = True
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool = False
    firstpass_image: str | None = None
    comments: dict[str, str] | None = None
    force_task_id: str | None = None
    script_name: str | None = None
    script_args: list[Any] = Field(default_factory=list)
    alwayson_scripts: dict[str, Any] = Field(default_factory=dict)
    infotext: str | None = None
    send_images: bool = True
    save_images: bool = False

    @model_validator(mode="before")
    @classmethod
    def null_means_default(cls, values: Any) -> Any:
        """A field sent as null is a field not sent."""
        if isinstance(values, dict):
            for name in ("script_args", "alwayson_scripts", "override_settings", "comments"):
                if _is_deeper(values.get(name), MAX_DEPTH):
                    raise RequestError(
                        f"{name} is nested deeper than {MAX_DEPTH} levels; send it flatter",
                        field=name,
                    )
            return {key: value for key, value in values.items() if value is not None}
        return values


class Txt2ImgBody(Base):
    """POST /sdapi/v1/txt2img."""

    denoising_strength: float | None = None
    enable_hr: bool = False
    firstphase_width: int = 0
    firstphase_height: int = 0
    hr_scale: float = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: int = 0
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_checkpoint_name: str | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str = ""
    hr_negative_prompt: str = ""


class Img2ImgBody(Base):
    """POST /sdapi/v1/img2img."""

    init_images: list[str] | None = None
    resize_mode: int = 0
    denoising_strength: float = 0.75
    image_cfg_scale: float | None = None
    mask: str | None = None
    mask_blur: int | None = None
    mask_blur_x: int = 4
    mask_blur_y: int = 4
    mask_round: bool = True
    inpainting_fill: int = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = 0
    initial_noise_multiplier: float | None = None
    latent_mask: str | None = None
    include_init_images: bool = False


class ImageBody(BaseModel):
    """POST /sdapi/v1/png-info."""

    image: str = ""
