"""Names that a request may hold: samplers, schedules, upscalers, resize and fill modes, one row
each.

Menus, API lists, checks and infotext read these rows; what computes them lies elsewhere, and a test
holds the two equal. A row that is not built yet is refused by name. Rules of names: A1111 numerics,
sampler registry.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from modules.errors import NotBuiltError, UnknownNameError
from modules.generation.request import FILL_MODES as FILL_MODES
from modules.generation.request import RESIZE_MODES as RESIZE_MODES

AUTOMATIC = "Automatic"


@dataclass(frozen=True, kw_only=True)
class SamplerChoice:
    """One sampler of the menu.

    `automatic_schedule` is what "Automatic" means for it; None where it walks timesteps of its own,
    so that no schedule has an effect. `second_order` samplers call the model twice a step.
    """

    label: str
    aliases: tuple[str, ...]
    automatic_schedule: str | None = "Uniform"
    second_order: bool = False
    uses_ensd: bool = False
    brownian_noise: bool = False
    discard_next_to_last_sigma: bool = False
    solver_type: str = ""
    built: bool = True

    @property
    def options(self) -> dict[str, str]:
        """As the API lists them: texts, and only what is set (A1111 interface: /samplers)."""
        named: dict[str, str] = {}
        if self.automatic_schedule not in (None, "Uniform"):
            named["scheduler"] = find_schedule(self.automatic_schedule or "").name
        for flag in ("uses_ensd", "second_order", "brownian_noise", "discard_next_to_last_sigma"):
            if getattr(self, flag):
                named[flag] = "True"
        if self.solver_type:
            named["solver_type"] = self.solver_type
        return named


@dataclass(frozen=True, kw_only=True)
class ScheduleChoice:
    """One schedule. `default_rho` is -1 where it has no rho; `need_inner_model`: it maps
    timesteps.
    """

    name: str
    label: str
    aliases: tuple[str, ...] = ()
    default_rho: float = -1.0
    need_inner_model: bool = False
    built: bool = True

    @property
    def spellings(self) -> tuple[str, ...]:
        return (self.label, self.name, *self.aliases)


@dataclass(frozen=True, kw_only=True)
class UpscalerChoice:
    """An upscaler that needs no file (`scale` 1: to any size), or a known one that does."""

    name: str
    scale: float = 1.0
    built: bool = True


@dataclass(frozen=True, kw_only=True)
class LatentUpscaleMode:
    """A way to enlarge a latent by interpolation; `mode` is the name of it in torch."""

    label: str
    mode: str
    antialias: bool = False


SAMPLERS: tuple[SamplerChoice, ...] = (
    SamplerChoice(label="DPM++ 2M", aliases=("k_dpmpp_2m",), automatic_schedule="Karras"),
    SamplerChoice(
        label="DPM++ SDE",
        aliases=("k_dpmpp_sde",),
        automatic_schedule="Karras",
        second_order=True,
        brownian_noise=True,
    ),
    SamplerChoice(
        label="DPM++ 2M SDE",
        aliases=("k_dpmpp_2m_sde",),
        automatic_schedule="Exponential",
        brownian_noise=True,
    ),
    SamplerChoice(
        label="DPM++ 2M SDE Heun",
        aliases=("k_dpmpp_2m_sde_heun",),
        automatic_schedule="Exponential",
        brownian_noise=True,
        solver_type="heun",
    ),
    SamplerChoice(
        label="DPM++ 2S a",
        aliases=("k_dpmpp_2s_a",),
        automatic_schedule="Karras",
        second_order=True,
        uses_ensd=True,
    ),
    SamplerChoice(
        label="DPM++ 3M SDE",
        aliases=("k_dpmpp_3m_sde",),
        automatic_schedule="Exponential",
        brownian_noise=True,
        discard_next_to_last_sigma=True,
    ),
    SamplerChoice(label="Euler a", aliases=("k_euler_a", "k_euler_ancestral"), uses_ensd=True),
    SamplerChoice(label="Euler", aliases=("k_euler",)),
    SamplerChoice(label="LMS", aliases=("k_lms",)),
    SamplerChoice(label="Heun", aliases=("k_heun",), second_order=True),
    SamplerChoice(
        label="DPM2",
        aliases=("k_dpm_2",),
        automatic_schedule="Karras",
        second_order=True,
        discard_next_to_last_sigma=True,
    ),
    SamplerChoice(
        label="DPM2 a",
        aliases=("k_dpm_2_a",),
        automatic_schedule="Karras",
        second_order=True,
        uses_ensd=True,
        discard_next_to_last_sigma=True,
    ),
    SamplerChoice(label="DPM fast", aliases=("k_dpm_fast",), uses_ensd=True),
    SamplerChoice(label="DPM adaptive", aliases=("k_dpm_ad",), uses_ensd=True),
    SamplerChoice(
        label="Restart", aliases=("restart",), automatic_schedule="Karras", second_order=True
    ),
    SamplerChoice(label="DDIM", aliases=("ddim",), automatic_schedule=None),
    SamplerChoice(label="DDIM CFG++", aliases=("ddim_cfgpp",), automatic_schedule=None),
    SamplerChoice(label="PLMS", aliases=("plms",), automatic_schedule=None),
    SamplerChoice(label="UniPC", aliases=("unipc",), automatic_schedule=None),
    SamplerChoice(label="LCM", aliases=("k_lcm",)),
)

SCHEDULES: tuple[ScheduleChoice, ...] = (
    ScheduleChoice(name="automatic", label=AUTOMATIC),
    ScheduleChoice(name="uniform", label="Uniform", need_inner_model=True),
    ScheduleChoice(name="karras", label="Karras", default_rho=7.0),
    ScheduleChoice(name="exponential", label="Exponential"),
    ScheduleChoice(name="polyexponential", label="Polyexponential", default_rho=1.0),
    ScheduleChoice(
        name="sgm_uniform", label="SGM Uniform", aliases=("SGMUniform",), need_inner_model=True
    ),
    ScheduleChoice(name="kl_optimal", label="KL Optimal"),
    ScheduleChoice(name="align_your_steps", label="Align Your Steps"),
    ScheduleChoice(name="simple", label="Simple", need_inner_model=True),
    ScheduleChoice(name="normal", label="Normal", need_inner_model=True),
    ScheduleChoice(name="ddim", label="DDIM", need_inner_model=True),
    ScheduleChoice(name="beta", label="Beta", need_inner_model=True),
)

LATENT_UPSCALE_ROWS: tuple[LatentUpscaleMode, ...] = (
    LatentUpscaleMode(label="Latent", mode="bilinear"),
    LatentUpscaleMode(label="Latent (antialiased)", mode="bilinear", antialias=True),
    LatentUpscaleMode(label="Latent (bicubic)", mode="bicubic"),
    LatentUpscaleMode(label="Latent (bicubic antialiased)", mode="bicubic", antialias=True),
    LatentUpscaleMode(label="Latent (nearest)", mode="nearest"),
    LatentUpscaleMode(label="Latent (nearest-exact)", mode="nearest-exact"),
)

UPSCALER_ROWS: tuple[UpscalerChoice, ...] = (
    UpscalerChoice(name="None"),
    UpscalerChoice(name="Lanczos"),
    UpscalerChoice(name="Nearest"),
    UpscalerChoice(name="ESRGAN_4x", scale=4, built=False),
    UpscalerChoice(name="R-ESRGAN General 4xV3", scale=4, built=False),
    UpscalerChoice(name="R-ESRGAN General WDN 4xV3", scale=4, built=False),
    UpscalerChoice(name="R-ESRGAN AnimeVideo", scale=4, built=False),
    UpscalerChoice(name="R-ESRGAN 4x+", scale=4, built=False),
    UpscalerChoice(name="R-ESRGAN 4x+ Anime6B", scale=4, built=False),
    UpscalerChoice(name="R-ESRGAN 2x+", scale=2, built=False),
    UpscalerChoice(name="DAT x2", scale=2, built=False),
    UpscalerChoice(name="DAT x3", scale=3, built=False),
    UpscalerChoice(name="DAT x4", scale=4, built=False),
    UpscalerChoice(name="SwinIR_4x", scale=4, built=False),
    UpscalerChoice(name="LDSR", scale=4, built=False),
    UpscalerChoice(name="ScuNET GAN", scale=4, built=False),
    UpscalerChoice(name="ScuNET PSNR", scale=4, built=False),
)

# What the menus offer.
LATENT_UPSCALE_MODES: tuple[str, ...] = tuple(row.label for row in LATENT_UPSCALE_ROWS)
UPSCALERS: tuple[str, ...] = tuple(row.name for row in UPSCALER_ROWS if row.built)


def _first(wanted: str, named: Iterable[tuple[str, object]]) -> object | None:
    """The row of the first name equal to `wanted`; failing that, of the first equal but for
    case.
    """
    rows = list(named)
    for name, row in rows:
        if name == wanted:
            return row
    folded = wanted.casefold()
    for name, row in rows:
        if name.casefold() == folded:
            return row
    return None


def unknown_name(kind: str, name: str, known: Iterable[str], field: str = "") -> UnknownNameError:
    """The error for a name that is not in its list: it shows the nearest ones, else the first."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    shown = f"did you mean {' or '.join(near)}?" if near else "there are " + ", ".join(names[:30])
    return UnknownNameError(f"there is no {kind} {name!r}; {shown}", field=field)


