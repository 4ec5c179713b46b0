"""Writes tiny checkpoints for tests: whole Stable Diffusion 1 architectures with random weights.

Key names and shapes are those of the original single-file layout, stated here on their own and not
taken from the code under test. A 64x64 picture of four steps takes a fraction of a second; it
shows nothing. Also written: the same weights in the other formats, and files that must be refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model.transformer.text_model."
VOCABULARY = 49408

Shape = tuple[int, ...]
Shapes = Iterator[tuple[str, Shape]]


def _layer(name: str, out: int, *into: int) -> Shapes:
    """A convolution, linear layer or normalisation with its bias."""
    yield f"{name}.weight", (out, *into)
    yield f"{name}.bias", (out,)


def _unet_block(name: str, into: int, out: int, time: int) -> Shapes:
    yield from _layer(f"{name}.in_layers.0", into)
    yield from _layer(f"{name}.in_layers.2", out, into, 3, 3)
    yield from _layer(f"{name}.emb_layers.1", out, time)
    yield from _layer(f"{name}.out_layers.0", out)
    yield from _layer(f"{name}.out_layers.3", out, out, 3, 3)
    if into != out:
        yield from _layer(f"{name}.skip_connection", out, into, 1, 1)


def _unet_attention(name: str, width: int, context: int) -> Shapes:
    block = f"{name}.transformer_blocks.0"
    yield from _layer(f"{name}.norm", width)
    yield from _layer(f"{name}.proj_in", width, width, 1, 1)
    for attention, source in (("attn1", width), ("attn2", context)):
        yield f"{block}.{attention}.to_q.weight", (width, width)
        yield f"{block}.{attention}.to_k.weight", (width, source)
        yield f"{block}.{attention}.to_v.weight", (width, source)
        yield from _layer(f"{block}.{attention}.to_out.0", width, width)
    yield from _layer(f"{block}.ff.net.0.proj", 8 * width, width)
    yield from _layer(f"{block}.ff.net.2", width, 4 * width)
    for norm in ("norm1", "norm2", "norm3"):
        yield from _layer(f"{block}.{norm}", width)
    yield from _layer(f"{name}.proj_out", width, width, 1, 1)


def unet_shapes(
    width: int, multipliers: tuple[int, ...], res_blocks: int, attention_levels: int, context: int
) -> Shapes:
    """The U-Net; the first `attention_levels` levels have attention, as has the middle."""
    time, top = 4 * width, len(multipliers) - 1
    yield from _layer(UNET + "time_embed.0", time, width)
    yield from _layer(UNET + "time_embed.2", time, time)
    yield from _layer(UNET + "input_blocks.0.0", width, 4, 3, 3)
    skips, now, index = [width], width, 1
    for level, multiplier in enumerate(multipliers):
        for _ in range(res_blocks):
            yield from _unet_block(f"{UNET}input_blocks.{index}.0", now, width * multiplier, time)
            now = width * multiplier
            if level < attention_levels:
                yield from _unet_attention(f"{UNET}input_blocks.{index}.1", now, context)
            skips.append(now)
            index += 1
        if level < top:
            yield from _layer(f"{UNET}input_blocks.{index}.0.op", now, now, 3, 3)
            skips.append(now)
            index += 1
    yield from _unet_block(UNET + "middle_block.0", now, now, time)
    yield from _unet_attention(UNET + "middle_block.1", now, context)
    yield from _unet_block(UNET + "middle_block.2", now, now, time)
    index = 0
    for level, multiplier in reversed(list(enumerate(multipliers))):
        for block in range(res_blocks + 1):
            name, out = f"{UNET}output_blocks.{index}", width * multiplier
            yield from _unet_block(f"{name}.0", now + skips.pop(), out, time)
            now = out
            if level < attention_levels:
                yield from _unet_attention(f"{name}.1", now, context)
            if level and block == res_blocks:
                place = 2 if level < attention_levels else 1
                yield from _layer(f"{name}.{place}.conv", now, now, 3, 3)
            index += 1
    yield from _layer(UNET + "out.0", width)
    yield from _layer(UNET + "out.2", 4, width, 3, 3)


def _vae_block(name: str, into: int, out: int) -> Shapes:
    yield from _layer(f"{name}.norm1", into)
    yield from _layer(f"{name}.conv1", out, into, 3, 3)
    yield from _layer(f"{name}.norm2", out)
    yield from _layer(f"{name}.conv2", out, out, 3, 3)
    if into != out:
        yield from _layer(f"{name}.nin_shortcut", out, into, 1, 1)


def _vae_middle(name: str, width: int) -> Shapes:
    yield from _vae_block(f"{name}.block_1", width, width)
    yield from _layer(f"{name}.attn_1.norm", width)
    for part in ("q", "k", "v", "proj_out"):
        yield from _layer(f"{name}.attn_1.{part}", width, width, 1, 1)
    yield from _vae_block(f"{name}.block_2", width, width)


def vae_shapes(width: int, multipliers: tuple[int, ...], res_blocks: int) -> Shapes:
    """The autoencoder; one level more than halvings."""
    widths = [width * multiplier for multiplier in multipliers]
    encoder, decoder, now = VAE + "encoder.", VAE + "decoder.", width
    yield from _layer(encoder + "conv_in", now, 3, 3, 3)
    for level, out in enumerate(widths):
        for block in range(res_blocks):
            yield from _vae_block(f"{encoder}down.{level}.block.{block}", now, out)
            now = out
        if level < len(widths) - 1:
            yield from _layer(f"{encoder}down.{level}.downsample.conv", now, now, 3, 3)
    yield from _vae_middle(encoder + "mid", now)
    yield from _layer(encoder + "norm_out", now)
    yield from _layer(encoder + "conv_out", 8, now, 3, 3)
    yield from _layer(VAE + "quant_conv", 8, 8, 1, 1)
    yield from _layer(VAE + "post_quant_conv", 4, 4, 1, 1)
    yield from _layer(decoder + "conv_in", now, 4, 3, 3)
    yield from _vae_middle(decoder + "mid", now)
    for level in reversed(range(len(widths))):
        for block in range(res_blocks + 1):
            yield from _vae_block(f"{decoder}up.{level}.block.{block}", now, widths[level])
            now = widths[level]
        if level:
            yield from _layer(f"{decoder}up.{level}.upsample.conv", now, now, 3, 3)
    yield from _layer(decoder + "norm_out", now)
    yield from _layer(decoder + "conv_out", 3, now, 3, 3)


def text_shapes(width: int, layers: int) -> Shapes:
    """The CLIP text model, with the whole vocabulary."""
    yield TEXT + "embeddings.token_embedding.weight", (VOCABULARY, width)
    yield TEXT + "embeddings.position_embedding.weight", (77, width)
    for layer in range(layers):
        name = f"{TEXT}encoder.layers.{layer}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from _layer(f"{name}.self_attn.{part}", width, width)
        yield from _layer(f"{name}.mlp.fc1", 4 * width, width)
        yield from _layer(f"{name}.mlp.fc2", width, 4 * width)
        yield from _layer(f"{name}.layer_norm1", width)
        yield from _layer(f"{name}.layer_norm2", width)
    yield from _layer(TEXT + "final_layer_norm", width)


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
    return {
        **dict(unet_shapes(width, multipliers, res_blocks, attention_levels, text_width)),
        **dict(vae_shapes(vae_width, vae_multipliers, vae_res_blocks)),
        **dict(text_shapes(text_width, text_layers)),
    }


SD1_SHAPES = partial(  # the real thing's numbers
    checkpoint_shapes,
    width=320,
    multipliers=(1, 2, 4, 4),
    res_blocks=2,
    attention_levels=3,
    text_width=768,
    text_layers=12,
    vae_width=128,
    vae_multipliers=(1, 2, 4, 4),
    vae_res_blocks=2,
)


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
        elif len(shape) == 1:  # a normalisation's gain
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
    weights = random_weights(dict(vae_shapes(32, (1, 1, 1, 1), 1)), seed=seed)
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
            partial(keymaps.text_keys, old_layout=False),
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
