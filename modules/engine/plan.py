"""From a wish to what is to be done, with nothing left open: Request, settings and the model's
facts become a Plan.

Pure: it reads no file, draws no random number and computes no picture. Every None, -1 and
"Automatic" of a request ends here, and what this version can't do is refused here by the name of
its field. How a pass is run is not known here. Rules: A1111 numerics, seeds, noise sources, hires
fix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from modules.diffusion.guidance import SkipNegative
from modules.diffusion.noise import MAX_SEED
from modules.diffusion.noise_schedule import SigmaTable
from modules.engine.checkpoints import Checkpoint, check_same_latents
from modules.engine.hires_sizes import Enlarging as Enlarging
from modules.engine.hires_sizes import enlarging_of as enlarging_of
from modules.engine.old_sizes import with_todays_sizes
from modules.engine.refiner import Refiner, make_refiner, refines_pass
from modules.engine.refusals import refuse_what_is_missing, warnings_of
from modules.engine.texts import Texts, texts_of
from modules.engine.walks import Strength, Walk, make_walk, sigma_table
from modules.errors import RequestError
from modules.generation.choices import resolve_sampler
from modules.generation.prompt import split_and
from modules.generation.request import Hires, Init, Request
from modules.generation.styles import Style
from modules.networks.spec import Spec
from modules.settings import Settings


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """One way from a noisy latent to a clean one. Sizes in pixels, multiples of its factor.

    told_size: (width, height) that SDXL is told: as asked for, before anything was cut off.
    checkpoint: the one it begins with; None: the job's own.
    """

    width: int
    height: int
    told_size: tuple[int, int]
    walk: Walk
    texts: Texts
    checkpoint: Checkpoint | None = None
    refiner: Refiner | None = None
    hires_steps: int | None = None  # of a second pass: its steps as prompt schedules count them
    noise_multiplier: float = 1.0
    extra_noise: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """All that is to be done for a request. Seeds and subseeds: one for each picture."""

    passes: tuple[Pass, ...]
    first_picture: str | None  # sha256: it stands for what the first pass would have made
    init: Init | None
    hires: Hires | None
    enlarging: Enlarging | None
    seeds: tuple[int, ...]
    subseeds: tuple[int, ...]
    subseed_strength: float
    seed_resize: (
        tuple[int, int] | None
    )  # (height, width) in pixels of the picture whose noise it is
    noise_source: str
    ensd: int
    batch_size: int
    asked_size: tuple[int, int]  # width, height as asked, before they were floored
    cfg_scale: float
    image_cfg_scale: float | None  # None: the model takes none
    mask_weight: float | None  # of an inpainting model; None: none is at work
    skip_negative: SkipNegative
    clip_skip: int
    tiling: bool
    noise_by_batch: bool
    families: frozenset[str]  # of all checkpoints that may have a turn
    warnings: tuple[str, ...]

    @property
    def passes_run(self) -> range:
        """Numbers of the passes that are run."""
        return range(1 if self.first_picture else 0, len(self.passes))

    @property
    def expected_steps(self) -> int:
        return sum(self.passes[number].walk.expected_steps for number in self.passes_run)


@dataclass(frozen=True, kw_only=True)
class Others:
    """The checkpoints that a request names besides the job's own, whose key is `own_key`."""

    own_key: str = ""
    hires: Checkpoint | None = None
    refiner: Checkpoint | None = None


@dataclass(frozen=True, eq=False)
class _Common:
    """What the passes of one request are planned from."""

    request: Request
    settings: Settings
    styles: Mapping[str, Style]
    spec: Spec
    table: SigmaTable
    others: Others

    @property
    def specs(self) -> list[Spec]:
        """Of all checkpoints that may have a turn, the job's own first."""
        others = (self.others.hires, self.others.refiner)
        return [self.spec, *(other.spec for other in others if other is not None)]


