"""TAESD's files in the original's layout, beside diffusers' network with names of its own."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

from modules.errors import CheckpointError
from modules.networks.detect import detect
from modules.networks.taesd import TaesdFiles
from tests.taesd_files import WIDTH, decoder_shapes, encoder_shapes, write_taesd
from tests.tiny_checkpoint import checkpoint_shapes

SPEC = detect(dict(checkpoint_shapes()), {})
XL = replace(SPEC, family="sdxl")
CPU = (torch.float32, torch.device("cpu"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models" / "VAE-approx"


@pytest.fixture
def files(folder: Path) -> TaesdFiles:
    return TaesdFiles(lambda: (folder,))


@pytest.fixture(scope="module")
def theirs() -> AutoencoderTiny:
    widths = (WIDTH,) * 4
    return AutoencoderTiny(encoder_block_out_channels=widths, decoder_block_out_channels=widths)


@torch.no_grad()
def test_the_decoder_computes_what_diffusers_does(folder, files, theirs):
    weights = write_taesd(folder / "taesd_decoder.pth", decoder_shapes())
    # Their decoder has no clamp among its layers, so each number is one less.
    renamed = {f"{int(n) - 1}.{r}": w for (n, _, r), w in _split(weights)}
    theirs.decoder.layers.load_state_dict(renamed)
    latent = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(1)) * 4

    pixels = files.load("decoder", SPEC, *CPU)(latent)

    assert pixels.shape == (2, 3, 24, 40)
    torch.testing.assert_close(pixels * 2 - 1, theirs.decoder(latent), rtol=1e-4, atol=1e-5)
    assert float(pixels.std()) > 0.01


@torch.no_grad()
def test_the_encoder_computes_what_diffusers_does(folder, files, theirs):
    weights = write_taesd(folder / "taesd_encoder.safetensors", encoder_shapes())
    theirs.encoder.layers.load_state_dict(weights)
    pixels = torch.rand(2, 3, 24, 40, generator=torch.Generator().manual_seed(1))

    latent = files.load("encoder", SPEC, *CPU)(pixels)

    torch.testing.assert_close(latent, theirs.encoder(pixels * 2 - 1), rtol=1e-4, atol=1e-5)
    assert float(latent.std()) > 0.01


def test_each_family_has_its_own_file_and_a_changed_one_is_read_again(folder, files):
    for name, seed in (("taesd_decoder.pth", 1), ("taesdxl_decoder.pth", 2)):
        write_taesd(folder / name, decoder_shapes(), seed=seed)
    small, large = files.load("decoder", SPEC, *CPU), files.load("decoder", XL, *CPU)

    assert not torch.equal(small[1].weight, large[1].weight)
    assert files.load("decoder", SPEC, *CPU) is small
    written = write_taesd(folder / "taesd_decoder.pth", decoder_shapes(channels=4), seed=3)
    (folder / "taesd_decoder.pth").touch()
    assert torch.equal(files.load("decoder", SPEC, *CPU)[1].weight, written["1.weight"])


def test_a_file_that_is_missing_or_another_is_named(folder, files):
    with pytest.raises(CheckpointError, match=r"taesdxl_encoder\.pth .* models/VAE-approx"):
        files.load("encoder", XL, *CPU)
    write_taesd(folder / "taesd_encoder.pth", decoder_shapes())
    with pytest.raises(CheckpointError, match=r"taesd_encoder\.pth is no TAESD encoder"):
        files.load("encoder", SPEC, *CPU)
    write_taesd(folder / "taesd_decoder.pth", decoder_shapes(channels=16))
    with pytest.raises(CheckpointError, match=r"taesd_decoder\.pth: 1\.weight has the shape"):
        files.load("decoder", SPEC, *CPU)


def _split(weights: dict[str, torch.Tensor]):
    return [(name.partition("."), weight) for name, weight in weights.items()]