def find_sampler(name: str, field: str = "sampler_name") -> SamplerChoice:
    """By label or alias. UnknownNameError, or NotBuiltError where it is only a name so far."""
    spelled = [(spelling, row) for row in SAMPLERS for spelling in (row.label, *row.aliases)]
    row = _first(name, spelled)
    if not isinstance(row, SamplerChoice):
        raise unknown_name("sampler", name, [choice.label for choice in SAMPLERS], field)
    if not row.built:
        raise NotBuiltError(f"sampler {row.label} is not built yet; use Euler", field=field)
    return row


def find_schedule(name: str, field: str = "scheduler") -> ScheduleChoice:
    """By label, name or alias. UnknownNameError, or NotBuiltError where it is only a name so
    far.
    """
    row = _first(name, [(spelling, row) for row in SCHEDULES for spelling in row.spellings])
    if not isinstance(row, ScheduleChoice):
        raise unknown_name("schedule type", name, [choice.label for choice in SCHEDULES], field)
    if not row.built:
        raise NotBuiltError(
            f"schedule type {row.label} is not built yet; use {AUTOMATIC}", field=field
        )
    return row


def split_combined(name: str) -> tuple[str, str | None]:
    """An old combined name in two: "DPM++ 2M Karras" -> ("DPM++ 2M", "Karras"); None where it has
    no tail.

    Tails are stripped in the order of the schedules, as the original does, and the last one counts.
    """
    schedule = None
    for row in SCHEDULES:
        for spelling in row.spellings:
            if name.endswith(" " + spelling):
                name, schedule = name[: -len(spelling) - 1], row.label
                break
    return name, schedule


