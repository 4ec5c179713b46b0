"""The one record that says everything about a wish for pictures.

Frozen, checked at birth, equal if equal, and plain (JSON-like) when stored. It may hold None, -1
and "Automatic": all doubt ends later, in `engine.plan`. A picture in it is the sha256 of its file's
bytes, never pixels. It knows nothing of checkpoints on disk, of settings' values, of torch. Field
names are those of A1111's API (interface sections 16.1 and 16.2), except that what belongs to hires
fix and to img2img lies in records of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from modules.errors import RequestError
from modules.generation import checks
from modules.generation.batch import MAX_STEPS, Input, check_masks
from modules.generation.checks import MAX_SIZE
from modules.generation.records import plain
from modules.generation.soft_inpainting import SoftInpainting

MAX_IMAGES = 10_000

Kind = Literal["txt2img", "img2img"]
RESIZE_MODES = ("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)")
FILL_MODES = ("fill", "original", "latent noise", "latent nothing")
SAME_CHECKPOINT = "Use same checkpoint"  # A1111's word for "hires fix has none of its own"


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
        checks.given(self, "hr_")
        for name in ("upscaler", "sampler_name", "scheduler", "prompt", "negative_prompt"):
            checks.text(f"hr_{name}", getattr(self, name))
        checks.text("hr_checkpoint_name", self.checkpoint)
        checks.in_range("hr_scale", self.scale, 0.05, 16)
        checks.whole("hr_second_pass_steps", self.steps, 0, MAX_STEPS)
        checks.whole("hr_resize_x", self.resize_x, 0, MAX_SIZE)
        checks.whole("hr_resize_y", self.resize_y, 0, MAX_SIZE)
        checks.in_range("denoising_strength", self.denoising_strength, 0, 1)
        if self.firstpass_image is not None:
            checks.image("firstpass_image", self.firstpass_image)

    @property
    def other_checkpoint(self) -> str | None:
        """Name of the second pass's own checkpoint; None where it has none."""
        return None if self.checkpoint in (None, "", SAME_CHECKPOINT) else self.checkpoint


@dataclass(frozen=True, kw_only=True)
class Mask:
    """What is to be repainted: white in the mask picture. Blurs and padding in pixels."""

    image: str = ""  # sha256; "" only where each of `Init.inputs` has its own
    blur_x: int = 4
    blur_y: int = 4
    round: bool = True
    fill: int = 0  # index into FILL_MODES
    only_masked: bool = True
    padding: int = 0
    invert: bool = False
    soft: SoftInpainting | None = None  # given: the mask is not rounded

    def __post_init__(self) -> None:
        if self.soft is not None:
            object.__setattr__(self, "round", False)
        checks.given(self, "mask_")
        if self.image:
            checks.image("mask", self.image)
        checks.flag("mask_round", self.round)
        checks.flag("inpaint_full_res", self.only_masked)
        checks.flag("inpainting_mask_invert", self.invert)
        checks.whole("mask_blur_x", self.blur_x, 0, 256)
        checks.whole("mask_blur_y", self.blur_y, 0, 256)
        checks.whole("inpainting_fill", self.fill, 0, len(FILL_MODES) - 1)
        checks.whole("inpaint_full_res_padding", self.padding, 0, 1024)


