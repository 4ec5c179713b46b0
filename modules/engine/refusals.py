"""What this version does not do: refused where a request asks for it, told where a setting does.

Each line goes when the thing is built. Nothing else of requests or settings is known here.
"""

from __future__ import annotations

from collections.abc import Container

from modules.errors import NotBuiltError
from modules.generation.choices import find_latent_upscale_mode, find_upscaler
from modules.generation.request import Hires, Request
from modules.settings import OPTIONS, Settings

# Settings that would change the picture; the mark `built` of their rows says when they do.
_PICTURE_SETTINGS = (
    "ddim_discretize",
    "hypertile_enable_unet",
    "hypertile_enable_vae",
    "lora_functional",
    "sd_unet",
    "token_merging_ratio",
    "token_merging_ratio_hr",
    "token_merging_ratio_img2img",
    "upcast_attn",
    "upscaler_for_img2img",
)


def refuse_what_is_missing(request: Request, settings: Settings) -> None:
    """NotBuiltError naming the first field that asks for something missing."""
    restore = request.restore_faces
    if restore is None:
        restore = settings.face_restoration.face_restoration
    if restore:
        _refuse("face restoration", "restore_faces", "turn it off")
    if request.script_name:
        _refuse(f"the script {request.script_name!r}", "script_name", "leave it empty")
    if request.alwayson_scripts:
        names = ", ".join(sorted(request.alwayson_scripts))
        _refuse(f"scripts that always run ({names})", "alwayson_scripts", "leave them out")
    if request.hires is not None:
        _check_hires(request.hires)


def _check_hires(hires: Hires) -> None:
    if hires.upscaler is not None and find_latent_upscale_mode(hires.upscaler) is None:
        find_upscaler(hires.upscaler)


def _refuse(what: str, field: str, remedy: str) -> None:
    raise NotBuiltError(f"{what} is not built yet; {remedy}", field=field)


def warnings_of(request: Request, settings: Settings, styles: Container[str]) -> tuple[str, ...]:
    """One line for each thing that the picture is made without."""
    found = [
        f"setting {key!r} has no effect yet"
        for key in _PICTURE_SETTINGS
        if not OPTIONS[key].built and settings.get(key) != OPTIONS[key].default
    ]
    found += [f"there is no style {name!r}" for name in request.styles if name not in styles]
    return tuple(found)
