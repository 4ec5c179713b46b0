"""The one record that says everything about a wish for pictures.

Frozen, checked at birth, equal if equal, and plain (JSON-like) when stored. It may hold None, -1
and "Automatic": all doubt ends later, in `engine.plan`. A picture in it is the sha256 of its file's
bytes, never pixels. It knows nothing of checkpoints on disk, of settings' values, of torch. Field
names are those of A1111's API (interface sections 16.1 and 16.2), except that what belongs to hires
fix and to img2img lies in records of their own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from modules.errors import RequestError

MAX_SIZE = 8192  # pixels a side; the settings may allow less
MIN_SIZE = 8
MAX_STEPS = 1000
MAX_IMAGES = 10_000
MAX_TEXT = 1_000_000  # characters
_SHA256 = re.compile(r"[0-9a-f]{64}")

Kind = Literal["txt2img", "img2img"]
RESIZE_MODES = ("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)")
FILL_MODES = ("fill", "original", "latent noise", "latent nothing")


def _range(name: str, value: float | None, low: float, high: float) -> None:
    if value is None:
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(value, float) and not math.isfinite(value)):
        raise RequestError(
            f"{name} is {value!r}; give a number from {low:g} to {high:g}", field=name
        )
    if not low <= value <= high:
        # A whole number of a thousand digits can't become a float, and nobody would read it.
        told = str(value) if abs(value) < 10**20 else f"{str(value)[:10]}..."
        raise RequestError(f"{name} {told} is outside {low:g}..{high:g}", field=name)


def _whole(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise RequestError(
            f"{name} is {value!r}; give a whole number from {low} to {high}", field=name
        )
    _range(name, value, low, high)


def _text(name: str, value: str | None, *, optional: bool = True) -> None:
    if value is None and optional:
        return
    if not isinstance(value, str):
        raise RequestError(f"{name} is {value!r}; give a text", field=name)
    if len(value) > MAX_TEXT:
        raise RequestError(
            f"{name} has {len(value)} characters; give at most {MAX_TEXT}", field=name
        )
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise RequestError(
            f"{name} holds half a character (a lone surrogate); remove it", field=name
        )


def _given(record: Any, prefix: str = "") -> None:
    """None only where it has a meaning: in fields whose default it is."""
    for entry in fields(record):
        if entry.default is not None and getattr(record, entry.name) is None:
            name = prefix + entry.name
            raise RequestError(f"{name} is missing", field=name)


def _flag(name: str, value: bool | None) -> None:
    if value is not None and not isinstance(value, bool):
        raise RequestError(f"{name} is {value!r}; give true or false", field=name)


def _mapping(name: str, value: Mapping[str, Any]) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise RequestError(f"{name} is no object of names and values", field=name)


def _size(name: str, value: int | None) -> None:
    """None is the checkpoint's own size; what is no multiple of 8 is floored by the plan."""
    _whole(name, value, MIN_SIZE, MAX_SIZE)


def _image(name: str, value: str) -> None:
    if not (isinstance(value, str) and _SHA256.fullmatch(value)):
        raise RequestError(f"{name} is not the sha256 of a stored picture", field=name)


@dataclass(frozen=True, kw_only=True)
class Hires:
    """The second, larger pass (A1111's hires fix). Sizes in pixels; 0 in both resize fields means
    `scale`.
    """

    scale: float = 2.0
    upscaler: str | None = None  # None: "Latent"
    steps: int = 0  # 0: as many as the first pass
    resize_x: int = 0
    resize_y: int = 0
    denoising_strength: float = 0.7
    checkpoint: str | None = None
    sampler_name: str | None = None
    scheduler: str | None = None
    prompt: str = ""  # "": the main prompt
    negative_prompt: str = ""
    firstpass_image: str | None = None  # sha256: start from this picture instead of a first pass

    def __post_init__(self) -> None:
        _given(self, "hr_")
        for name in ("upscaler", "sampler_name", "scheduler", "prompt", "negative_prompt"):
            _text(f"hr_{name}", getattr(self, name))
        _text("hr_checkpoint_name", self.checkpoint)
        _range("hr_scale", self.scale, 0.05, 16)
        _whole("hr_second_pass_steps", self.steps, 0, MAX_STEPS)
        _whole("hr_resize_x", self.resize_x, 0, MAX_SIZE)
        _whole("hr_resize_y", self.resize_y, 0, MAX_SIZE)
        _range("denoising_strength", self.denoising_strength, 0, 1)
        if self.firstpass_image is not None:
            _image("firstpass_image", self.firstpass_image)


