"""Opens a diffusers folder: `model_index.json` with `unet/`, `vae/` and `text_encoder/` below it.

Configurations are read as plain JSON and weights through `weights`; no code of the folder and no
hub is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from modules.errors import CheckpointError, NotBuiltError
from modules.networks.sources import Part, Source, VaeSource, vae_source
from modules.networks.spec import Spec, TextSpec, UNetSpec
from modules.networks.weights import State, read_state

_WEIGHTS = {
    "unet": ("diffusion_pytorch_model",),
    "vae": ("diffusion_pytorch_model",),
    "text_encoder": ("model", "pytorch_model"),
}
_ENDINGS = (".safetensors", ".fp16.safetensors", ".bin", ".fp16.bin")
_PIPELINES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")


def open_folder(path: Path, vae: VaeSource | None = None) -> Source:
    """A checkpoint in a diffusers folder; `vae` takes the place of its own.

    NotBuiltError for other families, CheckpointError for missing or damaged parts.
    """
    index = _json(path / "model_index.json")
    pipeline = index.get("_class_name")
    if pipeline not in _PIPELINES:
        raise NotBuiltError(
            f"{path.name} is a folder for {pipeline}, which this version can't run yet; choose a"
            " Stable Diffusion 1.x checkpoint"
        )
    unet, text = _state(path, "unet"), _state(path, "text_encoder")
    chosen = vae or vae_source(_state(path, "vae"))
    spec = Spec(
        family="sd1",
        unet=_unet_spec(path, _json(path / "unet" / "config.json")),
        texts=(_text_spec(path, _json(path / "text_encoder" / "config.json")),),
        vae=chosen.spec,
        prediction="v" if _prediction(path) == "v_prediction" else "epsilon",
    )
    prefix = "text_model." if "text_model.final_layer_norm.weight" in text else ""
    return Source(
        path,
        spec,
        unet=Part(unet, _same_names),
        texts=(Part(text, lambda names: {name: prefix + name for name in names}),),
        vae=chosen.part,
    )


def _same_names(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


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


def _state(folder: Path, part: str) -> State:
    for stem in _WEIGHTS[part]:
        for ending in _ENDINGS:
            path = folder / part / (stem + ending)
            if path.is_file():
                return read_state(path)
    raise CheckpointError(
        f"{folder.name}/{part} holds no weights ({_WEIGHTS[part][0]}.safetensors); download the"
        " folder again"
    )


def _prediction(folder: Path) -> str:
    path = folder / "scheduler" / "scheduler_config.json"
    return str(_json(path).get("prediction_type", "epsilon")) if path.is_file() else "epsilon"


def _unet_spec(folder: Path, config: Mapping[str, Any]) -> UNetSpec:
    """From the U-Net's configuration; absent entries have diffusers' own defaults."""
    if config.get("in_channels", 4) != 4:
        raise NotBuiltError(
            f"{folder.name}: a U-Net with {config['in_channels']} input channels (inpainting,"
            " InstructPix2Pix) can't be run by this version yet"
        )
    try:
        widths = tuple(
            int(width) for width in config.get("block_out_channels", (320, 640, 1280, 1280))
        )
        levels = len(widths)
        types = config.get("down_block_types", ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",))
        depths = _per_level(config.get("transformer_layers_per_block", 1), levels)
        return UNetSpec(
            in_channels=4,
            out_channels=int(config.get("out_channels", 4)),
            level_widths=widths,
            res_blocks=_per_level(config.get("layers_per_block", 2), levels),
            attention_depth=tuple(
                depth if kind == "CrossAttnDownBlock2D" else 0
                for kind, depth in zip(types, depths, strict=True)
            ),
            middle_depth=depths[-1],
            heads=_per_level(config.get("attention_head_dim", 8), levels),
            context_width=int(config.get("cross_attention_dim", 1280)),
            linear_projection=bool(config.get("use_linear_projection", False)),
            norm_groups=int(config.get("norm_num_groups", 32)),
        )
    except (TypeError, ValueError, AssertionError) as error:
        raise CheckpointError(
            f"{folder.name}/unet/config.json describes no Stable Diffusion 1.x U-Net ({error})"
        ) from error


def _per_level(value: Any, levels: int) -> tuple[int, ...]:
    return (value,) * levels if isinstance(value, int) else tuple(int(entry) for entry in value)


def _text_spec(folder: Path, config: Mapping[str, Any]) -> TextSpec:
    if config.get("hidden_act", "quick_gelu") != "quick_gelu":
        raise NotBuiltError(
            f"{folder.name} has an OpenCLIP text encoder (Stable Diffusion 2), which this version"
            " can't run yet; choose a Stable Diffusion 1.x checkpoint"
        )
    try:
        return TextSpec(
            width=int(config["hidden_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            inner_width=int(config["intermediate_size"]),
            positions=int(config.get("max_position_embeddings", 77)),
            vocabulary=int(config.get("vocab_size", 49408)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{folder.name}/text_encoder/config.json describes no CLIP text encoder ({error})"
        ) from error
