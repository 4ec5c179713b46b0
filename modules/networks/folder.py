"""Opens a diffusers folder: `model_index.json` with `unet/`, `vae/`, `text_encoder/` below it.

Configurations are read as plain JSON and weights through `weights`; no code of the folder and no
hub is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modules.errors import CheckpointError, NotBuiltError
from modules.networks.detect import REMEDY, check_fits
from modules.networks.sources import Part, Source, VaeSource, vae_source
from modules.networks.spec import LATENT_SCALE, PREVIEW, Family, Spec, TextSpec, UNetSpec
from modules.networks.weights import Read, State, read_state

_WEIGHTS = {
    "unet": ("diffusion_pytorch_model",),
    "vae": ("diffusion_pytorch_model",),
    "text_encoder": ("model", "pytorch_model"),
    "text_encoder_2": ("model", "pytorch_model"),
}
_ENDINGS = (".safetensors", ".fp16.safetensors", ".bin", ".fp16.bin")
_PIPELINES = (
    "StableDiffusionPipeline",
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionInpaintPipeline",
    "StableDiffusionInstructPix2PixPipeline",
    "StableDiffusionXLPipeline",
    "StableDiffusionXLImg2ImgPipeline",
    "StableDiffusionXLInpaintPipeline",
)


def open_folder(path: Path, vae: VaeSource | None = None, read: Read = read_state) -> Source:
    """A checkpoint in a diffusers folder; `vae` takes the place of its own.

    NotBuiltError for other families, CheckpointError for missing or damaged parts.
    """
    pipeline = _json(path / "model_index.json").get("_class_name")
    if pipeline not in _PIPELINES:
        raise NotBuiltError(
            f"{path.name} is a folder for {pipeline}, which this version can't run yet; {REMEDY}"
        )
    parts = _text_parts(path)
    texts = {part: _text_spec(path, part) for part in parts}
    family = _family(texts)
    scheduler = _scheduler(path)
    chosen = vae or vae_source(_state(path, "vae", read))
    spec = Spec(
        family=family,
        unet=_unet_spec(path, _json(path / "unet" / "config.json")),
        texts=tuple(_as_read(text, part, family) for part, text in texts.items()),
        vae=chosen.spec,
        prediction="v" if scheduler.get("prediction_type") == "v_prediction" else "epsilon",
        zero_snr=scheduler.get("rescale_betas_zero_snr") is True,
        latent_scale=LATENT_SCALE[family],
        preview_matrix=PREVIEW[family],
    )
    check_fits(spec, path.name)
    return Source(
        path,
        spec,
        unet=Part(_state(path, "unet", read), _unet_names),
        texts=tuple(_text_part(_state(path, part, read)) for part in parts),
        vae=chosen.part,
    )


def _text_parts(folder: Path) -> tuple[str, ...]:
    """The subfolders of text encoders; the refiner has the second alone."""
    if not (folder / "text_encoder_2" / "config.json").is_file():
        return ("text_encoder",)
    first = (folder / "text_encoder" / "config.json").is_file()
    return ("text_encoder", "text_encoder_2") if first else ("text_encoder_2",)


def _family(texts: Mapping[str, TextSpec]) -> Family:
    if "text_encoder_2" in texts:
        return "sdxl" if "text_encoder" in texts else "sdxl-refiner"
    return "sd2" if texts["text_encoder"].kind == "open_clip" else "sd1"


def _as_read(text: TextSpec, part: str, family: Family) -> TextSpec:
    """Folders of SD2 end at the layer that is read; XL's encoders are whole (numerics 17)."""
    if family in ("sd1", "sd2"):
        return replace(text, pooled_width=0)
    pooled = text.pooled_width if part == "text_encoder_2" else 0
    return replace(text, unread_layers=1, final_norm=False, pooled_width=pooled)


def _unet_names(names: Iterable[str]) -> dict[str, str]:
    return {name: name.replace("class_embedding.", "add_embedding.") for name in names}


