"""Claims about the built-in checkpoint's file: any LDM reader finds the same networks in it."""

import copy
import json
from typing import Any, cast

import pytest
import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from modules.training.builtin.autoencoder import fold_statistics, preview_rows
from modules.training.builtin.export import write_checkpoint
from modules.training.builtin.networks import (
    LATENT_SCALE,
    Sizes,
    alphas_cumprod,
    build_text,
    build_unet,
    build_vae,
)

TINY = Sizes(
    resolution=32,
    text_width=16,
    unet_channels=(16, 24, 24),
    unet_attention=(False, True, False),
    unet_heads=2,
    unet_groups=1,
    vae_channels=(8, 8, 16, 16),
)
PREVIEW = [[0.25, 0.5, -1.0]] * 5
TABLE = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    made = build_text(TINY).eval(), build_unet(TINY).eval(), build_vae(TINY).eval()
    for module in made:
        for parameter in module.parameters():  # biases and gains too: a swapped one must show
            parameter.data = (parameter.data + 0.1 * torch.randn_like(parameter)).half().float()
    table = cast(nn.Embedding, made[0].get_input_embeddings()).weight
    table.data = table.data.to(torch.float8_e4m3fn).float()
    return made


@pytest.fixture(scope="module")
def written(parts, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "tiny.safetensors"
    size = write_checkpoint(
        path, parts[0], parts[1], parts[2], TINY, "a test", "2026-01-02", PREVIEW
    )
    assert size == path.stat().st_size
    return path


def test_an_independent_ldm_reader_rebuilds_the_same_unet(parts, written):
    state = {key: tensor.float() for key, tensor in load_file(written).items()}
    twin = build_unet(TINY).eval()

    missing = twin.load_state_dict(convert_ldm_unet_checkpoint(state, dict(twin.config)))

    latent, steps, context = torch.randn(2, 4, 8, 8), torch.tensor([3, 900]), torch.randn(2, 77, 16)
    with torch.no_grad():
        assert not missing.missing_keys and not missing.unexpected_keys
        assert torch.equal(
            twin(latent, steps, context).sample, parts[1](latent, steps, context).sample
        )


def test_an_independent_ldm_reader_rebuilds_the_same_autoencoder(parts, written):
    state = {key: tensor.float() for key, tensor in load_file(written).items()}
    twin, own = cast(Any, build_vae(TINY).eval()), cast(Any, parts[2])

    twin.load_state_dict(convert_ldm_vae_checkpoint(state, dict(twin.config)))

    picture, latent = torch.randn(1, 3, 32, 32), torch.randn(1, 4, 4, 4)
    with torch.no_grad():
        assert torch.equal(twin.decode(latent).sample, own.decode(latent).sample)
        assert torch.equal(
            twin.encode(picture).latent_dist.mean, own.encode(picture).latent_dist.mean
        )


def test_the_text_encoder_lies_under_clips_own_names_with_an_8_bit_table(parts, written):
    state = load_file(written)
    prefix = "cond_stage_model.transformer."
    twin = build_text(TINY).eval()
    own = {key.removeprefix("text_model."): key for key in twin.state_dict()}

    found = {
        own[key.removeprefix(prefix + "text_model.")]: tensor.float()
        for key, tensor in state.items()
        if key.startswith(prefix) and not key.endswith("position_ids")
    }
    twin.load_state_dict(found)

    tokens = torch.randint(0, 49_000, (2, 77))
    assert state[TABLE].dtype == torch.float8_e4m3fn
    with torch.no_grad():
        assert torch.equal(twin(tokens).last_hidden_state, parts[0](tokens).last_hidden_state)


def test_the_header_tells_what_ldm_code_takes_for_granted(written):
    with safe_open(written, "pt") as file:
        header = file.metadata()

    assert header["modelspec.architecture"] == "stable-diffusion-v1"
    assert header["modelspec.resolution"] == "32x32"
    assert header["modelspec.license"] == "CC0-1.0"
    assert (header["easel.unet_norm_groups"], header["easel.vae_norm_groups"]) == ("1", "2")
    assert json.loads(header["easel.preview_matrix"]) == PREVIEW
    assert (header["easel.unet_heads"], header["easel.text_heads"]) == ("2", "4")


def test_folding_makes_unit_latents_and_leaves_the_pictures_alone(parts):
    before, folded = parts[2], copy.deepcopy(parts[2])
    mean, deviation = [0.5, -1.0, 0.0, 2.0], [0.4, 1.5, 1.0, 0.7]

    fold_statistics(folded, mean, deviation)

    picture = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        old, new = before.encode(picture).latent_dist, folded.encode(picture).latent_dist
        expected = (old.mean - torch.tensor(mean)[:, None, None]) / (
            torch.tensor(deviation)[:, None, None]
        )
        assert torch.allclose(new.mean * LATENT_SCALE, expected, atol=1e-4)
        assert torch.allclose(
            new.std * LATENT_SCALE, old.std / torch.tensor(deviation)[:, None, None], rtol=1e-3
        )
        assert torch.allclose(
            folded.decode(new.mean).sample, before.decode(old.mean).sample, atol=1e-3
        )


def test_preview_rows_recover_a_linear_colour_from_the_latents():
    latents, rows = torch.randn(4, 4, 4, 4), torch.randn(5, 3)
    cells = torch.einsum("nchw,cr->nrhw", latents, rows[:4]) + rows[4][:, None, None]

    found = preview_rows(latents, cells.repeat_interleave(8, 2).repeat_interleave(8, 3))

    assert torch.allclose(torch.tensor(found), rows, atol=1e-4)


def test_the_schedule_is_that_of_stable_diffusion_1():
    alphas = alphas_cumprod()

    assert float(alphas[0]) == pytest.approx(0.99915, abs=1e-5)
    assert float(((1 - alphas[-1]) / alphas[-1]).sqrt()) == pytest.approx(14.6146, abs=1e-3)
