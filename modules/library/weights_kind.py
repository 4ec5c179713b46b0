"""What a weights file is, told from its tensors' names and shapes: checkpoint, VAE, LoRA,
embedding, or none of these.

Reads headers and outlines of pickles only; nothing in a file is run. Knows no folder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from modules.errors import CheckpointError
from modules.library.metadata import read_header
from modules.library.network_words import embedding_words, pickled_names

WeightsKind = Literal["checkpoint", "vae", "lora", "embedding"]
WORDS: Mapping[WeightsKind, str] = {
    "checkpoint": "checkpoint",
    "vae": "VAE",
    "lora": "LoRA",
    "embedding": "embedding",
}
_LORA_STARTS = ("lora_unet_", "lora_te", "lycoris_")
_LORA_ENDS = (
    ".lora_down.weight",
    ".lora_up.weight",
    ".lora_a.weight",
    ".lora_b.weight",
    ".lora.down.weight",
    ".lora.up.weight",
    ".hada_w1_a",
    ".lokr_w1",
    ".lokr_w1_a",
    ".oft_blocks",
    ".oft_diag",
    ".dora_scale",
)
_EMBEDDINGS = ({"emb_params"}, {"clip_l", "clip_g"}, {"clip_l"}, {"clip_g"})
# What is met often and is none of ours, by the beginning of a tensor's name.
_OTHERS = (
    ("control_model.", "a ControlNet, which this version does not have"),
    ("controlnet_", "a ControlNet, which this version does not have"),
    ("double_blocks.", "a transformer without its text encoders and VAE"),
    ("transformer_blocks.", "a transformer without its text encoders and VAE"),
    ("down_blocks.", "the U-Net of a diffusers folder: the folder is needed whole"),
    ("text_model.", "a text encoder alone"),
    ("vision_model.", "an image encoder"),
    ("model.0.", "an upscaler: put it into its program's folder by hand"),
)


def kind_of_header(header: Mapping[str, Any], name: str) -> WeightsKind:
    """By a safetensors header. CheckpointError where it is none of the four, saying what it is
    where that is known.
    """
    return _kind([key for key in header if key != "__metadata__"], name)


def kind_of_file(path: Path, name: str) -> WeightsKind:
    """By the file at `path`, which is to be called `name`. CheckpointError also where it is cut
    off.
    """
    if name.lower().endswith(".safetensors"):
        header = read_header(path)
        _check_whole(path, header, name)
        return kind_of_header(header, name)
    if embedding_words(path):
        return "embedding"
    return _kind(pickled_names(path), name)


def _kind(names: Collection[str], name: str) -> WeightsKind:
    if any(key.startswith("model.diffusion_model.") for key in names):
        return "checkpoint"
    lower = [key.lower() for key in names]
    if any(key.startswith(_LORA_STARTS) or key.endswith(_LORA_ENDS) for key in lower):
        return "lora"
    if any(_is_of_vae(key) for key in names) and not any(
        key.startswith(("control_model.", "cond_stage_model.")) for key in names
    ):
        return "vae"
    if set(names) in _EMBEDDINGS:
        return "embedding"
    known = next((word for key in names for start, word in _OTHERS if key.startswith(start)), "")
    raise CheckpointError(
        f"{name} is no checkpoint, LoRA, VAE or embedding"
        + (f" but {known}" if known else ": no tensor in it has a known name")
    )


def _is_of_vae(key: str) -> bool:
    return key.removeprefix("first_stage_model.") in ("decoder.conv_in.weight", "decoder.conv_in")


def _check_whole(path: Path, header: Mapping[str, Any], name: str) -> None:
    ends = [
        entry["data_offsets"][1]
        for key, entry in header.items()
        if key != "__metadata__"
        and isinstance(entry, Mapping)
        and isinstance(entry.get("data_offsets"), list)
        and len(entry["data_offsets"]) == 2
        and isinstance(entry["data_offsets"][1], int)
    ]
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    whole, size = 8 + length + max(ends, default=0), path.stat().st_size
    if size < whole:
        raise CheckpointError(f"{name} is cut off: it has {size} of {whole} bytes")