def _text_part(state: State) -> Part:
    prefix = "text_model." if "text_model.final_layer_norm.weight" in state else ""

    def keys(names: Iterable[str]) -> dict[str, str]:
        return {name: name if name.startswith("text_proj") else prefix + name for name in names}

    return Part(state, keys)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path.parent.name}/{path.name} is missing or unreadable; download the folder again"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path.parent.name}/{path.name} is no table of settings")
    return content


def _state(folder: Path, part: str, read: Read) -> State:
    for stem in _WEIGHTS[part]:
        for ending in _ENDINGS:
            path = folder / part / (stem + ending)
            if path.is_file():
                return read(path)
    raise CheckpointError(
        f"{folder.name}/{part} holds no weights ({_WEIGHTS[part][0]}.safetensors); download the"
        " folder again"
    )


def _scheduler(folder: Path) -> Mapping[str, Any]:
    path = folder / "scheduler" / "scheduler_config.json"
    return _json(path) if path.is_file() else {}


def _unet_spec(folder: Path, config: Mapping[str, Any]) -> UNetSpec:
    """From the U-Net's configuration; absent entries have diffusers' own defaults."""
    try:
        widths = tuple(
            int(width) for width in config.get("block_out_channels", (320, 640, 1280, 1280))
        )
        levels = len(widths)
        types = config.get("down_block_types", ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",))
        depths = _per_level(config.get("transformer_layers_per_block", 1), levels)
        blocks = _per_level(config.get("layers_per_block", 2), levels)
        attends = [kind == "CrossAttnDownBlock2D" for kind in types]
        has_middle = config.get("mid_block_type", "UNetMidBlock2DCrossAttn") != "UNetMidBlock2D"
        has_vector = config.get("addition_embed_type") == "text_time"
        vector = config.get("projection_class_embeddings_input_dim") if has_vector else 0
        return UNetSpec(
            in_channels=int(config.get("in_channels", 4)),
            out_channels=int(config.get("out_channels", 4)),
            level_widths=widths,
            res_blocks=blocks,
            attention_depth=tuple(
                depth if attended else 0 for attended, depth in zip(attends, depths, strict=True)
            ),
            middle_depth=depths[-1] if has_middle else 0,
            heads=_per_level(config.get("attention_head_dim", 8), levels),
            context_width=int(config.get("cross_attention_dim", 1280)),
            linear_projection=bool(config.get("use_linear_projection", False)),
            norm_groups=int(config.get("norm_num_groups", 32)),
            vector_width=int(vector or 0),
            up_depth=_up_depth(config, attends, blocks),
        )
    except (TypeError, ValueError, AssertionError) as error:
        raise CheckpointError(
            f"{folder.name}/unet/config.json describes no Stable Diffusion U-Net ({error})"
        ) from error


def _per_level(value: Any, levels: int) -> tuple[int, ...]:
    return (value,) * levels if isinstance(value, int) else tuple(int(entry) for entry in value)


def _up_depth(
    config: Mapping[str, Any], attends: list[bool], blocks: tuple[int, ...]
) -> tuple[tuple[int, ...], ...]:
    """Depth of each block on the way up, finest level first; () where the folder names none."""
    named = config.get("reverse_transformer_layers_per_block")
    if named is None:
        return ()
    levels = zip(named[::-1], attends, blocks, strict=True)
    return tuple(
        _per_level(entry, number + 1) if attended else (0,) * (number + 1)
        for entry, attended, number in levels
    )


def _text_spec(folder: Path, part: str) -> TextSpec:
    config = _json(folder / part / "config.json")
    try:
        return TextSpec(
            kind="clip" if config.get("hidden_act", "quick_gelu") == "quick_gelu" else "open_clip",
            width=int(config["hidden_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            inner_width=int(config["intermediate_size"]),
            positions=int(config.get("max_position_embeddings", 77)),
            vocabulary=int(config.get("vocab_size", 49408)),
            pooled_width=int(config.get("projection_dim", 512)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{folder.name}/{part}/config.json describes no CLIP text encoder ({error})"
        ) from error