def make_plan(
    request: Request,
    settings: Settings,
    spec: Spec,
    *,
    alphas_cumprod: Tensor,
    on_cuda: bool,
    styles: Mapping[str, Style],
    others: Others | None = None,
) -> Plan:
    """The plan of `request`, whose seeds must have been drawn.

    alphas_cumprod: the checkpoint's, (1000,) fp32. on_cuda: whether pictures are made on an NVIDIA
    card. others: the checkpoints that the request names. RequestError and its kinds where the
    request asks for what can't be.
    """
    assert request.seed >= 0 and request.subseed >= 0, "seeds are drawn before a request is planned"
    refuse_what_is_missing(request, settings)
    request = with_todays_sizes(request, settings, spec.default_size)
    table = sigma_table(alphas_cumprod, settings, zero_snr=spec.zero_snr)
    asked_size, (width, height) = _sizes(request, spec)
    common = _Common(request, settings, styles, spec, table, others or Others())
    texts = texts_of(request, settings, styles)
    schedule = resolve_sampler(request.sampler_name, request.scheduler)[1]
    first = _first_pass(common, asked_size, (width, height), texts)
    passes, enlarging = [first], None
    if request.hires is not None:
        enlarging = enlarging_of(request.hires, *asked_size, spec)
        passes.append(_second_pass(common, request.hires, first, schedule, enlarging))
    resize_from = (request.seed_resize_from_h, request.seed_resize_from_w)
    seed_resize = resize_from if min(resize_from) >= spec.vae_factor else None
    _check_variation(request, height if seed_resize is None else seed_resize[0], spec)
    seeds, subseeds = _seeds(request)
    optimizations = settings.optimizations
    return Plan(
        passes=tuple(passes),
        first_picture=request.hires.firstpass_image if request.hires else None,
        init=request.init,
        hires=request.hires,
        enlarging=enlarging,
        seeds=seeds,
        subseeds=subseeds,
        subseed_strength=request.subseed_strength,
        seed_resize=seed_resize,
        noise_source=noise_source(settings, on_cuda),
        ensd=settings.sampler_params.eta_noise_seed_delta,
        batch_size=request.batch_size,
        asked_size=asked_size,
        cfg_scale=request.cfg_scale,
        image_cfg_scale=_image_cfg_scale(request, texts, spec),
        mask_weight=_mask_weight(common),
        skip_negative=SkipNegative(
            early=settings.sampler_params.skip_early_cond,
            below_sigma=_below_sigma(request, settings),
            every_step=optimizations.s_min_uncond_all,
        ),
        clip_skip=settings.sd.CLIP_stop_at_last_layers,
        tiling=settings.sd.tiling if request.tiling is None else request.tiling,
        noise_by_batch=settings.compatibility.no_dpmpp_sde_batch_determinism,
        families=frozenset(each.family for each in common.specs),
        warnings=warnings_of(request, settings, styles),
    )


def noise_source(settings: Settings, on_cuda: bool) -> str:
    """GPU needs a CUDA device; elsewhere NV, which computes the same numbers, stands in for it."""
    chosen = settings.sd.randn_source
    if chosen != "GPU" or on_cuda:
        return chosen
    return "NV" if settings.easel.easel_portable_gpu_noise else "CPU"