@dataclass(frozen=True, kw_only=True)
class Mask:
    """What is to be repainted: white in the mask picture. Blurs and padding in pixels."""

    image: str  # sha256
    blur_x: int = 4
    blur_y: int = 4
    round: bool = True
    fill: int = 0  # index into FILL_MODES
    only_masked: bool = True
    padding: int = 0
    invert: bool = False

    def __post_init__(self) -> None:
        _given(self, "mask_")
        _image("mask", self.image)
        _flag("mask_round", self.round)
        _flag("inpaint_full_res", self.only_masked)
        _flag("inpainting_mask_invert", self.invert)
        _whole("mask_blur_x", self.blur_x, 0, 256)
        _whole("mask_blur_y", self.blur_y, 0, 256)
        _whole("inpainting_fill", self.fill, 0, len(FILL_MODES) - 1)
        _whole("inpaint_full_res_padding", self.padding, 0, 1024)


@dataclass(frozen=True, kw_only=True)
class Init:
    """What img2img starts from."""

    images: tuple[str, ...]  # sha256 each: one, or one for each image of the batch
    denoising_strength: float = 0.75
    resize_mode: int = 0  # index into RESIZE_MODES
    image_cfg_scale: float | None = None
    noise_multiplier: float | None = None  # None: the setting
    mask: Mask | None = None

    def __post_init__(self) -> None:
        _given(self)
        if not self.images:
            raise RequestError("img2img without a picture: give init_images", field="init_images")
        for image in self.images:
            _image("init_images", image)
        _range("denoising_strength", self.denoising_strength, 0, 1)
        _whole("resize_mode", self.resize_mode, 0, len(RESIZE_MODES) - 1)
        _range("image_cfg_scale", self.image_cfg_scale, 0, 100)
        _range("initial_noise_multiplier", self.noise_multiplier, 0, 10)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A wish for n_iter * batch_size pictures. Widths and heights in pixels, None: the checkpoint's
    own.
    """

    prompt: str = ""
    negative_prompt: str = ""
    styles: tuple[str, ...] = ()
    seed: int = -1  # -1: a random one, fixed at submit
    subseed: int = -1
    subseed_strength: float = 0.0
    seed_resize_from_h: int = 0
    seed_resize_from_w: int = 0
    sampler_name: str | None = None  # None: the first of the list
    scheduler: str | None = None  # None: "Automatic"
    steps: int = 20
    batch_size: int = 1
    n_iter: int = 1
    cfg_scale: float = 7.0
    width: int | None = None
    height: int | None = None
    restore_faces: bool | None = None
    tiling: bool | None = None
    eta: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmin: float | None = None
    s_tmax: float | None = None
    s_noise: float | None = None
    hires: Hires | None = None
    init: Init | None = None
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool = False
    override_settings: Mapping[str, Any] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    script_name: str | None = None
    script_args: tuple[Any, ...] = ()
    alwayson_scripts: Mapping[str, Any] = field(default_factory=dict)
    save_images: bool = True  # False: kept only until the job is forgotten
    save_grid: bool = True

    def __post_init__(self) -> None:
        _given(self)
        self._check_texts()
        self._check_numbers()
        self._check_passes()

    def _check_texts(self) -> None:
        for name in ("prompt", "negative_prompt", "sampler_name", "scheduler"):
            _text(name, getattr(self, name))
        for name in ("refiner_checkpoint", "script_name"):
            _text(name, getattr(self, name))
        for style in self.styles:
            _text("styles", style, optional=False)
        for name in ("restore_faces", "tiling", "disable_extra_networks", "save_images"):
            _flag(name, getattr(self, name))
        for name in ("override_settings", "comments", "alwayson_scripts"):
            _mapping(name, getattr(self, name))

    def _check_numbers(self) -> None:
        _whole("steps", self.steps, 1, MAX_STEPS)
        _whole("batch_size", self.batch_size, 1, 1024)
        _whole("n_iter", self.n_iter, 1, MAX_IMAGES)
        _whole("n_iter * batch_size", self.n_iter * self.batch_size, 1, MAX_IMAGES)
        _size("width", self.width)
        _size("height", self.height)
        _whole("seed", self.seed, -1, 2**64 - 1)
        _whole("subseed", self.subseed, -1, 2**64 - 1)
        _range("subseed_strength", self.subseed_strength, 0, 1)
        _whole("seed_resize_from_h", self.seed_resize_from_h, 0, MAX_SIZE)
        _whole("seed_resize_from_w", self.seed_resize_from_w, 0, MAX_SIZE)
        _range("cfg_scale", self.cfg_scale, 0, 1000)
        _range("eta", self.eta, 0, 10)
        for name in ("s_min_uncond", "s_churn", "s_tmin", "s_noise"):
            _range(name, getattr(self, name), 0, 1000)
        if self.s_tmax != math.inf:  # infinity is this field's own word for "no upper end"
            _range("s_tmax", self.s_tmax, 0, 1e9)
        _range("refiner_switch_at", self.refiner_switch_at, 0, 1)

    def _check_passes(self) -> None:
        if self.hires is not None and self.init is not None:
            raise RequestError(
                "hires fix belongs to txt2img; img2img takes none", field="enable_hr"
            )
        if self.init is not None and len(self.init.images) not in (1, self.batch_size):
            raise RequestError(
                f"{len(self.init.images)} init_images for batch_size {self.batch_size}: "
                "give one, or as many as the batch has",
                field="init_images",
            )

    @property
    def kind(self) -> Kind:
        return "txt2img" if self.init is None else "img2img"

    @property
    def image_count(self) -> int:
        return self.n_iter * self.batch_size

    @property
    def images_needed(self) -> tuple[str, ...]:
        """sha256 of every stored picture that the worker will ask for, each once."""
        wanted: list[str] = []
        if self.init is not None:
            wanted += self.init.images
            if self.init.mask is not None:
                wanted.append(self.init.mask.image)
        if self.hires is not None and self.hires.firstpass_image:
            wanted.append(self.hires.firstpass_image)
        return tuple(dict.fromkeys(wanted))

    def with_seed(self, seed: int, subseed: int) -> Request:
        """The same wish with its random numbers drawn: from then on it is repeatable."""
        return replace(self, seed=seed, subseed=subseed)

    def to_record(self) -> dict[str, Any]:
        """Plain values (dict, list, str, number, bool, None) for the store and for messages."""
        record = asdict(self)
        if self.s_tmax == math.inf:
            record["s_tmax"] = "inf"  # JSON has no infinity
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Request:
        """The inverse of `to_record`, also after JSON. RequestError where a field is unknown or its
        value is bad.
        """
        values = _known(cls, record)
        for name in ("styles", "script_args"):
            values[name] = _listed(name, values.get(name, ()))
        if values.get("s_tmax") == "inf":
            values["s_tmax"] = math.inf
        if values.get("hires") is not None:
            values["hires"] = Hires(**_known(Hires, values["hires"]))
        if values.get("init") is not None:
            init = _known(Init, values["init"])
            init["images"] = _listed("init_images", init.get("images", ()))
            if init.get("mask") is not None:
                mask = _known(Mask, init["mask"])
                init["mask"] = Mask(**{"image": "", **mask})
            values["init"] = Init(**init)
        return cls(**values)


def _known(record_type: type, record: Any) -> dict[str, Any]:
    """The values of a record of that type. RequestError where it has others, or is none."""
    if not isinstance(record, Mapping):
        raise RequestError(f"{record_type.__name__.lower()} is no object of names and values")
    unknown = sorted(set(record) - {entry.name for entry in fields(record_type)})
    if unknown:
        raise RequestError(f"unknown fields: {', '.join(unknown)}", field=unknown[0])
    return dict(record)


def _listed(name: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise RequestError(f"{name} is {value!r}; give a list", field=name)
    return tuple(value)
