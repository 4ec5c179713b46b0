"""From a checkpoint's key names, shapes and metadata to its Spec. Pure: reads no tensor, no disk.

First the family, then each network's numbers. Key names are those of the original single-file
layouts (A1111 numerics: detection, architectures).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from modules.errors import CheckpointError, NotBuiltError
from modules.library.metadata import resolution
from modules.networks.architecture import (
    FIRST_CONV,
    HEAD_WIDTH,
    UNET,
    VAE,
    Shapes,
    clip_spec,
    open_clip_spec,
    unet_spec,
    vae_spec,
)
from modules.networks.spec import (
    EXTRA_INPUTS,
    LATENT_SCALE,
    PREVIEW,
    SIZE_WIDTH,
    Family,
    Spec,
    TextSpec,
    VaeSpec,
)

_XL_ONE = "conditioner.embedders.0."
_XL_TWO = "conditioner.embedders.1."
_SD2 = "cond_stage_model."
_LABELS = UNET + "label_emb.0.0.weight"
REMEDY = "choose a Stable Diffusion 1, 2 or XL checkpoint"


@dataclass(frozen=True)
class TextPlace:
    """Where a text encoder's keys lie, and what the family reads of it."""

    prefix: str
    kind: Literal["clip", "open_clip"]
    unread_layers: int = 0
    final_norm: bool = True
    pools: bool = False


# A1111 numerics 1.3: each family's text encoders, in the order of their numbers.
_TEXTS: dict[Family, tuple[TextPlace, ...]] = {
    "sd1": (TextPlace("cond_stage_model.transformer.text_model.", "clip"),),
    "sd2": (TextPlace(_SD2 + "model.", "open_clip", unread_layers=1),),
    "sdxl": (
        TextPlace(_XL_ONE + "transformer.text_model.", "clip", unread_layers=1, final_norm=False),
        TextPlace(_XL_TWO + "model.", "open_clip", unread_layers=1, final_norm=False, pools=True),
    ),
    "sdxl-refiner": (
        TextPlace(_XL_ONE + "model.", "open_clip", unread_layers=1, final_norm=False, pools=True),
    ),
}


def _has(key: str) -> Callable[[Shapes], bool]:
    return lambda shapes: key in shapes


def _any_key(pattern: str) -> Callable[[Shapes], bool]:
    expression = re.compile(pattern)
    return lambda shapes: any(expression.search(key) for key in shapes)