@dataclass(frozen=True, kw_only=True)
class Init:
    """What img2img starts from: `images`, or each of `inputs` by itself (A1111's Batch tab)."""

    images: tuple[str, ...] = ()  # sha256 each: one, or one for each image of the batch
    inputs: tuple[Input, ...] = ()
    denoising_strength: float = 0.75
    resize_mode: int = 0  # index into RESIZE_MODES
    image_cfg_scale: float | None = None
    noise_multiplier: float | None = None  # None: the setting
    mask: Mask | None = None

    def __post_init__(self) -> None:
        checks.given(self)
        if not self.images and not self.inputs:
            raise RequestError("img2img without a picture: give init_images", field="init_images")
        if self.images and self.inputs:
            raise RequestError("give init_images or inputs, not both", field="init_images")
        checks.whole("the number of inputs", len(self.inputs), 0, MAX_IMAGES)
        common = self.mask is not None and bool(self.mask.image)
        if self.mask is not None and not common and not self.inputs:
            raise RequestError("the mask has no picture: give one", field="mask")
        check_masks(self.inputs, masked=self.mask is not None, common=common)
        for image in self.images:
            checks.image("init_images", image)
        checks.in_range("denoising_strength", self.denoising_strength, 0, 1)
        checks.whole("resize_mode", self.resize_mode, 0, len(RESIZE_MODES) - 1)
        checks.in_range("image_cfg_scale", self.image_cfg_scale, 0, 100)
        checks.in_range("initial_noise_multiplier", self.noise_multiplier, 0, 10)


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
        checks.given(self)
        self._check_texts()
        self._check_numbers()
        self._check_passes()

    def _check_texts(self) -> None:
        for name in ("prompt", "negative_prompt", "sampler_name", "scheduler"):
            checks.text(name, getattr(self, name))
        for name in ("refiner_checkpoint", "script_name"):
            checks.text(name, getattr(self, name))
        for style in self.styles:
            checks.text("styles", style, optional=False)
        for name in (
            "restore_faces",
            "tiling",
            "disable_extra_networks",
            "save_images",
            "save_grid",
        ):
            checks.flag(name, getattr(self, name))
        for name in ("override_settings", "comments", "alwayson_scripts"):
            checks.mapping(name, getattr(self, name))

    def _check_numbers(self) -> None:
        checks.whole("steps", self.steps, 1, MAX_STEPS)
        checks.whole("batch_size", self.batch_size, 1, 1024)
        checks.whole("n_iter", self.n_iter, 1, MAX_IMAGES)
        checks.whole("n_iter * batch_size", self.images_each, 1, MAX_IMAGES)
        if self.inputs:
            checks.whole("pictures of the whole batch", self.image_count, 1, MAX_IMAGES)
        checks.size("width", self.width)
        checks.size("height", self.height)
        checks.whole("seed", self.seed, -1, 2**64 - 1)
        checks.whole("subseed", self.subseed, -1, 2**64 - 1)
        checks.in_range("subseed_strength", self.subseed_strength, 0, 1)
        checks.whole("seed_resize_from_h", self.seed_resize_from_h, 0, MAX_SIZE)
        checks.whole("seed_resize_from_w", self.seed_resize_from_w, 0, MAX_SIZE)
        checks.in_range("cfg_scale", self.cfg_scale, 0, 1000)
        checks.in_range("eta", self.eta, 0, 10)
        for name in ("s_min_uncond", "s_churn", "s_tmin", "s_noise"):
            checks.in_range(name, getattr(self, name), 0, 1000)
        if self.s_tmax != math.inf:  # infinity is this field's own word for "no upper end"
            checks.in_range("s_tmax", self.s_tmax, 0, 1e9)
        checks.in_range("refiner_switch_at", self.refiner_switch_at, 0, 1)

    def _check_passes(self) -> None:
        if self.hires is not None and self.init is not None:
            raise RequestError(
                "hires fix belongs to txt2img; img2img takes none", field="enable_hr"
            )
        if self.init and self.init.images and len(self.init.images) not in (1, self.batch_size):
            raise RequestError(
                f"{len(self.init.images)} init_images for batch_size {self.batch_size}: "
                "give one, or as many as the batch has",
                field="init_images",
            )

    @property
    def kind(self) -> Kind:
        return "txt2img" if self.init is None else "img2img"

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The pictures of img2img's batch; () for every other request."""
        return self.init.inputs if self.init is not None else ()

    @property
    def images_each(self) -> int:
        """Pictures made from one input."""
        return self.n_iter * self.batch_size

    @property
    def image_count(self) -> int:
        return self.images_each * max(1, len(self.inputs))

    def for_input(self, number: int) -> Request:
        """The request for one picture of the batch alone. It has no problem."""
        given, init = self.inputs[number], self.init
        assert init is not None and not given.problem
        mask = init.mask
        if mask is not None and given.mask is not None:
            mask = replace(mask, image=given.mask)
        init = replace(init, images=(given.image,), inputs=(), mask=mask)
        return replace(self, init=init, **given.changes)

    def part(self, index: int) -> tuple[Request, int]:
        """The request that the picture `index` was made by, and its index in that: of a batch, the
        one for its input; else this one.
        """
        if not self.inputs:
            return self, index
        return self.for_input(index // self.images_each), index % self.images_each

    @property
    def refiner(self) -> str | None:
        """Name of the checkpoint that takes over; None where none is wanted."""
        name = self.refiner_checkpoint
        return None if name in (None, "", "None", "none") else name

    @property
    def images_needed(self) -> tuple[str, ...]:
        """sha256 of every stored picture that the worker will ask for, each once."""
        wanted: list[str] = []
        if self.init is not None:
            wanted += self.init.images
            wanted += [given.image for given in self.inputs if not given.problem]
            wanted += [given.mask for given in self.inputs if given.mask is not None]
            if self.init.mask is not None and self.init.mask.image:
                wanted.append(self.init.mask.image)
        if self.hires is not None and self.hires.firstpass_image:
            wanted.append(self.hires.firstpass_image)
        return tuple(dict.fromkeys(wanted))

    def to_record(self) -> dict[str, Any]:
        """Plain values (dict, list, str, number, bool, None) for the store and for messages."""
        record = plain(self)
        if self.s_tmax == math.inf:
            record["s_tmax"] = "inf"  # JSON has no infinity
        if self.inputs:
            record["init"]["inputs"] = [given.to_record() for given in self.inputs]
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Request:
        """The inverse of `to_record`, also after JSON. RequestError where a field is unknown or its
        value is bad.
        """
        values = checks.known(cls, record)
        for name in ("styles", "script_args"):
            values[name] = checks.listed(name, values.get(name, ()))
        if values.get("s_tmax") == "inf":
            values["s_tmax"] = math.inf
        if values.get("hires") is not None:
            values["hires"] = Hires(**checks.known(Hires, values["hires"]))
        if values.get("init") is not None:
            init = checks.known(Init, values["init"])
            init["images"] = checks.listed("init_images", init.get("images", ()))
            inputs = checks.listed("inputs", init.get("inputs", ()))
            init["inputs"] = tuple(Input.from_record(each) for each in inputs)
            if init.get("mask") is not None:
                mask = checks.known(Mask, init["mask"])
                if mask.get("soft") is not None:
                    mask["soft"] = SoftInpainting(**checks.known(SoftInpainting, mask["soft"]))
                init["mask"] = Mask(**mask)
            values["init"] = Init(**init)
        return cls(**values)
