"""From a checkpoint's key names, shapes and metadata to its Spec. Pure: reads no tensor, no disk.

Architecture is counted, not looked up, so a small U-Net is described as well as the full one.
Three things cannot be seen in shapes: attention heads, normalisation groups and the preview
matrix; metadata may name them (`easel.*` keys), else the family's rule holds. Key names are those
of the original latent-diffusion layout (A1111 numerics: detection, architectures).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Literal

from modules.errors import CheckpointError, NotBuiltError
from modules.library.metadata import resolution
from modules.networks.spec import SD1_PREVIEW, Spec, TextSpec, UNetSpec, VaeSpec

Shapes = Mapping[str, tuple[int, ...]]

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model.transformer."
SD1_HEADS = 8
TEXT_HEAD_WIDTH = 64  # CLIP's: heads = width / 64
DEFAULT_GROUPS = 32

_FIRST_CONV = UNET + "input_blocks.0.0.weight"
_OPEN_CLIP = "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight"


def _has(key: str) -> Callable[[Shapes], bool]:
    return lambda shapes: key in shapes


def _any_key(pattern: str) -> Callable[[Shapes], bool]:
    expression = re.compile(pattern)
    return lambda shapes: any(expression.search(key) for key in shapes)


def _inputs(channels: int) -> Callable[[Shapes], bool]:
    return lambda shapes: shapes.get(_FIRST_CONV, ())[1:2] == (channels,)


def _both(*tests: Callable[[Shapes], bool]) -> Callable[[Shapes], bool]:
    return lambda shapes: all(test(shapes) for test in tests)


# First match wins (A1111 numerics 1.2). Families that the program knows of but can't run yet.
_NOT_BUILT: tuple[tuple[str, Callable[[Shapes], bool]], ...] = (
    ("Stable Diffusion 3", _has(UNET + "x_embedder.proj.weight")),
    ("Flux", _any_key(r"double_blocks\.0\.img_attn\.")),
    (
        "Stable Diffusion XL inpainting",
        _both(_has("conditioner.embedders.1.model.ln_final.weight"), _inputs(9)),
    ),
    ("Stable Diffusion XL", _has("conditioner.embedders.1.model.ln_final.weight")),
    ("Stable Diffusion XL refiner", _has("conditioner.embedders.0.model.ln_final.weight")),
    (
        "Stable Diffusion 2 depth",
        _has("depth_model.model.pretrained.act_postprocess3.0.project.0.bias"),
    ),
    ("Stable Diffusion 2 unCLIP", _has("embedder.model.ln_final.weight")),
    ("Stable Diffusion 2 inpainting", _both(_has(_OPEN_CLIP), _inputs(9))),
    ("Stable Diffusion 2", _has(_OPEN_CLIP)),
    ("Stable Diffusion 1 inpainting (9 input channels)", _inputs(9)),
    ("InstructPix2Pix (8 input channels)", _inputs(8)),
    ("AltDiffusion", _any_key(r"^cond_stage_model\.roberta\.")),
)

# Files of weights that are no checkpoint: what each is, and where it belongs.
_ELSEWHERE: tuple[tuple[str, Callable[[Shapes], bool]], ...] = (
    (
        "a LoRA; put it into models/Lora",
        _any_key(r"lora_(up|down|A|B)\.|\.hada_w1_a$|\.lokr_w[12]|^lora_(unet|te\d?)_|\.oft_"),
    ),
    ("a ControlNet; put it into models/ControlNet", _any_key(r"^control_model\.|input_hint_block")),
    (
        "a textual-inversion embedding; put it into embeddings",
        _any_key(r"^(emb_params|clip_[lg]|\*)$"),
    ),
    (
        "a VAE; put it into models/VAE and choose it as SD VAE",
        _any_key(r"^(first_stage_model\.)?decoder\.(conv_in|mid_block|mid)\."),
    ),
    (
        "a diffusers U-Net alone; use the whole diffusers folder or a single-file checkpoint",
        _has("down_blocks.0.resnets.0.conv1.weight"),
    ),
    ("a text encoder alone; use a whole checkpoint", _any_key(r"text_model\.encoder\.layers\.0\.")),
    (
        "an upscaler; put it into models/ESRGAN",
        _any_key(r"^(model\.1\.sub\.0\.|conv_first\.|body\.0\.(rdb1|weight))"),
    ),
)


def detect(
    shapes: Shapes,
    metadata: Mapping[str, str],
    *,
    vae: VaeSpec | None = None,
    name: str = "the file",
) -> Spec:
    """The Spec of a checkpoint. `vae`: a VAE from a file of its own, used instead of the inner one.

    NotBuiltError for a known family that this version can't run; CheckpointError for anything
    else that is no SD 1.x checkpoint, saying what it is and where it belongs.
    """
    for family, test in _NOT_BUILT:
        if test(shapes):
            raise NotBuiltError(
                f"{name} is a {family} checkpoint, which this version can't run yet; choose a"
                " Stable Diffusion 1.x checkpoint"
            )
    if _FIRST_CONV not in shapes:
        for what, test in _ELSEWHERE:
            if test(shapes):
                raise CheckpointError(f"{name} is no checkpoint but {what}")
        raise CheckpointError(
            f"{name} holds no Stable Diffusion U-Net ({_FIRST_CONV} is missing); choose a"
            " Stable Diffusion 1.x checkpoint"
        )
    unet = detect_unet(shapes, metadata, name=name)
    text = detect_text(shapes, metadata, name=name)
    if text.width != unet.context_width:
        raise CheckpointError(
            f"{name}: its text encoder is {text.width} wide but its U-Net reads"
            f" {unet.context_width} numbers per token; it is wrongly merged"
        )
    matrix, bias = _preview(metadata, name)
    autoencoder = vae or detect_vae(shapes, metadata, prefix=VAE, name=name)
    if autoencoder.latent_channels != unet.in_channels:
        raise CheckpointError(
            f"{name}: the VAE makes {autoencoder.latent_channels} latent channels but the U-Net"
            f" reads {unet.in_channels}; choose a VAE of the same family"
        )
    return Spec(
        family="sd1",
        unet=unet,
        texts=(text,),
        vae=autoencoder,
        prediction=_prediction(shapes, metadata),
        default_size=resolution(metadata),
        preview_matrix=matrix,
        preview_bias=bias,
    )


def detect_unet(shapes: Shapes, metadata: Mapping[str, str], *, name: str) -> UNetSpec:
    """Levels, widths and attention of the U-Net, by walking down its input blocks."""
    widths, blocks, depths = [], [], []
    index = 1
    while True:
        prefix = f"{UNET}input_blocks.{index}."
        if prefix + "0.op.weight" in shapes:  # a downsampling: the next level begins
            widths.append(0)
        elif prefix + "0.in_layers.2.weight" in shapes:
            depth = _count(shapes, prefix + "1.transformer_blocks.{}.norm1.weight")
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
                    " which no Stable Diffusion 1.x model does"
                )
            blocks[-1] += 1
        else:
            break
        index += 1
    middle = _count(shapes, UNET + "middle_block.1.transformer_blocks.{}.norm1.weight")
    context = shapes.get(UNET + "middle_block.1.transformer_blocks.0.attn2.to_k.weight")
    projection = shapes.get(UNET + "middle_block.1.proj_in.weight", ())
    if not blocks or 0 in widths or not middle or context is None:
        raise CheckpointError(f"{name}: parts of its U-Net are missing; download it again")
    groups = _number(metadata, "easel.unet_norm_groups", DEFAULT_GROUPS, name)
    _check_divides(widths, groups, "easel.unet_norm_groups", name)
    return UNetSpec(
        in_channels=shapes[_FIRST_CONV][1],
        out_channels=shapes.get(UNET + "out.2.weight", (4,))[0],
        level_widths=tuple(widths),
        res_blocks=tuple(blocks),
        attention_depth=tuple(depths),
        middle_depth=middle,
        heads=_heads(metadata, widths, name),
        context_width=context[1],
        linear_projection=len(projection) == 2,
        norm_groups=groups,
    )


def detect_text(shapes: Shapes, metadata: Mapping[str, str], *, name: str) -> TextSpec:
    """The CLIP text encoder, in today's layout or the old one without `text_model.`."""
    prefix = TEXT + "text_model."
    if prefix + "embeddings.token_embedding.weight" not in shapes:
        prefix = TEXT
    table = shapes.get(prefix + "embeddings.token_embedding.weight")
    positions = shapes.get(prefix + "embeddings.position_embedding.weight")
    inner = shapes.get(prefix + "encoder.layers.0.mlp.fc1.weight")
    if table is None or positions is None or inner is None:
        raise CheckpointError(
            f"{name} holds no text encoder; use the full file of this checkpoint, not a U-Net alone"
        )
    heads = _number(metadata, "easel.text_heads", max(1, table[1] // TEXT_HEAD_WIDTH), name)
    if table[1] % heads:
        raise CheckpointError(f"{name}: {heads} heads do not divide the text width {table[1]}")
    return TextSpec(
        width=table[1],
        layers=_count(shapes, prefix + "encoder.layers.{}.mlp.fc1.weight"),
        heads=heads,
        inner_width=inner[0],
        positions=positions[0],
        vocabulary=table[0],
    )


def detect_vae(shapes: Shapes, metadata: Mapping[str, str], *, prefix: str, name: str) -> VaeSpec:
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
        res_blocks=_count(shapes, prefix + "encoder.down.0.block.{}.conv1.weight"),
        latent_channels=latent[1],
        norm_groups=groups,
    )


def detect_vae_of_diffusers(shapes: Shapes, metadata: Mapping[str, str], *, name: str) -> VaeSpec:
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
        res_blocks=_count(shapes, "encoder.down_blocks.0.resnets.{}.conv1.weight"),
        latent_channels=latent[1],
        norm_groups=groups,
    )


