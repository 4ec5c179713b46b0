"""The numbers of each network, counted from key names and shapes. Pure: reads no tensor, no disk.

Architecture is counted, not looked up, so a small U-Net is described as well as the full one.
Attention heads and normalisation groups cannot be seen in shapes; metadata may name them
(`easel.*` keys), else the family's rule holds. Knows prefixes, not families.
"""

from __future__ import annotations

from collections.abc import Mapping

from modules.errors import CheckpointError
from modules.networks.spec import TextSpec, UNetSpec, VaeSpec

Shapes = Mapping[str, tuple[int, ...]]

UNET = "model.diffusion_model."
VAE = "first_stage_model."
SD1_HEADS = 8
HEAD_WIDTH = 64  # of CLIP and OpenCLIP, and of every U-Net since SD2
DEFAULT_GROUPS = 32
FIRST_CONV = UNET + "input_blocks.0.0.weight"


def unet_spec(
    shapes: Shapes, metadata: Mapping[str, str], *, head_width: int | None, name: str
) -> UNetSpec:
    """Levels, widths and attention of the U-Net, by walking down its input blocks.

    `head_width`: numbers per attention head, where metadata do not name heads; None: 8 heads.
    CheckpointError where parts are missing or fit no known model.
    """
    widths, blocks, depths = _levels(shapes, name)
    middle = count(shapes, UNET + "middle_block.1.transformer_blocks.{}.norm1.weight")
    context = _first(shapes, ".attn2.to_k.weight")
    whole = middle or UNET + "middle_block.2.in_layers.2.weight" not in shapes  # SSD-1B has neither
    if (
        not blocks
        or 0 in widths
        or not context
        or not whole
        or UNET + "middle_block.0.in_layers.2.weight" not in shapes
    ):
        raise CheckpointError(f"{name}: parts of its U-Net are missing; download it again")
    groups = _number(metadata, "easel.unet_norm_groups", DEFAULT_GROUPS, name)
    _check_divides(widths, groups, "easel.unet_norm_groups", name)
    return UNetSpec(
        in_channels=shapes[FIRST_CONV][1],
        out_channels=shapes.get(UNET + "out.2.weight", (4,))[0],
        level_widths=tuple(widths),
        res_blocks=tuple(blocks),
        attention_depth=tuple(depths),
        middle_depth=middle,
        heads=_heads(metadata, widths, head_width, name),
        context_width=context[1],
        linear_projection=len(_first(shapes, ".proj_in.weight")) == 2,
        norm_groups=groups,
        vector_width=shapes.get(UNET + "label_emb.0.0.weight", (0, 0))[1],
        up_depth=_up_depth(shapes, blocks, depths),
    )


def _levels(shapes: Shapes, name: str) -> tuple[list[int], list[int], list[int]]:
    """Width, blocks and transformer depth of each level."""
    widths, blocks, depths = [], [], []
    index = 1
    while True:
        prefix = f"{UNET}input_blocks.{index}."
        if prefix + "0.op.weight" in shapes:  # a downsampling: the next level begins
            widths.append(0)
        elif prefix + "0.in_layers.2.weight" in shapes:
            depth = count(shapes, prefix + "1.transformer_blocks.{}.norm1.weight")
            width = shapes[prefix + "0.in_layers.2.weight"][0]
            if not widths:
                widths.append(0)
            if widths[-1] == 0:
                widths[-1] = width
                blocks.append(0)
                depths.append(depth)
            if (width, depth) != (widths[-1], depths[-1]):
                raise CheckpointError(
                    f"{name}: the blocks of U-Net level {len(widths)} differ from each other,"
                    " which no Stable Diffusion model's do"
                )
            blocks[-1] += 1
        else:
            return widths, blocks, depths
        index += 1


def _up_depth(shapes: Shapes, blocks: list[int], depths: list[int]) -> tuple[tuple[int, ...], ...]:
    """Transformer depth of each block on the way up, finest level first; () where it is as on
    the way down."""
    pattern, index, found = UNET + "output_blocks.{}.1.transformer_blocks.{}.norm1.weight", 0, []
    for number in reversed(blocks):
        places = range(index, index + number + 1)
        found.append(tuple(count(shapes, pattern.format(place, "{}")) for place in places))
        index += number + 1
    found.reverse()
    usual = all(set(up) == {down} for up, down in zip(found, depths, strict=True))
    return () if usual else tuple(found)


def _first(shapes: Shapes, ending: str) -> tuple[int, ...]:
    """The shape of the first U-Net tensor with that ending, () where there is none."""
    names = (name for name in shapes if name.startswith(UNET) and name.endswith(ending))
    return shapes.get(next(names, ""), ())


def clip_spec(shapes: Shapes, metadata: Mapping[str, str], *, prefix: str, name: str) -> TextSpec:
    """The CLIP text encoder whose keys (transformers' layout) begin with `prefix`."""
    table = shapes.get(prefix + "embeddings.token_embedding.weight")
    positions = shapes.get(prefix + "embeddings.position_embedding.weight")
    inner = shapes.get(prefix + "encoder.layers.0.mlp.fc1.weight")
    if table is None or positions is None or inner is None:
        raise _no_text(name)
    return TextSpec(
        width=table[1],
        layers=count(shapes, prefix + "encoder.layers.{}.mlp.fc1.weight"),
        heads=_text_heads(metadata, table[1], name),
        inner_width=inner[0],
        positions=positions[0],
        vocabulary=table[0],
    )


