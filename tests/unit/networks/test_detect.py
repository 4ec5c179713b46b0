"""What a checkpoint is, counted from key names and shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.errors import CheckpointError, NotBuiltError
from modules.networks.architecture import UNET, VAE
from modules.networks.detect import detect
from modules.networks.spec import TextSpec, UNetSpec, VaeSpec
from tests.tiny_checkpoint import SD1_SHAPES, TEXT, checkpoint_shapes

Shapes = dict[str, tuple[int, ...]]


def test_the_full_sd1_layout_is_recognised_with_all_its_numbers() -> None:
    spec = detect(SD1_SHAPES(), {})
    assert spec.family == "sd1" and spec.prediction == "epsilon" and spec.vae_factor == 8
    assert spec.unet == UNetSpec(
        in_channels=4,
        out_channels=4,
        level_widths=(320, 640, 1280, 1280),
        res_blocks=(2, 2, 2, 2),
        attention_depth=(1, 1, 1, 0),
        middle_depth=1,
        heads=(8, 8, 8, 8),
        context_width=768,
    )
    assert spec.texts[0] == TextSpec(width=768, layers=12, heads=12, inner_width=3072)
    assert spec.vae == VaeSpec(level_widths=(128, 256, 512, 512), res_blocks=2)


def test_a_small_unet_is_described_as_it_is() -> None:
    shapes = checkpoint_shapes(
        width=48, multipliers=(1, 2, 3), attention_levels=2, vae_multipliers=(1, 1, 2)
    )
    metadata = {"easel.unet_norm_groups": "16", "easel.unet_heads": "2,4,6"}
    spec = detect(shapes, metadata)
    assert spec.unet.level_widths == (48, 96, 144)
    assert spec.unet.attention_depth == (1, 1, 0)
    assert (spec.unet.norm_groups, spec.unet.heads) == (16, (2, 4, 6))
    assert (spec.vae.factor, spec.vae.norm_groups) == (4, 32)
    assert (spec.texts[0].width, spec.texts[0].heads, spec.texts[0].layers) == (16, 1, 2)


def test_metadata_name_size_prediction_and_preview() -> None:
    rows = "[[1,0,0],[0,1,0],[0,0,1],[0,0,0],[0.1,0.2,0.3]]"
    metadata = {
        "modelspec.resolution": "128x96",
        "modelspec.prediction_type": "v",
        "easel.preview_matrix": rows,
    }
    spec = detect(checkpoint_shapes(), metadata)
    assert (spec.default_size, spec.prediction) == ((128, 96), "v")
    assert spec.preview_matrix[1] == (0, 1, 0) and spec.preview_bias == (0.1, 0.2, 0.3)


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"easel.unet_norm_groups": "many"}, "easel.unet_norm_groups"),
        ({"easel.unet_norm_groups": "7"}, "easel.unet_norm_groups"),
        ({"easel.vae_norm_groups": "0"}, "easel.vae_norm_groups"),
        ({"easel.unet_heads": "5"}, "easel.unet_heads"),
        ({"easel.unet_heads": "8,8,8"}, "easel.unet_heads"),
        ({"easel.preview_matrix": "[[1]]"}, "easel.preview_matrix"),
        ({"easel.text_heads": "3"}, "3 heads"),
    ],
)
def test_metadata_that_cannot_be_are_refused_by_name(metadata: dict[str, str], says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        detect(checkpoint_shapes(), metadata, name="x.safetensors")


@pytest.mark.parametrize(
    ("keys", "family"),
    [
        ({UNET + "x_embedder.proj.weight": (1536, 16, 2, 2)}, "Stable Diffusion 3"),
        ({UNET + "double_blocks.0.img_attn.qkv.weight": (9, 9)}, "Flux"),
        (
            {"depth_model.model.pretrained.act_postprocess3.0.project.0.bias": (1,)},
            "Stable Diffusion 2 depth",
        ),
        ({"embedder.model.ln_final.weight": (1024,)}, "Stable Diffusion 2 unCLIP"),
        ({"cond_stage_model.roberta.embeddings.word_embeddings.weight": (9, 9)}, "AltDiffusion"),
    ],
)
def test_families_that_cannot_run_yet_are_named(keys: Shapes, family: str) -> None:
    with pytest.raises(NotBuiltError, match=rf"^x\.safetensors is a {family} checkpoint"):
        detect({**checkpoint_shapes(), **keys}, {}, name="x.safetensors")


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        (("lora_unet_down_blocks_0_attentions_0.lora_down.weight",), "a LoRA.*models/Lora"),
        (("unet.mid_block.attentions.0.lora_A.weight",), "a LoRA"),
        (("x.hada_w1_a",), "a LoRA"),
        (("emb_params",), "an? textual-inversion embedding.*embeddings"),
        (("decoder.conv_in.weight", "encoder.conv_in.weight"), "a VAE.*models/VAE"),
        (("first_stage_model.decoder.conv_in.weight",), "a VAE"),
        (("control_model.input_blocks.0.0.weight",), "a ControlNet"),
        (("down_blocks.0.resnets.0.conv1.weight",), "U-Net alone"),
        (("text_model.encoder.layers.0.mlp.fc1.weight",), "text encoder alone"),
        (("model.1.sub.0.RDB1.conv1.0.weight",), "an upscaler"),
        (("anything.weight",), "holds no Stable Diffusion U-Net"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_called_what_it_is(
    keys: tuple[str, ...], what: str
) -> None:
    with pytest.raises(CheckpointError, match=what):
        detect(dict.fromkeys(keys, (4, 4)), {}, name="x.safetensors")


@pytest.mark.parametrize(
    ("dropped", "says"),
    [(TEXT, "no text encoder"), (VAE, "no VAE"), (UNET + "middle_block", "parts of its U-Net")],
)
def test_a_checkpoint_without_one_of_its_networks_says_which(dropped: str, says: str) -> None:
    shapes = {k: v for k, v in checkpoint_shapes().items() if not k.startswith(dropped)}
    with pytest.raises(CheckpointError, match=says):
        detect(shapes, {})


def test_a_checkpoint_without_vae_is_fine_with_a_vae_of_its_own() -> None:
    shapes = {k: v for k, v in checkpoint_shapes().items() if not k.startswith(VAE)}
    vae = VaeSpec(level_widths=(128, 256, 512, 512), res_blocks=2)
    assert detect(shapes, {}, vae=vae).vae == vae


def test_a_text_encoder_of_another_width_is_refused(tmp_path: Path) -> None:
    shapes = checkpoint_shapes() | {
        k: v for k, v in checkpoint_shapes(text_width=32).items() if k.startswith(TEXT)
    }
    with pytest.raises(CheckpointError, match="32 wide but its U-Net reads 16"):
        detect(shapes, {})
