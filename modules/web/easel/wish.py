"""What a client of /easel/v1 asks for, as its schema describes it: the fields of
`generation.request.Request` and `generation.extras.Extras`, with ranges, units and examples.

Knows shapes, not what they lead to; a picture in it may be named or sent along.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from modules.generation.checks import MAX_SIZE, MAX_TEXT, MIN_SIZE
from modules.generation.extras import MAX_FACTOR, MAX_PICTURES, MAX_SIDE, NO_UPSCALER
from modules.generation.request import FILL_MODES, MAX_IMAGES, MAX_STEPS, RESIZE_MODES
from modules.web.shapes import Shape

_PICTURE = "the sha256 that POST /easel/v1/inputs gave, or the file itself as base64 or data URL"
_SEED = 2**64 - 1


class _Strict(Shape):
    """Names no field that is not here: a misspelt one would be ignored in silence."""

    model_config = ConfigDict(extra="forbid")


def _text(default: str | None, description: str) -> Any:
    return Field(default, max_length=MAX_TEXT, description=description)


def _number(low: float, high: float, description: str, default: float | None = None) -> Any:
    return Field(default, ge=low, le=high, description=description)


def _modes(names: tuple[str, ...]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names))


class WishedHires(_Strict):
    """The second, larger pass."""

    scale: float = _number(0.05, 16, "how many times larger", 2.0)
    upscaler: str | None = _text(None, "name of an upscaler; null is Latent")
    steps: int = _number(0, MAX_STEPS, "0: as many as the first pass", 0)
    resize_x: int = _number(0, MAX_SIZE, "width in pixels; 0 with resize_y 0: by scale", 0)
    resize_y: int = _number(0, MAX_SIZE, "height in pixels", 0)
    denoising_strength: float = _number(0, 1, "how far it may leave the first pass", 0.7)
    checkpoint: str | None = _text(None, "another checkpoint for this pass")
    sampler_name: str | None = _text(None, "another sampler for this pass")
    scheduler: str | None = _text(None, "another schedule for this pass")
    prompt: str = _text("", "empty: the main prompt")
    negative_prompt: str = _text("", "empty: the main negative prompt")
    firstpass_image: str | None = Field(None, description=f"start from a picture: {_PICTURE}")


class WishedSoftness(_Strict):
    """Soft inpainting: the mask's grey decides step by step."""

    bias: float = _number(0, 8, "how long the soft edge counts as masked", 1.0)
    preservation: float = _number(0, 8, "how much of the start picture stays there", 0.5)
    detail: float = _number(1, 32, "contrast of the transition", 4.0)
    influence: float = _number(0, 1, "how far the mask decides what shows in the end", 0.0)
    threshold: float = _number(0, 8, "how much a place must have changed to show", 0.5)
    contrast: float = _number(0, 8, "how sharply that is decided", 2.0)


class WishedMask(_Strict):
    """What is to be repainted."""

    image: str = Field(
        "", description=f"white is repainted; empty where each of `inputs` has its own; {_PICTURE}"
    )
    blur_x: int = _number(0, 256, "pixels", 4)
    blur_y: int = _number(0, 256, "pixels", 4)
    round: bool = Field(True, description="make half-covered pixels of the mask all or nothing")
    fill: int = _number(0, len(FILL_MODES) - 1, _modes(FILL_MODES), 0)
    only_masked: bool = Field(True, description="work at full size on the masked part alone")
    padding: int = _number(0, 1024, "pixels around the masked part", 0)
    invert: bool = Field(False, description="repaint what is black instead")
    soft: WishedSoftness | None = Field(None, description="given: the mask is not rounded")


class WishedInput(_Strict):
    """One picture of a batch over many, and what is different for it; null: as the request."""

    image: str = Field("", description=f"empty only with a problem; {_PICTURE}")
    name: str = Field("", max_length=500, description="file name without folders")
    mask: str | None = Field(None, description=f"its own mask: {_PICTURE}")
    prompt: str | None = _text(None, "")
    negative_prompt: str | None = _text(None, "")
    seed: int | None = _number(0, _SEED, "")
    cfg_scale: float | None = _number(0, 1000, "")
    sampler_name: str | None = _text(None, "")
    scheduler: str | None = _text(None, "")
    steps: int | None = _number(1, MAX_STEPS, "")
    width: int | None = _number(MIN_SIZE, MAX_SIZE, "pixels")
    height: int | None = _number(MIN_SIZE, MAX_SIZE, "pixels")
    checkpoint: str | None = _text(None, "name of another checkpoint for this picture")
    problem: str = Field(
        "", max_length=1000, description="why it can't be used; the job tells it beside its name"
    )