def _count(shapes: Shapes, pattern: str) -> int:
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


def _heads(metadata: Mapping[str, str], widths: list[int], name: str) -> tuple[int, ...]:
    """Heads per level: `easel.unet_heads` as one number or one per level ("1,2,4"), else 8."""
    texts = metadata.get("easel.unet_heads", str(SD1_HEADS)).split(",")
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


def _prediction(shapes: Shapes, metadata: Mapping[str, str]) -> Literal["epsilon", "v"]:
    named = metadata.get("modelspec.prediction_type", "").lower()
    return (
        "v" if "v_pred" in shapes or named in ("v", "v_prediction", "v-prediction") else "epsilon"
    )


def _preview(
    metadata: Mapping[str, str], name: str
) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]:
    """Latent -> rgb by `easel.preview_matrix`: JSON, a row per channel and perhaps a bias row."""
    text = metadata.get("easel.preview_matrix")
    if text is None:
        return SD1_PREVIEW, (0.0, 0.0, 0.0)
    try:
        rows = tuple(tuple(float(value) for value in row) for row in json.loads(text))
        assert len(rows) in (4, 5) and all(len(row) == 3 for row in rows)
    except (ValueError, TypeError, AssertionError) as error:
        raise CheckpointError(
            f"{name}: easel.preview_matrix in its metadata must be 4 rows of 3 numbers, with a"
            " fifth row as bias at most"
        ) from error
    return rows[:4], rows[4] if len(rows) == 5 else (0.0, 0.0, 0.0)
