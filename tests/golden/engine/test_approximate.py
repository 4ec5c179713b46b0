"""TAESD in the VAE's place: what of a job it changes, and what is told where it is missing."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modules.engine.engine import Output, generate
from modules.engine.fields import Sources
from modules.engine.preview import QUALITY, SMALLEST
from modules.generation.request import Hires, Init, Request
from modules.networks.taesd import TaesdFiles
from modules.settings import Settings
from tests.golden.engine.conftest import Recorder
from tests.golden.engine.test_engine import wish
from tests.taesd_files import decoder_shapes, encoder_shapes, write_taesd

DECODE = {"sd_vae_decode_method": "TAESD"}
ENCODE = {"sd_vae_encode_method": "TAESD"}


@pytest.fixture(scope="module")
def taesd(tmp_path_factory: pytest.TempPathFactory) -> TaesdFiles:
    folder: Path = tmp_path_factory.mktemp("models") / "VAE-approx"
    write_taesd(folder / "taesd_encoder.safetensors", encoder_shapes())
    write_taesd(folder / "taesd_decoder.pth", decoder_shapes())
    return TaesdFiles(lambda: (folder,))


@pytest.fixture
def make(model, tokenizer):
    def made(request: Request, taesd=None, *, control=None, pictures=None, **settings):
        summaries = []
        outputs = generate(
            request,
            Settings().with_changes(settings),
            model=model,
            tokenizer=tokenizer,
            input_bytes=(pictures or {}).__getitem__,
            indexes=[0],
            control=control or Recorder(),
            sources=Sources(model_name="tiny", model_hash=lambda: "0123456789"),
            taesd=taesd,
            on_summary=summaries.append,
        )
        (output,) = list(outputs)
        return output, summaries[0]

    return made


def start() -> tuple[Init, dict[str, bytes]]:
    buffer = io.BytesIO()
    rows, columns = np.mgrid[0:64, 0:64]
    values = np.stack([columns * 4, rows * 4, 0 * rows + 90], -1).astype(np.uint8)
    Image.fromarray(values).save(buffer, "PNG")
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    return Init(images=(sha256,), denoising_strength=0.5), {sha256: buffer.getvalue()}


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int16)


def test_a_picture_is_decoded_by_it_and_says_so(make, taesd):
    whole, _ = make(wish(), taesd)
    small, summary = make(wish(), taesd, **DECODE)
    again, _ = make(wish(), taesd)

    assert picture(small.data).shape == picture(whole.data).shape
    assert np.abs(picture(small.data) - picture(whole.data)).max() > 20
    assert again.data == whole.data, "it stayed in the VAE's place after the job"
    assert "VAE Decoder: TAESD" in small.picture.infotext
    assert "VAE Encoder: TAESD" not in small.picture.infotext
    assert "TAESD" not in whole.picture.infotext
    assert summary.warnings == ()


def test_img2img_starts_from_what_it_encodes_to(make, taesd):
    init, pictures = start()
    whole, _ = make(wish(init=init), taesd, pictures=pictures)
    small, _ = make(wish(init=init), taesd, pictures=pictures, **ENCODE)

    assert np.abs(picture(small.data) - picture(whole.data)).max() > 20
    assert "VAE Encoder: TAESD" in small.picture.infotext
    assert "VAE Decoder: TAESD" not in small.picture.infotext


def test_the_encoder_is_named_only_where_something_is_encoded(make, taesd):
    assert "TAESD" not in make(wish(), taesd, **ENCODE)[0].picture.infotext
    hires = Hires(scale=2.0, upscaler="Lanczos", denoising_strength=0.5)
    text = make(wish(hires=hires), taesd, **ENCODE)[0].picture.infotext
    assert "VAE Encoder: TAESD" in text


def test_without_its_file_the_vae_is_used_and_one_line_names_file_and_folder(make):
    whole, _ = make(wish())
    init, pictures = start()
    small, summary = make(wish(), **DECODE, show_progress_type="TAESD")
    _, of_start = make(wish(init=init), pictures=pictures, **DECODE, **ENCODE)

    assert np.array_equal(picture(small.data), picture(whole.data))
    assert "TAESD" not in small.picture.infotext
    (line,) = summary.warnings
    assert "taesd_decoder.pth" in line and "models/VAE-approx" in line
    assert len(of_start.warnings) == 2


def as_preview(output: Output) -> np.ndarray:
    """The finished picture, enlarged and compressed as previews are."""
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(output.data)).convert("RGB")
    image.resize((SMALLEST, SMALLEST), Image.Resampling.BICUBIC).save(
        buffer, "JPEG", quality=QUALITY
    )
    return picture(buffer.getvalue())


@pytest.mark.parametrize("kind", ["Full", "TAESD"])
def test_a_preview_is_the_latent_decoded_as_wanted(make, taesd, kind):
    """Euler's last step ends at what it saw, so its preview is the picture."""
    control, settings = Recorder(looks=True), DECODE if kind == "TAESD" else {}
    output, _ = make(wish(), taesd, control=control, show_progress_type=kind, **settings)
    assert len(control.previews) == 2
    assert np.abs(picture(control.previews[-1]) - as_preview(output)).mean() < 0.5


def test_previews_of_a_kind_of_their_own_do_not_change_the_picture(make, taesd):
    whole, _ = make(wish(), taesd)
    for kind in ("Full", "TAESD"):
        seen, _ = make(wish(), taesd, control=Recorder(looks=True), show_progress_type=kind)
        assert seen.data == whole.data
    control = Recorder(looks=True)
    make(wish(), taesd, control=control, **DECODE)
    assert np.abs(picture(control.previews[-1]) - as_preview(whole)).mean() > 5  # the matrix


@torch.no_grad()
def test_pixels_are_brought_to_its_range_and_back_and_the_exact_way_stays_open(model, taesd):
    halves = [
        taesd.load(half, model.spec, model.dtype, model.device) for half in ("encoder", "decoder")
    ]
    generator = torch.Generator().manual_seed(5)
    pixels = torch.rand(1, 3, 64, 64, generator=generator) * 2 - 1
    latent = torch.randn(1, 4, 8, 8, generator=generator)
    encoded, decoded = model.encode_image(pixels), model.decode(latent)

    with model.approximated(encoder=halves[0], decoder=halves[1]):
        torch.testing.assert_close(model.encode_image(pixels), halves[0]((pixels + 1) / 2))
        torch.testing.assert_close(model.decode(latent), 2 * halves[1](latent) - 1)
        assert torch.equal(model.encode_image(pixels, exact=True), encoded)
        assert torch.equal(model.decode(latent, exact=True), decoded)
    assert torch.equal(model.decode(latent), decoded)


def test_an_interrupted_picture_is_drawn_as_a_preview_where_the_setting_wants_that(make, taesd):
    quick = {"live_preview_fast_interrupt": True}
    cut = [
        make(wish(steps=4), taesd, control=Recorder(looks=True, words={2: "stop"}), **more)[0]
        for more in ({}, quick, {**quick, "show_progress_type": "TAESD"})
    ]
    usual, by_matrix, by_taesd = (picture(each.data) for each in cut)
    assert not any(each.complete for each in cut)
    assert usual.shape == by_matrix.shape == by_taesd.shape
    assert np.abs(usual - by_matrix).mean() > 1 and np.abs(by_taesd - by_matrix).mean() > 1
    whole = [make(wish(), taesd, **more)[0].data for more in ({}, quick)]
    assert whole[0] == whole[1]