def _sizes(request: Request, spec: Spec) -> tuple[tuple[int, int], tuple[int, int]]:
    width = spec.default_size[0] if request.width is None else request.width
    height = spec.default_size[1] if request.height is None else request.height
    factor = spec.vae_factor
    if min(width, height) < factor:
        raise RequestError(
            f"size {width}x{height} is too small: this checkpoint needs {factor} or more each way",
            field="width" if width < factor else "height",
        )
    return (width, height), (width // factor * factor, height // factor * factor)


def _seeds(request: Request) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """One seed after the other; with a variation all keep the seed, and the variation's moves."""
    count = request.image_count
    last = max(request.seed, request.subseed) + count - 1
    if last > MAX_SEED:
        raise RequestError(f"the last seed would be {last}, above {MAX_SEED}", field="seed")
    step = 0 if request.subseed_strength else 1
    seeds = tuple(request.seed + step * index for index in range(count))
    return seeds, tuple(request.subseed + index for index in range(count))


def _check_variation(request: Request, noise_height: int, spec: Spec) -> None:
    """Noises are mixed as directions down the picture's height; one row of latent has none."""
    least = 2 * spec.vae_factor
    if request.subseed_strength and noise_height < least:
        raise RequestError(
            f"a variation (subseed_strength {request.subseed_strength:g}) needs noise of at least "
            f"{least} pixels height, here it has {noise_height}: raise the height",
            field="subseed_strength",
        )


def _noise_multiplier(request: Request, settings: Settings) -> float:
    if request.init is None:
        return 1.0
    asked = request.init.noise_multiplier
    return settings.img2img.initial_noise_multiplier if asked is None else asked


def _image_cfg_scale(request: Request, texts: Texts, spec: Spec) -> float | None:
    """InstructPix2Pix's second scale. With one, there are three predictions a step and no AND."""
    if request.init is None or spec.image_inputs != "edit":
        return None
    scale = request.init.image_cfg_scale
    if scale not in (None, 1.0) and len(split_and(texts.encoded)) > 1:
        raise RequestError(
            f"AND can't be used with an InstructPix2Pix checkpoint at image CFG scale {scale:g}: "
            "leave AND out, or set image_cfg_scale to 1",
            field="prompt",
        )
    return scale


def _mask_weight(common: _Common) -> float | None:
    if all(spec.image_inputs != "inpaint" for spec in common.specs):
        return None
    return common.settings.img2img.inpainting_mask_weight


def _below_sigma(request: Request, settings: Settings) -> float:
    setting = settings.optimizations.s_min_uncond
    return request.s_min_uncond if setting == 0 and request.s_min_uncond else setting


def _first_pass(
    common: _Common, asked_size: tuple[int, int], size: tuple[int, int], texts: Texts
) -> Pass:
    request, settings, spec = common.request, common.settings, common.spec
    sampler, schedule = resolve_sampler(request.sampler_name, request.scheduler)
    strength = None
    if request.init is not None:
        exact = settings.img2img.img2img_fix_steps
        strength = Strength(request.init.denoising_strength, exact)
    walk = make_walk(
        sampler,
        schedule,
        request.steps,
        common.table,
        request,
        settings,
        strength=strength,
        is_sdxl=spec.size_numbers > 0,
    )
    return Pass(
        width=size[0],
        height=size[1],
        told_size=asked_size,
        walk=walk,
        texts=texts,
        refiner=_refiner(common, spec, second=False),
        noise_multiplier=_noise_multiplier(request, settings),
        extra_noise=settings.img2img.img2img_extra_noise if request.init else 0.0,
    )


def _second_pass(
    common: _Common, hires: Hires, first: Pass, schedule: str, enlarging: Enlarging
) -> Pass:
    """The pass over the enlarged picture, by the checkpoint that hires fix names."""
    request, settings, spec, table = common.request, common.settings, common.spec, common.table
    own = common.others.hires
    if own is not None:
        if enlarging.in_latent_space:
            check_same_latents(spec, own, "the first pass", "hr_checkpoint_name")
        spec, table = own.spec, _table_of(own, settings)
    factor = spec.vae_factor
    width = (enlarging.width // factor - enlarging.cut[0]) * factor
    height = (enlarging.height // factor - enlarging.cut[1]) * factor
    if min(width, height) < factor:
        raise RequestError(
            f"hires fix would make a picture of {width}x{height}: enlarge by more",
            field="hr_scale",
        )
    sampler, schedule = resolve_sampler(
        hires.sampler_name or first.walk.sampler,
        hires.scheduler or schedule,
        prefix="hr_" if hires.sampler_name else "",
    )
    walk = make_walk(
        sampler,
        schedule,
        hires.steps or request.steps,
        table,
        request,
        settings,
        strength=Strength(hires.denoising_strength, exact=True),
        is_sdxl=spec.size_numbers > 0,
    )
    return Pass(
        width=width,
        height=height,
        told_size=(enlarging.width, enlarging.height),
        walk=walk,
        texts=texts_of(request, settings, common.styles, hires=hires),
        checkpoint=own,
        refiner=_refiner(common, spec, second=True),
        hires_steps=walk.prompt_steps,
        extra_noise=settings.img2img.img2img_extra_noise,
    )


def _refiner(common: _Common, spec: Spec, *, second: bool) -> Refiner | None:
    """What takes over in the first or second pass, which begins with a checkpoint of `spec`."""
    checkpoint, settings = common.others.refiner, common.settings
    if checkpoint is None or not refines_pass(common.request, settings, second=second):
        return None
    hires = common.others.hires if second else None
    if checkpoint.key == (hires.key if hires else common.others.own_key):
        return None
    check_same_latents(spec, checkpoint, "the checkpoint", "refiner_checkpoint")
    table = _table_of(checkpoint, settings)
    return make_refiner(checkpoint, table, common.request, settings)


def _table_of(checkpoint: Checkpoint, settings: Settings) -> SigmaTable:
    return sigma_table(checkpoint.alphas_cumprod, settings, zero_snr=checkpoint.spec.zero_snr)
