"""Every tensor's name and shape in the single-file layout of each family, by a few numbers.

The layouts are those of the original files, stated here on their own and not taken from
`modules.networks`, so that a test that loads them means something. Knows no values and no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

UNET = "model.diffusion_model."
VAE = "first_stage_model."
CLIP = "cond_stage_model.transformer.text_model."  # SD1
OPEN_CLIP = "cond_stage_model.model."  # SD2
XL_CLIP = "conditioner.embedders.0.transformer.text_model."
XL_OPEN_CLIP = "conditioner.embedders.1.model."
ONLY_OPEN_CLIP = "conditioner.embedders.0.model."  # the refiner, and SD2 in XL's layout
VOCABULARY = 49408

Shape = tuple[int, ...]
Shapes = Iterator[tuple[str, Shape]]


@dataclass(frozen=True)
class UNet:
    """The U-Net's numbers; a tuple has one entry per level, finest first."""

    width: int
    multipliers: tuple[int, ...]
    depths: tuple[int, ...]  # transformer blocks per attention; 0: no attention
    context: int
    res_blocks: int = 2
    middle: int = 1  # transformer blocks; 0 (SSD-1B): neither attention nor second block
    in_channels: int = 4
    linear: bool = False
    vector: int = 0  # numbers that join the time embedding
    up_depths: tuple[tuple[int, ...], ...] = ()  # per level and block where they differ


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


def _unet_attention(name: str, width: int, depth: int, numbers: UNet) -> Shapes:
    kernel = () if numbers.linear else (1, 1)
    yield from _layer(f"{name}.norm", width)
    yield from _layer(f"{name}.proj_in", width, width, *kernel)
    for number in range(depth):
        block = f"{name}.transformer_blocks.{number}"
        for attention, source in (("attn1", width), ("attn2", numbers.context)):
            yield f"{block}.{attention}.to_q.weight", (width, width)
            yield f"{block}.{attention}.to_k.weight", (width, source)
            yield f"{block}.{attention}.to_v.weight", (width, source)
            yield from _layer(f"{block}.{attention}.to_out.0", width, width)
        yield from _layer(f"{block}.ff.net.0.proj", 8 * width, width)
        yield from _layer(f"{block}.ff.net.2", width, 4 * width)
        for norm in ("norm1", "norm2", "norm3"):
            yield from _layer(f"{block}.{norm}", width)
    yield from _layer(f"{name}.proj_out", width, width, *kernel)


def unet(numbers: UNet) -> Shapes:
    """The U-Net, level after level."""
    width, time, top = numbers.width, 4 * numbers.width, len(numbers.multipliers) - 1
    yield from _layer(UNET + "time_embed.0", time, width)
    yield from _layer(UNET + "time_embed.2", time, time)
    if numbers.vector:
        yield from _layer(UNET + "label_emb.0.0", time, numbers.vector)
        yield from _layer(UNET + "label_emb.0.2", time, time)
    yield from _layer(UNET + "input_blocks.0.0", width, numbers.in_channels, 3, 3)
    skips, now, index = [width], width, 1
    for level, multiplier in enumerate(numbers.multipliers):
        for _ in range(numbers.res_blocks):
            yield from _unet_block(f"{UNET}input_blocks.{index}.0", now, width * multiplier, time)
            now = width * multiplier
            if depth := numbers.depths[level]:
                yield from _unet_attention(f"{UNET}input_blocks.{index}.1", now, depth, numbers)
            skips.append(now)
            index += 1
        if level < top:
            yield from _layer(f"{UNET}input_blocks.{index}.0.op", now, now, 3, 3)
            skips.append(now)
            index += 1
    yield from _unet_block(UNET + "middle_block.0", now, now, time)
    if numbers.middle:
        yield from _unet_attention(UNET + "middle_block.1", now, numbers.middle, numbers)
        yield from _unet_block(UNET + "middle_block.2", now, now, time)
    yield from _unet_up(numbers, skips, now)
    yield from _layer(UNET + "out.0", width)
    yield from _layer(UNET + "out.2", 4, width, 3, 3)


