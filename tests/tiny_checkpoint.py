"""Writes tiny checkpoints for tests: whole Stable Diffusion architectures with random weights.

Key names and shapes are those of `bench.layouts`, not taken from the code under test. A 64x64
picture of four steps takes a fraction of a second; it shows nothing. Also written: the same weights
in the other formats, and files that must be refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from bench import layouts
from bench.layouts import UNET, VAE

__all__ = ["TEXT", "UNET", "VAE"]  # for tests that name single tensors
TEXT = layouts.CLIP

Shape = layouts.Shape


def checkpoint_shapes(
    *,
    width: int = 32,
    multipliers: tuple[int, ...] = (1, 2),
    res_blocks: int = 1,
    attention_levels: int = 1,
    text_width: int = 16,
    text_layers: int = 2,
    vae_width: int = 32,
    vae_multipliers: tuple[int, ...] = (1, 1, 1, 1),
    vae_res_blocks: int = 1,
) -> dict[str, Shape]:
    """Every key of such a checkpoint with its shape."""
    depths = tuple(int(level < attention_levels) for level in range(len(multipliers)))
    unet = layouts.UNet(width, multipliers, depths, text_width, res_blocks)
    return {
        **dict(layouts.unet(unet)),
        **dict(layouts.vae(vae_width, vae_multipliers, vae_res_blocks)),
        **dict(layouts.clip(TEXT, text_width, text_layers)),
    }


SD1_SHAPES = layouts.sd15


def random_weights(
    shapes: Mapping[str, Shape], *, seed: int = 0, dtype: torch.dtype = torch.float16
) -> dict[str, Tensor]:
    """Weights of a size at which signals neither die nor grow."""
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        values = torch.randn(shape, generator=generator)
        if name.endswith("bias"):
            values *= 0.02
        elif len(shape) <= 1:  # a normalisation's gain
            values = 1 + 0.02 * values
        elif "embedding" in name:
            values *= 0.5
        else:
            values /= values[0].numel() ** 0.5
        weights[name] = values.to(dtype)
    return weights


@cache
def tiny_weights(seed: int = 0, dtype: torch.dtype = torch.float16) -> Mapping[str, Tensor]:
    """The default architecture's weights: made once, not to be written to."""
    return random_weights(checkpoint_shapes(), seed=seed, dtype=dtype)


def write_tiny_checkpoint(
    path: Path,
    *,
    seed: int = 0,
    norm_groups: int = 32,
    dtype: torch.dtype = torch.float16,
    metadata: Mapping[str, str] | None = None,
    resolution: tuple[int, int] = (64, 64),
    extra: Mapping[str, Tensor] | None = None,
    **architecture: int | tuple[int, ...],
) -> Path:
    """A `.safetensors` checkpoint of about 3 MB; `architecture` as in `checkpoint_shapes`.

    `resolution` (width, height) is written as the size of pictures that name none; `extra` adds
    tensors under their own keys.
    """
    weights = tiny_weights(seed, dtype)
    if architecture:
        shapes = checkpoint_shapes(**architecture)  # type: ignore[arg-type]
        weights = random_weights(shapes, seed=seed, dtype=dtype)
    texts = {"modelspec.resolution": "{}x{}".format(*resolution)}
    if norm_groups != 32:
        texts |= dict.fromkeys(
            ("easel.unet_norm_groups", "easel.vae_norm_groups"), str(norm_groups)
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({**weights, **(extra or {})}, path, metadata={**texts, **(metadata or {})})
    return path


def write_tiny_ckpt(path: Path, *, seed: int = 0, dtype: torch.dtype = torch.float16) -> Path:
    """The same weights as a `.ckpt`, below `state_dict` as training programs write them."""
    weights = dict(tiny_weights(seed, dtype))
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": weights, "global_step": 1000, "epoch": 1}, path)
    return path


def write_tiny_vae(path: Path, *, seed: int = 1, prefix: str = "") -> Path:
    """A VAE alone; `.pt` files get a `state_dict` and the loss's keys, as the well-known ones."""
    weights = random_weights(dict(layouts.vae(32, (1, 1, 1, 1), 1)), seed=seed)
    weights = {prefix + name.removeprefix(VAE): value for name, value in weights.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(weights, path)
    else:
        torch.save({"state_dict": {**weights, "loss.logvar": torch.zeros(())}}, path)
    return path


def write_tiny_folder(path: Path, *, seed: int = 0) -> Path:
    """The same weights as a diffusers folder."""
    from modules.networks import build, keymaps
    from modules.networks.detect import detect

    weights = tiny_weights(seed)
    spec = detect({name: tuple(value.shape) for name, value in weights.items()}, {})
    networks = {
        "unet": (build.empty_unet(spec.unet), partial(keymaps.unet_keys, spec=spec.unet)),
        "vae": (build.empty_vae(spec.vae), partial(keymaps.vae_keys, spec=spec.vae)),
        "text_encoder": (
            build.empty_text_encoder(spec.texts[0]),
            partial(keymaps.clip_keys, prefix=TEXT),
        ),
    }
    for part, (module, keys) in networks.items():
        (path / part).mkdir(parents=True)
        shapes = build.parameter_shapes(module)
        names: Mapping[str, str] = keys(shapes)
        prefix, file = "", "diffusion_pytorch_model.safetensors"
        if part == "text_encoder":
            prefix, file = "text_model.", "model.safetensors"
        tensors = {prefix + n: weights[names[n]].reshape(shapes[n]) for n in shapes}
        save_file(tensors, path / part / file)
        config: dict[str, object] = (
            dict(module.config.to_dict()) if part == "text_encoder" else dict(module.config)
        )
        (path / part / "config.json").write_text(json.dumps(config, default=str))
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
    }
    (path / "model_index.json").write_text(json.dumps(index))
    return path


class _Runs:
    """Pickles to a call, as a hostile file would hold it."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def write_hostile_ckpt(path: Path, marker: Path, *, by: str = "exec") -> Path:
    """A working `.ckpt` that makes the file `marker` when unpickled: by exec, system or popen."""
    command = f"open({str(marker)!r}, 'w').close()"
    hostile = {
        "exec": _Runs(exec, command),
        "system": _Runs(os.system, f'echo > "{marker}"'),
        "popen": _Runs(subprocess.Popen, (sys.executable, "-c", command)),
    }[by]
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": dict(tiny_weights()), "callbacks": hostile}, path)
    return path


def write_truncated(path: Path, *, kept: float = 0.6) -> Path:
    """A checkpoint of which only the first part was downloaded."""
    write = write_tiny_checkpoint if path.suffix == ".safetensors" else write_tiny_ckpt
    whole = write(path).read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    return path
