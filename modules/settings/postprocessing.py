"""Settings of what is done to finished pictures: upscalers, faces, the Extras tab."""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option

CATEGORY = "Postprocessing"
REALESRGAN = (
    "R-ESRGAN General 4xV3",
    "R-ESRGAN General WDN 4xV3",
    "R-ESRGAN AnimeVideo",
    "R-ESRGAN 4x+",
    "R-ESRGAN 4x+ Anime6B",
    "R-ESRGAN 2x+",
)


@dataclass(frozen=True)
class Upscaling(Section, id="upscaling", title="Upscaling", category=CATEGORY):
    ESRGAN_tile: int = option(
        192, "Tile size for ESRGAN", "0: no tiles.", low=0, high=512, step=16, built=False
    )
    ESRGAN_tile_overlap: int = option(
        8, "Tile overlap for ESRGAN", "In pixels.", low=0, high=48, step=1, built=False
    )
    realesrgan_enabled_models: tuple[str, ...] = option(
        ("R-ESRGAN 4x+", "R-ESRGAN 4x+ Anime6B"),
        "Real-ESRGAN models in the menus",
        choices=REALESRGAN,
        reload=True,
        built=False,
    )
    dat_enabled_models: tuple[str, ...] = option(
        ("DAT x2", "DAT x3", "DAT x4"),
        "DAT models in the menus",
        choices=("DAT x2", "DAT x3", "DAT x4"),
        reload=True,
        built=False,
    )
    DAT_tile: int = option(192, "Tile size for DAT", low=0, high=512, step=16, built=False)
    DAT_tile_overlap: int = option(8, "Tile overlap for DAT", low=0, high=48, step=1, built=False)
    upscaler_for_img2img: str | None = option(
        None,
        "Upscaler for img2img",
        "Used where a start picture is smaller than the result.",
        choices_from="upscalers",
        built=False,
    )
    set_scale_by_when_changing_upscaler: bool = option(
        False, "Set the Scale by factor from the name of the chosen upscaler", built=False
    )
    SWIN_tile: int = option(192, "Tile size for SwinIR", low=16, high=512, step=16, built=False)
    SWIN_tile_overlap: int = option(
        8, "Tile overlap for SwinIR", low=0, high=48, step=1, built=False
    )
    SWIN_torch_compile: bool = option(False, "Compile SwinIR with torch.compile", built=False)
    SCUNET_tile: int = option(256, "Tile size for ScuNET", low=0, high=512, step=16, built=False)
    SCUNET_tile_overlap: int = option(
        8, "Tile overlap for ScuNET", low=0, high=64, step=1, built=False
    )
    ldsr_steps: int = option(100, "LDSR steps", low=1, high=200, step=1, built=False)
    ldsr_cached: bool = option(False, "Keep LDSR in memory", built=False)


@dataclass(frozen=True)
class FaceRestoration(Section, id="face-restoration", title="Face restoration", category=CATEGORY):
    face_restoration: bool = option(
        False, "Restore faces", infotext="Face restoration", built=False
    )
    face_restoration_model: str = option(
        "CodeFormer", "Face restoration model", choices=("CodeFormer", "GFPGAN"), built=False
    )
    code_former_weight: float = option(
        0.5,
        "CodeFormer weight",
        "0 has the strongest effect.",
        low=0,
        high=1,
        step=0.01,
        built=False,
    )
    face_restoration_unload: bool = option(
        False, "Take the face restoration model off the device after use", built=False
    )


@dataclass(frozen=True)
class Postprocessing(Section, id="postprocessing", title="Postprocessing", category=CATEGORY):
    postprocessing_enable_in_main_ui: tuple[str, ...] = option(
        (), "Postprocessing operations in txt2img and img2img", reload=True, built=False
    )
    postprocessing_disable_in_extras: tuple[str, ...] = option(
        (), "Postprocessing operations not shown in Extras", reload=True, built=False
    )
    postprocessing_operation_order: tuple[str, ...] = option(
        (), "Order of postprocessing operations", reload=True, built=False
    )
    upscaling_max_images_in_cache: int = option(
        5, "Most pictures kept in the upscaling cache", low=0, high=10, step=1, built=False
    )
    postprocessing_existing_caption_action: str = option(
        "Ignore",
        "What to do with captions that exist",
        choices=("Ignore", "Keep", "Prepend", "Append"),
        built=False,
    )