class WishedInit(_Strict):
    """What img2img starts from; with a mask it is inpainting."""

    images: list[str] = Field(
        [], max_length=1024, description=f"one, or one for each of the batch: {_PICTURE}"
    )
    inputs: list[WishedInput] = Field(
        [],
        max_length=MAX_IMAGES,
        description="instead of images: each is worked on by itself, in one job (A1111's Batch)",
    )
    denoising_strength: float = _number(0, 1, "how far the result may leave the start", 0.75)
    resize_mode: int = _number(0, len(RESIZE_MODES) - 1, _modes(RESIZE_MODES), 0)
    image_cfg_scale: float | None = _number(0, 100, "for checkpoints that are told by pictures")
    noise_multiplier: float | None = _number(0, 10, "null: the setting")
    mask: WishedMask | None = Field(None, description="repaint a part alone")


class Wish(_Strict):
    """Pictures that are wanted. Without `init` it is txt2img, with it img2img, with a mask in that
    inpainting.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"prompt": "a red apple on grass", "steps": 20, "sampler_name": "DPM++ 2M"},
                {"prompt": "a barn", "seed": 7, "batch_size": 4, "width": 512, "height": 512},
            ]
        },
    )

    prompt: str = _text("", "A1111's prompt language")
    negative_prompt: str = _text("", "what shall not be there")
    styles: list[str] = Field([], description="names of stored styles")
    seed: int = _number(-1, _SEED, "-1: a random one", -1)
    subseed: int = _number(-1, _SEED, "seed of the variation; -1: a random one", -1)
    subseed_strength: float = _number(0, 1, "how much of the variation", 0.0)
    seed_resize_from_h: int = _number(0, MAX_SIZE, "height that the seed was found at; 0: none", 0)
    seed_resize_from_w: int = _number(0, MAX_SIZE, "width that the seed was found at; 0: none", 0)
    sampler_name: str | None = _text(None, "null: the first of the list")
    scheduler: str | None = _text(None, "null: Automatic")
    steps: int = _number(1, MAX_STEPS, "sampling steps", 20)
    batch_size: int = _number(1, 1024, "pictures at once", 1)
    n_iter: int = _number(1, MAX_IMAGES, "batches after each other", 1)
    cfg_scale: float = _number(0, 1000, "how strictly the prompt is followed", 7.0)
    width: int | None = _number(MIN_SIZE, MAX_SIZE, "pixels; null: the checkpoint's own")
    height: int | None = _number(MIN_SIZE, MAX_SIZE, "pixels; null: the checkpoint's own")
    restore_faces: bool | None = Field(None, description="null: the setting")
    tiling: bool | None = Field(None, description="edges that fit together; null: the setting")
    eta: float | None = _number(0, 10, "noise of samplers that have it; null: the setting")
    s_min_uncond: float | None = _number(0, 1000, "null: the setting")
    s_churn: float | None = _number(0, 1000, "null: the setting")
    s_tmin: float | None = _number(0, 1000, "null: the setting")
    s_tmax: float | Literal["inf"] | None = Field(None, description="null: the setting")
    s_noise: float | None = _number(0, 1000, "null: the setting")
    hires: WishedHires | None = Field(None, description="hires fix; not together with init")
    init: WishedInit | None = Field(None, description="start from pictures")
    refiner_checkpoint: str | None = _text(None, "checkpoint that takes over")
    refiner_switch_at: float | None = _number(0, 1, "share of the steps before it takes over")
    disable_extra_networks: bool = Field(False, description="leave LoRAs of the prompt out")
    override_settings: dict[str, Any] = Field({}, description="settings for this job alone")
    comments: dict[str, str] = Field({}, description="kept in the picture file")
    script_name: str | None = _text(None, "title of a script")
    script_args: list[Any] = Field([], description="values of that script's controls")
    alwayson_scripts: dict[str, Any] = Field({}, description="arguments of always-on scripts")
    save_images: bool = Field(True, description="keep the files; else as long as the job is known")
    save_grid: bool = Field(True, description="keep a grid of several pictures")


class WishedExtras(_Strict):
    """Finished pictures that are to be worked over, each by itself."""

    images: list[str] = Field(min_length=1, max_length=MAX_PICTURES, description=_PICTURE)
    names: list[str] = Field([], description="file names without folders, one for each; or none")
    to_size: bool = Field(False, description="to width x height; else by factor")
    factor: float = _number(0.01, MAX_FACTOR, "how many times larger", 2.0)
    longest_side: int = _number(0, MAX_SIDE, "with factor: at most this, in pixels; 0: any", 0)
    width: int = _number(1, MAX_SIDE, "pixels", 512)
    height: int = _number(1, MAX_SIDE, "pixels", 512)
    crop: bool = Field(True, description="with to_size: cut what stands over")
    upscaler_1: str = _text(NO_UPSCALER, "name of an upscaler")
    upscaler_2: str = _text(NO_UPSCALER, "name of another")
    upscaler_2_visibility: float = _number(0, 1, "share of the second in the result", 0.0)
    save_images: bool = Field(True, description="keep the files; else as long as the job is known")