def _unet_up(numbers: UNet, skips: list[int], now: int) -> Shapes:
    index = 0
    for level, multiplier in reversed(list(enumerate(numbers.multipliers))):
        for block in range(numbers.res_blocks + 1):
            name, out = f"{UNET}output_blocks.{index}", numbers.width * multiplier
            yield from _unet_block(f"{name}.0", now + skips.pop(), out, 4 * numbers.width)
            now = out
            depth = numbers.up_depths[level][block] if numbers.up_depths else numbers.depths[level]
            if depth:
                yield from _unet_attention(f"{name}.1", now, depth, numbers)
            if level and block == numbers.res_blocks:
                yield from _layer(f"{name}.{2 if depth else 1}.conv", now, now, 3, 3)
            index += 1


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


def vae(width: int = 128, multipliers: Shape = (1, 2, 4, 4), res_blocks: int = 2) -> Shapes:
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


def clip(prefix: str, width: int, layers: int) -> Shapes:
    """OpenAI's CLIP text model as transformers names it, with the whole vocabulary."""
    yield prefix + "embeddings.token_embedding.weight", (VOCABULARY, width)
    yield prefix + "embeddings.position_embedding.weight", (77, width)
    for layer in range(layers):
        name = f"{prefix}encoder.layers.{layer}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            yield from _layer(f"{name}.self_attn.{part}", width, width)
        yield from _layer(f"{name}.mlp.fc1", 4 * width, width)
        yield from _layer(f"{name}.mlp.fc2", width, 4 * width)
        yield from _layer(f"{name}.layer_norm1", width)
        yield from _layer(f"{name}.layer_norm2", width)
    yield from _layer(prefix + "final_layer_norm", width)


def open_clip(prefix: str, width: int, layers: int) -> Shapes:
    """OpenCLIP's text model: fused attention weights and a projection."""
    yield prefix + "positional_embedding", (77, width)
    yield prefix + "token_embedding.weight", (VOCABULARY, width)
    for layer in range(layers):
        name = f"{prefix}transformer.resblocks.{layer}"
        yield from _layer(f"{name}.ln_1", width)
        yield f"{name}.attn.in_proj_weight", (3 * width, width)
        yield f"{name}.attn.in_proj_bias", (3 * width,)
        yield from _layer(f"{name}.attn.out_proj", width, width)
        yield from _layer(f"{name}.ln_2", width)
        yield from _layer(f"{name}.mlp.c_fc", 4 * width, width)
        yield from _layer(f"{name}.mlp.c_proj", width, 4 * width)
    yield from _layer(prefix + "ln_final", width)
    yield prefix + "text_projection", (width, width)
    yield prefix + "logit_scale", ()


SD1_UNET = UNet(320, (1, 2, 4, 4), (1, 1, 1, 0), 768)
SD2_UNET = UNet(320, (1, 2, 4, 4), (1, 1, 1, 0), 1024, linear=True)
XL_UNET = UNet(320, (1, 2, 4), (0, 2, 10), 2048, middle=10, linear=True, vector=2816)
REFINER_UNET = UNet(384, (1, 2, 4, 4), (0, 4, 4, 0), 1280, middle=4, linear=True, vector=2560)
SSD_1B_UNET = UNet(
    320,
    (1, 2, 4),
    (0, 2, 4),
    2048,
    middle=0,
    linear=True,
    vector=2816,
    up_depths=((0, 0, 0), (2, 1, 1), (4, 4, 10)),
)


def sd15() -> dict[str, Shape]:
    """Stable Diffusion 1.5, 860 + 123 + 84 million weights."""
    return {**dict(unet(SD1_UNET)), **dict(vae()), **dict(clip(CLIP, 768, 12))}


def sd21() -> dict[str, Shape]:
    """Stable Diffusion 2.1."""
    return {**dict(unet(SD2_UNET)), **dict(vae()), **dict(open_clip(OPEN_CLIP, 1024, 24))}


def sdxl(numbers: UNet = XL_UNET) -> dict[str, Shape]:
    """Stable Diffusion XL base, 2.57 billion weights in the U-Net; or SSD-1B, by its numbers."""
    texts = {**dict(clip(XL_CLIP, 768, 12)), **dict(open_clip(XL_OPEN_CLIP, 1280, 32))}
    return {**dict(unet(numbers)), **dict(vae()), **texts}


def refiner() -> dict[str, Shape]:
    """Stable Diffusion XL refiner."""
    text = dict(open_clip(ONLY_OPEN_CLIP, 1280, 32))
    return {**dict(unet(REFINER_UNET)), **dict(vae()), **text}


ARCHITECTURES = {"sd15": sd15, "sd21": sd21, "sdxl": sdxl, "refiner": refiner}