def resolve_sampler(
    name: str | None, scheduler: str | None, *, paste: bool = False, prefix: str = ""
) -> tuple[str, str]:
    """Labels of sampler and schedule for what a request says; None is the first of the list.

    The tail of an old combined name wins over `scheduler`. With `paste`, a schedule that is the
    sampler's automatic one becomes "Automatic", as the page shows it. `prefix` ("hr_") is that of
    the request's fields, for the error.
    """
    bare, tail = split_combined(name) if name else (SAMPLERS[0].label, None)
    sampler = find_sampler(bare, f"{prefix}sampler_name")
    schedule = find_schedule(tail or scheduler or AUTOMATIC, f"{prefix}scheduler").label
    # A sampler without an entry has no schedule that Uniform could be equal to.
    if paste and schedule == sampler.automatic_schedule != "Uniform":
        schedule = AUTOMATIC
    return sampler.label, schedule


def find_latent_upscale_mode(name: str) -> LatentUpscaleMode | None:
    """The mode of that label, None where `name` is none (it may be an upscaler of pictures)."""
    return next((row for row in LATENT_UPSCALE_ROWS if row.label == name), None)


def find_upscaler(name: str, field: str = "hr_upscaler") -> UpscalerChoice:
    """By name. UnknownNameError, or NotBuiltError where it is only a name so far."""
    row = _first(name, [(row.name, row) for row in UPSCALER_ROWS])
    if not isinstance(row, UpscalerChoice):
        raise unknown_name("upscaler", name, (*LATENT_UPSCALE_MODES, *UPSCALERS), field)
    if not row.built:
        raise NotBuiltError(f"upscaler {row.name} is not built yet; use Lanczos", field=field)
    return row
