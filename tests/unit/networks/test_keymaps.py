"""Every weight of a checkpoint has exactly one place in the modules, and every place a weight."""

from __future__ import annotations

import pytest

from modules.networks import build, keymaps
from modules.networks.architecture import UNET, VAE
from modules.networks.detect import detect
from tests.tiny_checkpoint import SD1_SHAPES, TEXT, checkpoint_shapes

ARCHITECTURES = {
    "the full SD1": SD1_SHAPES(),
    "the tests' tiny one": checkpoint_shapes(),
    "attention at no level": checkpoint_shapes(multipliers=(1, 2, 2), attention_levels=0),
    "attention at every level": checkpoint_shapes(attention_levels=2, res_blocks=3),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_keys_and_shapes_match_the_modules_one_to_one(name: str) -> None:
    shapes = ARCHITECTURES[name]
    spec = detect(shapes, {})
    modules = (
        (build.empty_unet(spec.unet), lambda n: keymaps.unet_keys(n, spec.unet), UNET),
        (build.empty_vae(spec.vae), lambda n: keymaps.vae_keys(n, spec.vae), VAE),
        (
            build.empty_text_encoder(spec.texts[0]),
            lambda n: keymaps.clip_keys(n, TEXT),
            TEXT,
        ),
    )
    for module, keys, prefix in modules:
        wanted = build.parameter_shapes(module)
        translated = keys(wanted)
        in_file = {key for key in shapes if key.startswith(prefix)}
        assert set(translated.values()) == in_file and len(in_file) == len(wanted)
        for target, key in translated.items():
            assert wanted[target] == shapes[key] or shapes[key] == (*wanted[target], 1, 1)


def test_the_full_unet_has_the_known_number_of_parameters() -> None:
    unet = build.empty_unet(detect(SD1_SHAPES(), {}).unet)
    assert sum(p.numel() for p in unet.parameters()) == 859_520_964


def test_old_names_of_the_vaes_attention_are_known() -> None:
    name = "decoder.mid_block.attentions.0."
    assert keymaps.old_vae_name(name + "to_out.0.bias") == name + "proj_attn.bias"
    assert keymaps.old_vae_name(name + "to_q.weight") == name + "query.weight"
    assert keymaps.old_vae_name(name + "group_norm.bias") == name + "group_norm.bias"
    assert keymaps.old_vae_name("decoder.conv_in.bias") == "decoder.conv_in.bias"