def open_clip_spec(
    shapes: Shapes, metadata: Mapping[str, str], *, prefix: str, pools: bool, name: str
) -> TextSpec:
    """The OpenCLIP text encoder whose keys begin with `prefix`. `pools`: its projection is read."""
    table = shapes.get(prefix + "token_embedding.weight")
    positions = shapes.get(prefix + "positional_embedding")
    inner = shapes.get(prefix + "transformer.resblocks.0.mlp.c_fc.weight")
    projection = shapes.get(prefix + "text_projection", (0, 0))
    if table is None or positions is None or inner is None or (pools and not projection[1]):
        raise _no_text(name)
    return TextSpec(
        kind="open_clip",
        width=table[1],
        layers=count(shapes, prefix + "transformer.resblocks.{}.mlp.c_fc.weight"),
        heads=_text_heads(metadata, table[1], name),
        inner_width=inner[0],
        positions=positions[0],
        vocabulary=table[0],
        pooled_width=projection[1] if pools else 0,
    )


def _no_text(name: str) -> CheckpointError:
    return CheckpointError(
        f"{name} holds no text encoder; use the full file of this checkpoint, not a U-Net alone"
    )


def _text_heads(metadata: Mapping[str, str], width: int, name: str) -> int:
    heads = _number(metadata, "easel.text_heads", max(1, width // HEAD_WIDTH), name)
    if width % heads:
        raise CheckpointError(f"{name}: {heads} heads do not divide the text width {width}")
    return heads


def vae_spec(shapes: Shapes, metadata: Mapping[str, str], *, prefix: str, name: str) -> VaeSpec:
    """The autoencoder whose keys (latent-diffusion layout) begin with `prefix`."""
    widths: list[int] = []
    while (
        shape := shapes.get(f"{prefix}encoder.down.{len(widths)}.block.0.conv1.weight")
    ) is not None:
        widths.append(shape[0])
    latent = shapes.get(prefix + "decoder.conv_in.weight")
    if not widths or latent is None:
        raise CheckpointError(
            f"{name} holds no VAE; put one into models/VAE and choose it as SD VAE"
        )
    groups = _number(metadata, "easel.vae_norm_groups", DEFAULT_GROUPS, name)
    _check_divides(widths, groups, "easel.vae_norm_groups", name)
    return VaeSpec(
        level_widths=tuple(widths),
        res_blocks=count(shapes, prefix + "encoder.down.0.block.{}.conv1.weight"),
        latent_channels=latent[1],
        norm_groups=groups,
    )


def diffusers_vae_spec(shapes: Shapes, metadata: Mapping[str, str], *, name: str) -> VaeSpec:
    """The autoencoder of a file with diffusers' own key names."""
    widths: list[int] = []
    first = "encoder.down_blocks.{}.resnets.0.conv1.weight"
    while (shape := shapes.get(first.format(len(widths)))) is not None:
        widths.append(shape[0])
    latent = shapes.get("decoder.conv_in.weight")
    if not widths or latent is None:
        raise CheckpointError(f"{name} holds no VAE; choose another SD VAE")
    groups = _number(metadata, "easel.vae_norm_groups", DEFAULT_GROUPS, name)
    _check_divides(widths, groups, "easel.vae_norm_groups", name)
    return VaeSpec(
        level_widths=tuple(widths),
        res_blocks=count(shapes, "encoder.down_blocks.0.resnets.{}.conv1.weight"),
        latent_channels=latent[1],
        norm_groups=groups,
    )


def count(shapes: Shapes, pattern: str) -> int:
    number = 0
    while pattern.format(number) in shapes:
        number += 1
    return number


def _number(metadata: Mapping[str, str], key: str, default: int, name: str) -> int:
    text = metadata.get(key)
    if text is None:
        return default
    if not text.strip().isdecimal() or int(text) < 1:
        raise CheckpointError(f"{name}: its metadata say {key} = {text!r}; a number from 1 is due")
    return int(text)


def _heads(
    metadata: Mapping[str, str], widths: list[int], head_width: int | None, name: str
) -> tuple[int, ...]:
    """Heads per level: `easel.unet_heads` as one number or one per level, else by rule."""
    rule = [str(max(1, width // head_width) if head_width else SD1_HEADS) for width in widths]
    named = metadata.get("easel.unet_heads")
    texts = rule if named is None else named.split(",")
    if len(texts) == 1:
        texts *= len(widths)
    numbers = tuple(int(text) for text in texts if text.strip().isdecimal())
    fits = len(numbers) == len(widths) and all(
        heads and width % heads == 0 for heads, width in zip(numbers, widths, strict=False)
    )
    if not fits:
        raise CheckpointError(
            f"{name}: attention heads {','.join(texts)} do not divide the widths {widths};"
            " its metadata (easel.unet_heads) must name fitting ones"
        )
    return numbers


def _check_divides(widths: list[int], groups: int, key: str, name: str) -> None:
    if any(width % groups for width in widths):
        raise CheckpointError(
            f"{name}: {groups} normalisation groups do not divide the widths {widths}; its"
            f" metadata ({key}) must name a fitting number"
        )