# Families that the program knows of but can't run.
_NOT_BUILT: tuple[tuple[str, Callable[[Shapes], bool]], ...] = (
    ("Stable Diffusion 3", _has(UNET + "x_embedder.proj.weight")),
    ("Flux", _any_key(r"double_blocks\.0\.img_attn\.")),
    (
        "Stable Diffusion 2 depth",
        _has("depth_model.model.pretrained.act_postprocess3.0.project.0.bias"),
    ),
    ("Stable Diffusion 2 unCLIP", _has("embedder.model.ln_final.weight")),
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

    Whether a Stable Diffusion 2 checkpoint predicts v is not told by shapes: see `names_v` and
    `model.predicts_v`. NotBuiltError for a known family that this version can't run;
    CheckpointError for anything else that is no checkpoint, saying what it is and where it belongs.
    """
    for what, test in _NOT_BUILT:
        if test(shapes):
            raise NotBuiltError(
                f"{name} is a {what} checkpoint, which this version can't run yet; {REMEDY}"
            )
    if FIRST_CONV not in shapes:
        for what, test in _ELSEWHERE:
            if test(shapes):
                raise CheckpointError(f"{name} is no checkpoint but {what}")
        raise CheckpointError(
            f"{name} holds no Stable Diffusion U-Net ({FIRST_CONV} is missing); {REMEDY}"
        )
    family = family_of(shapes)
    head_width = None if family == "sd1" else HEAD_WIDTH
    unet = unet_spec(shapes, metadata, head_width=head_width, name=name)
    matrix, bias = _preview(metadata, PREVIEW[family], name)
    spec = Spec(
        family=family,
        unet=unet,
        texts=tuple(
            _text_spec(shapes, metadata, place, name) for place in text_places(shapes, family)
        ),
        vae=vae or vae_spec(shapes, metadata, prefix=VAE, name=name),
        prediction="v" if names_v(shapes, metadata) else "epsilon",
        zero_snr="ztsnr" in shapes,
        latent_scale=LATENT_SCALE[family],
        default_size=resolution(metadata),
        preview_matrix=matrix,
        preview_bias=bias,
    )
    check_fits(spec, name)
    return spec


def family_of(shapes: Shapes) -> Family:
    """The family of a checkpoint that can be run, first match wins (A1111 numerics 1.2).

    The refiner shares its text encoder's place with Stable Diffusion 2 in XL's layout, whose
    encoder is another and whose U-Net takes no vector.
    """
    if _XL_TWO + "model.ln_final.weight" in shapes:
        return "sdxl"
    if _XL_ONE + "model.ln_final.weight" in shapes:
        return "sdxl-refiner" if _LABELS in shapes else "sd2"
    if _SD2 + "model.transformer.resblocks.0.attn.in_proj_weight" in shapes:
        return "sd2"
    return "sd1"


def text_places(shapes: Shapes, family: Family) -> tuple[TextPlace, ...]:
    """Where this file keeps the family's text encoders, in today's layout or an odd one."""
    places = _TEXTS[family]
    if family == "sd1":  # before 2023 there was no "text_model."
        old = places[0].prefix.removesuffix("text_model.")
        if old + "embeddings.token_embedding.weight" in shapes:
            return (replace(places[0], prefix=old),)
    if family == "sd2" and _XL_ONE + "model.ln_final.weight" in shapes:
        return (replace(places[0], prefix=_XL_ONE + "model."),)
    return places


def names_v(shapes: Shapes, metadata: Mapping[str, str]) -> bool:
    """Whether the file itself says that its U-Net predicts v."""
    named = metadata.get("modelspec.prediction_type", "").lower()
    return "v_pred" in shapes or named in ("v", "v_prediction", "v-prediction")


def check_fits(spec: Spec, name: str) -> None:
    """CheckpointError where the networks were not made for each other."""
    unet, width = spec.unet, sum(text.width for text in spec.texts)
    if width != unet.context_width:
        raise CheckpointError(
            f"{name}: its text encoder is {width} wide but its U-Net reads"
            f" {unet.context_width} numbers per token; it is wrongly merged"
        )
    vector = sum(text.pooled_width for text in spec.texts) + SIZE_WIDTH * spec.size_numbers
    if vector != unet.vector_width:
        raise CheckpointError(
            f"{name}: its U-Net takes a vector of {unet.vector_width} numbers where its family's"
            f" texts and sizes give {vector}; it is wrongly merged"
        )
    if unet.in_channels - spec.latent_channels not in EXTRA_INPUTS:
        raise CheckpointError(
            f"{name}: the VAE makes {spec.latent_channels} latent channels but the U-Net"
            f" reads {unet.in_channels}; choose a VAE of the same family"
        )


def _text_spec(
    shapes: Shapes, metadata: Mapping[str, str], place: TextPlace, name: str
) -> TextSpec:
    if place.kind == "clip":
        spec = clip_spec(shapes, metadata, prefix=place.prefix, name=name)
    else:
        spec = open_clip_spec(shapes, metadata, prefix=place.prefix, pools=place.pools, name=name)
    return replace(spec, unread_layers=place.unread_layers, final_norm=place.final_norm)


def _preview(
    metadata: Mapping[str, str], usual: tuple[tuple[float, ...], ...], name: str
) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]:
    """Latent -> rgb by `easel.preview_matrix` (JSON, a row per channel and perhaps a bias row),
    else the family's `usual` one."""
    text = metadata.get("easel.preview_matrix")
    if text is None:
        return usual, (0.0, 0.0, 0.0)
    try:
        rows = tuple(tuple(float(value) for value in row) for row in json.loads(text))
        assert len(rows) in (4, 5) and all(len(row) == 3 for row in rows)
    except (ValueError, TypeError, AssertionError) as error:
        raise CheckpointError(
            f"{name}: easel.preview_matrix in its metadata must be 4 rows of 3 numbers, with a"
            " fifth row as bias at most"
        ) from error
    return rows[:4], rows[4] if len(rows) == 5 else (0.0, 0.0, 0.0)
