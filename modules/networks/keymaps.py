"""Names of the same weights in two layouts: latent diffusion's single files and diffusers' modules.

Rows pair the prefixes of blocks, derived from the Spec; small tables translate what follows
inside a block. Pure: knows names only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modules.networks.architecture import UNET, VAE
from modules.networks.spec import UNetSpec, VaeSpec

# diffusers' name inside a block -> latent diffusion's.
_UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_RESNET = {"conv_shortcut": "nin_shortcut"}
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
# What diffusers called the VAE's attention before 0.15; many folders and files still do.
_OLD_VAE_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
_OPEN_CLIP = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
    "text_projection.weight": "text_projection[T]",
}
_OPEN_CLIP_BLOCK = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}

Row = tuple[str, str, dict[str, str]]  # diffusers' prefix, the file's prefix, names inside
_SAME: dict[str, str] = {}


def _unet_rows(spec: UNetSpec) -> Iterator[Row]:
    yield "time_embedding.linear_1", "time_embed.0", _SAME
    yield "time_embedding.linear_2", "time_embed.2", _SAME
    yield "class_embedding.linear_1", "label_emb.0.0", _SAME
    yield "class_embedding.linear_2", "label_emb.0.2", _SAME
    yield "conv_in", "input_blocks.0.0", _SAME
    yield "conv_norm_out", "out.0", _SAME
    yield "conv_out", "out.2", _SAME
    yield "mid_block.resnets.0", "middle_block.0", _UNET_RESNET
    yield "mid_block.attentions.0", "middle_block.1", _SAME
    yield "mid_block.resnets.1", "middle_block.2", _UNET_RESNET
    levels = len(spec.level_widths)
    index = 1
    for level in range(levels):
        for block in range(spec.res_blocks[level]):
            yield f"down_blocks.{level}.resnets.{block}", f"input_blocks.{index}.0", _UNET_RESNET
            if spec.attention_depth[level]:
                yield f"down_blocks.{level}.attentions.{block}", f"input_blocks.{index}.1", _SAME
            index += 1
        if level + 1 < levels:
            yield f"down_blocks.{level}.downsamplers.0.conv", f"input_blocks.{index}.0.op", _SAME
            index += 1
    index = 0
    for position, level in enumerate(reversed(range(levels))):
        attention = bool(spec.attention_depth[level])
        for block in range(spec.res_blocks[level] + 1):
            yield f"up_blocks.{position}.resnets.{block}", f"output_blocks.{index}.0", _UNET_RESNET
            if attention:
                yield f"up_blocks.{position}.attentions.{block}", f"output_blocks.{index}.1", _SAME
            index += 1
        if level > 0:
            last = f"output_blocks.{index - 1}.{2 if attention else 1}.conv"
            yield f"up_blocks.{position}.upsamplers.0.conv", last, _SAME


def _vae_rows(spec: VaeSpec) -> Iterator[Row]:
    yield "quant_conv", "quant_conv", _SAME
    yield "post_quant_conv", "post_quant_conv", _SAME
    for half in ("encoder", "decoder"):
        for name in ("conv_in", "conv_out"):
            yield f"{half}.{name}", f"{half}.{name}", _SAME
        yield f"{half}.conv_norm_out", f"{half}.norm_out", _SAME
        for block in (0, 1):
            yield f"{half}.mid_block.resnets.{block}", f"{half}.mid.block_{block + 1}", _VAE_RESNET
        yield f"{half}.mid_block.attentions.0", f"{half}.mid.attn_1", _VAE_ATTENTION
    levels = len(spec.level_widths)
    for level in range(levels):
        position = levels - 1 - level  # diffusers counts the decoder's blocks as they run
        down, up = f"encoder.down_blocks.{level}", f"decoder.up_blocks.{position}"
        for block in range(spec.res_blocks):
            yield f"{down}.resnets.{block}", f"encoder.down.{level}.block.{block}", _VAE_RESNET
        for block in range(spec.res_blocks + 1):
            yield f"{up}.resnets.{block}", f"decoder.up.{level}.block.{block}", _VAE_RESNET
        yield f"{down}.downsamplers.0.conv", f"encoder.down.{level}.downsample.conv", _SAME
        yield f"{up}.upsamplers.0.conv", f"decoder.up.{level}.upsample.conv", _SAME


def _translate(names: Iterable[str], rows: Iterator[Row], prefix: str) -> dict[str, str]:
    table = {target: (source, inside) for target, source, inside in rows}
    translated = {}
    for name in names:
        block = name
        while block not in table:
            block, dot, _ = block.rpartition(".")
            assert dot, f"no row for {name}"
        source, inside = table[block]
        part, _, kind = name[len(block) + 1 :].rpartition(".")  # "norm1", "weight"
        part = inside.get(part, part)
        translated[name] = prefix + ".".join(filter(None, (source, part, kind)))
    return translated


def unet_keys(names: Iterable[str], spec: UNetSpec) -> dict[str, str]:
    """For each parameter name of diffusers' U-Net its key in a single-file checkpoint."""
    return _translate(names, _unet_rows(spec), UNET)


def vae_keys(names: Iterable[str], spec: VaeSpec, prefix: str = VAE) -> dict[str, str]:
    """For each parameter name of diffusers' autoencoder its key in a latent-diffusion file."""
    return _translate(names, _vae_rows(spec), prefix)


def ema_key(key: str) -> str:
    """The key of a U-Net weight's moving average beside the weight itself."""
    return "model_ema." + key.removeprefix("model.").replace(".", "")


def clip_keys(names: Iterable[str], prefix: str) -> dict[str, str]:
    """For each parameter name of transformers' CLIP text model its key in a checkpoint."""
    return {name: prefix + name for name in names}


def open_clip_keys(names: Iterable[str], prefix: str) -> dict[str, str]:
    """For each parameter name of transformers' CLIP text model its key among OpenCLIP's.

    Of fused weights this is the part's name, as `open_clip.with_parts` gives it: "[q]", "[k]" and
    "[v]" of attention's in-projection, "[T]" for the transposed text projection.
    """
    return {name: prefix + _open_clip_name(name) for name in names}


def _open_clip_name(name: str) -> str:
    if name in _OPEN_CLIP:
        return _OPEN_CLIP[name]
    assert name.startswith("encoder.layers."), f"no row for {name}"
    number, part, *rest = name.removeprefix("encoder.layers.").split(".")
    block = f"transformer.resblocks.{number}."
    if part == "self_attn" and rest[0] != "out_proj":
        return f"{block}attn.in_proj_{rest[1]}[{rest[0][0]}]"
    inside = ".".join((part, *rest[:-1]))
    return f"{block}{_OPEN_CLIP_BLOCK[inside]}.{rest[-1]}"


def old_vae_name(name: str) -> str:
    """The name that diffusers' autoencoder gave this parameter before version 0.15."""
    if ".attentions.0." not in name:
        return name
    block, part, kind = name.rpartition(".attentions.0.")[0], *_part_and_kind(name)
    return f"{block}.attentions.0.{_OLD_VAE_ATTENTION.get(part, part)}.{kind}"


def _part_and_kind(name: str) -> tuple[str, str]:
    part, _, kind = name.rpartition(".attentions.0.")[2].rpartition(".")
    return part, kind
