"""The bodies of txt2img and img2img: A1111's names, types and defaults (interface 16.1, 16.2).

Clients are loose: numbers come as strings, integers as whole floats, booleans as 0 and 1, optional
fields as null, and fields that nobody knows. What can be read without loss is read. Knows only the
wire; `convert` makes a Request of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from modules.errors import RequestError
from modules.web.shapes import Shape

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


class Loose(Shape):
    """A body as clients send it; see this file's first lines."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def read_loosely(cls, values: Any) -> Any:
        """A field sent as null is a field not sent; one that must be a list may come bare, and an
        empty list may stand for an empty object or the other way round, as in PHP and Lua.
        """
        if values is None:
            return {}
        if not isinstance(values, dict):
            return values
        read = {}
        for name, value in values.items():
            entry = cls.model_fields.get(name)
            if entry is None or value is None:
                continue
            if _is_deeper(value, MAX_DEPTH):
                raise RequestError(
                    f"{name} is nested deeper than {MAX_DEPTH} levels; send it flatter", field=name
                )
            read[name] = _shaped(value, str(entry.annotation))
        return read


def _shaped(value: Any, wanted: str) -> Any:
    """`value` for a field whose type is `wanted` in Python's spelling."""
    if wanted.startswith("list"):
        if value == {}:
            return []
        return [value] if wanted.startswith("list[str]") and isinstance(value, str) else value
    if wanted.startswith("dict") and value == []:
        return {}
    return value


class Base(Loose):
    """Fields of both routes."""

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


class ImageBody(Loose):
    """POST /sdapi/v1/png-info."""

    image: str = ""


class InterrogateBody(ImageBody):
    """POST /sdapi/v1/interrogate."""

    model: str = "clip"


class ExtrasBody(Loose):
    """What both Extras routes take."""

    resize_mode: int = Field(0, ge=0, le=1)
    show_extras_results: bool = True
    gfpgan_visibility: float = Field(0, ge=0, le=1)
    codeformer_visibility: float = Field(0, ge=0, le=1)
    codeformer_weight: float = Field(0, ge=0, le=1)
    upscaling_resize: float = Field(2, gt=0)
    upscaling_resize_w: int = Field(512, ge=1)
    upscaling_resize_h: int = Field(512, ge=1)
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: float = Field(0, ge=0, le=1)
    upscale_first: bool = False


class ExtraSingleBody(ExtrasBody):
    """POST /sdapi/v1/extra-single-image."""

    image: str = ""


class NamedImage(Loose):
    """One picture of a batch; `name` is its file's."""

    data: str = ""
    name: str = ""


class ExtraBatchBody(ExtrasBody):
    """POST /sdapi/v1/extra-batch-images."""

    imageList: list[NamedImage] = Field(default_factory=list)
