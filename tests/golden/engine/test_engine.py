"""The one road to a picture, on a small checkpoint of random weights."""

import hashlib
import io
import threading
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from modules.engine.engine import Output, generate
from modules.engine.fields import Sources
from modules.errors import EaselError, ImageError, NotBuiltError
from modules.generation.infotext import parse
from modules.generation.request import Hires, Init, Mask, Request
from modules.pictures.metadata import read_infotext
from modules.settings import Settings
from tests.golden.engine.conftest import Recorder

# What the arithmetic of a larger batch may do to a picture: one level of 255.
BATCH_TOLERANCE = 1


def wish(**changes: Any) -> Request:
    values: dict[str, Any] = {
        "prompt": "a pear",
        "seed": 11,
        "subseed": 3,
        "width": 64,
        "height": 64,
        "steps": 2,
    }
    values |= {"sampler_name": "Euler"} | changes
    return Request(**values)


def pixels(output: Output) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(output.data)).convert("RGB"), np.int16)


def stored(image: Image.Image) -> tuple[str, dict[str, bytes]]:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    return sha256, {sha256: buffer.getvalue()}


def gradient(width: int = 64, height: int = 64) -> Image.Image:
    rows, columns = np.mgrid[0:height, 0:width]
    values = np.stack([columns * 255 // width, rows * 255 // height, 0 * rows + 90], -1)
    return Image.fromarray(values.astype(np.uint8))


def box_mask(box=(16, 16, 48, 48), size=(64, 64)) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, box)
    return mask


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ SDE", "DDIM"])
def test_the_same_request_twice_gives_the_same_bytes(make, sampler):
    request = wish(sampler_name=sampler)

    first, second = make(request)[0], make(request)[0]

    assert first.data == second.data
    assert pixels(first).std() > 0


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M", "DPM++ SDE", "UniPC"])
def test_a_batch_equals_its_pictures_alone(make, sampler):
    batch = make(wish(sampler_name=sampler, batch_size=2, steps=3))

    for index, output in enumerate(batch):
        (alone,) = make(wish(sampler_name=sampler, seed=11 + index, steps=3))
        assert np.abs(pixels(output) - pixels(alone)).max() <= BATCH_TOLERANCE
    assert np.abs(pixels(batch[0]) - pixels(batch[1])).max() > 20


def test_a_picture_does_not_depend_on_which_others_are_made(make):
    request = wish(batch_size=2, n_iter=2, sampler_name="Euler a")

    whole = make(request)
    missing = make(request, indexes=[1, 3])

    assert [output.picture.index for output in missing] == [1, 3]
    assert [output.picture.seed for output in missing] == [12, 14]
    for output in missing:
        there = whole[output.picture.index]
        assert np.abs(pixels(there) - pixels(output)).max() <= BATCH_TOLERANCE


def test_the_prompts_the_scale_and_the_seed_each_change_the_picture(make):
    base = pixels(make(wish())[0])

    for change in ({"prompt": "a castle"}, {"negative_prompt": "sea"}, {"seed": 12}):
        assert np.abs(pixels(make(wish(**change))[0]) - base).max() > 0, change
    assert np.abs(pixels(make(wish(cfg_scale=20.0))[0]) - base).max() > 0


@pytest.mark.parametrize("sampler", ["Euler", "DPM++ 2M"])
def test_at_scale_one_the_picture_is_that_of_both_rows_but_for_rounding(make, sampler):
    one = pixels(make(wish(sampler_name=sampler, cfg_scale=1.0))[0])
    other = pixels(make(wish(sampler_name=sampler, cfg_scale=1.0, negative_prompt="sea"))[0])
    both = pixels(make(wish(sampler_name=sampler, cfg_scale=1.000001))[0])

    assert np.abs(one - both).max() <= 1 and (one != both).mean() < 0.001
    assert np.array_equal(one, other)


def test_a_file_carries_its_infotext_and_the_picture_record_says_the_same(make):
    (output,) = make(wish(negative_prompt="sea", scheduler="Karras"))

    told = read_infotext(output.data)[0]
    fields = parse(output.picture.infotext).fields
    assert told == output.picture.infotext
    assert fields["Schedule type"] == "Karras" and fields["RNG"] == "NV"
    assert fields["Model hash"] == "0123456789" and fields["Model"] == "tiny"
    assert (fields["Size-1"], fields["Seed"], fields["Steps"]) == ("64", "11", "2")
    assert fields["Version"].startswith("v1.10.1-easel-")


def test_infotext_is_left_out_of_the_file_when_it_is_not_wanted(make):
    (output,) = make(wish(), settings=Settings().with_changes({"enable_pnginfo": False}))

    assert read_infotext(output.data)[0] is None
    assert output.picture.infotext


def test_the_summary_comes_once_with_the_warnings(make):
    summaries = []

    make(wish(prompt="<lora:ink:1> a pear", n_iter=2), summaries=summaries)

    (summary,) = summaries
    assert summary.model_hash == "0123456789" and summary.sampler_name == "Euler"
    assert any("ink" in warning for warning in summary.warnings)
    assert summary.extra_generation_params["Missing networks"] == "ink"


def test_progress_counts_the_steps_of_each_batch(make):
    control = Recorder()

    make(wish(n_iter=2, steps=3), control=control)

    assert control.progress_calls == [
        (0, 1, 3),
        (0, 2, 3),
        (0, 3, 3),
        (1, 1, 3),
        (1, 2, 3),
        (1, 3, 3),
    ]


def test_previews_are_made_only_for_who_looks(make):
    blind, looking = Recorder(), Recorder(looks=True)

    first = make(wish(), control=blind)
    second = make(wish(), control=looking)

    assert not blind.previews and len(looking.previews) == 2
    assert Image.open(io.BytesIO(looking.previews[0])).format == "JPEG"
    assert first[0].data == second[0].data


def test_stop_ends_the_job_with_the_picture_as_far_as_it_came(make):
    control = Recorder(words={2: "stop"})

    outputs = make(wish(n_iter=3, steps=5), control=control)

    assert [output.complete for output in outputs] == [False]
    assert len(control.progress_calls) == 2


def test_skip_goes_on_with_the_next_batch(make):
    control = Recorder(words={1: "skip"})

    outputs = make(wish(n_iter=2, steps=3), control=control)

    assert [output.complete for output in outputs] == [False, True]


def test_stop_before_the_first_step_makes_nothing(make):
    assert make(wish(), control=Recorder(words={0: "stop"})) == []
    assert make(wish(), control=Recorder(between="stop")) == []


def test_the_next_picture_is_begun_while_the_hash_is_still_unknown(model, tokenizer):
    second_begun = threading.Event()

    class Watching(Recorder):
        def progress(self, image_index, step, steps):
            super().progress(image_index, step, steps)
            if image_index == 1:
                second_begun.set()

    def hash_when_known():
        return "abcdef0123" if second_begun.wait(20) else "too late"

    outputs = generate(
        wish(n_iter=2),
        Settings(),
        model=model,
        tokenizer=tokenizer,
        input_bytes={}.__getitem__,
        indexes=[0, 1],
        control=Watching(),
        sources=Sources(model_name="tiny", model_hash=hash_when_known),
    )

    assert "Model hash: abcdef0123" in next(outputs).picture.infotext


def test_a_finished_picture_is_not_lost_when_the_next_one_fails(model, tokenizer, monkeypatch):
    failed = threading.Event()
    predict, calls = model.predict, []

    def failing(x, t, **conditioning):
        calls.append(t)
        if len(calls) > 2:
            failed.set()
            raise MemoryError
        return predict(x, t, **conditioning)

    def hash_after_the_failure():
        failed.wait(20)
        return "abcdef0123"

    monkeypatch.setattr(model, "predict", failing)
    outputs = generate(
        wish(n_iter=2),
        Settings(),
        model=model,
        tokenizer=tokenizer,
        input_bytes={}.__getitem__,
        indexes=[0, 1],
        control=Recorder(),
        sources=Sources(model_name="tiny", model_hash=hash_after_the_failure),
    )

    assert next(outputs).picture.index == 0
    with pytest.raises(MemoryError):
        next(outputs)


def test_a_network_that_gives_only_nan_is_named_with_a_remedy(make, model, monkeypatch):
    nothing = lambda x, t, **conditioning: torch.full_like(x, float("nan"))  # noqa: E731
    monkeypatch.setattr(model, "predict", nothing)

    with pytest.raises(EaselError, match="U-Net.*NaN.*--no-half"):
        make(wish())


def test_img2img_at_no_strength_gives_the_start_picture_back(make, model):
    sha256, pictures = stored(gradient())
    init = Init(images=(sha256,), denoising_strength=0.0)
    exact = Settings().with_changes({"img2img_fix_steps": True})

    (output,) = make(wish(init=init), settings=exact, pictures=pictures)
    (other,) = make(wish(init=init, seed=99), settings=exact, pictures=pictures)

    assert np.array_equal(pixels(output), pixels(other))


def test_img2img_depends_on_the_picture_and_the_strength(make):
    sha256, pictures = stored(gradient())
    other, more = stored(Image.new("RGB", (64, 64), "red"))
    pictures |= more

    def made(name, strength):
        init = Init(images=(name,), denoising_strength=strength)
        return pixels(make(wish(init=init, steps=4), pictures=pictures)[0])

    assert np.abs(made(sha256, 0.5) - made(other, 0.5)).max() > 0
    assert np.abs(made(sha256, 0.5) - made(sha256, 0.9)).max() > 0


def test_each_picture_of_a_batch_may_start_from_its_own(make):
    first, pictures = stored(gradient())
    second, more = stored(Image.new("RGB", (64, 64), "red"))
    request = wish(init=Init(images=(first, second)), batch_size=2, steps=4)

    both = make(request, pictures=pictures | more)

    (alone,) = make(wish(init=Init(images=(second,)), seed=12, steps=4), pictures=more)
    assert np.abs(pixels(both[1]) - pixels(alone)).max() <= BATCH_TOLERANCE


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_every_resize_mode_gives_the_size_that_was_asked_for(make, mode):
    sha256, pictures = stored(gradient(90, 50))
    init = Init(images=(sha256,), resize_mode=mode)

    (output,) = make(wish(init=init, width=72, height=64), pictures=pictures)

    assert (output.picture.width, output.picture.height) == (72, 64)
    assert pixels(output).shape == (64, 72, 3)


def test_a_start_picture_that_is_no_picture_is_refused(make):
    name = "a" * 64

    with pytest.raises(ImageError) as refusal:
        make(wish(init=Init(images=(name,))), pictures={name: b"no picture"})

    assert refusal.value.field == "init_images"


def test_inpainting_leaves_what_is_not_masked_as_it_was(make):
    sha256, pictures = stored(gradient())
    mask, more = stored(box_mask())
    init = Init(images=(sha256,), mask=Mask(image=mask, fill=1, only_masked=False))

    (output,) = make(wish(init=init, steps=4), pictures=pictures | more)

    off = np.abs(pixels(output) - np.asarray(gradient(), np.int16))
    assert off[:6].max() == 0 and off[:, :6].max() == 0  # the blur reaches ten pixels out
    assert off[24:40, 24:40].max() > 10


def test_inpainting_only_the_masked_part_keeps_the_pictures_own_size(make):
    sha256, pictures = stored(gradient(160, 128))
    mask, more = stored(box_mask((64, 48, 96, 80), (160, 128)))
    init = Init(images=(sha256,), mask=Mask(image=mask, fill=1, padding=8))

    (output,) = make(wish(init=init, steps=4), pictures=pictures | more)

    assert (output.picture.width, output.picture.height) == (160, 128)
    off = np.abs(pixels(output) - np.asarray(gradient(160, 128), np.int16))
    assert off[:30].max() == 0 and off[60:70, 75:85].max() > 10
    assert "Inpaint area: Only masked, Masked area padding: 8" in output.picture.infotext


def test_an_empty_mask_for_only_masked_makes_the_whole_picture_anew(make):
    sha256, pictures = stored(gradient())
    mask, more = stored(Image.new("L", (64, 64)))

    (masked,) = make(
        wish(init=Init(images=(sha256,), mask=Mask(image=mask))), pictures=pictures | more
    )
    (plain,) = make(wish(init=Init(images=(sha256,))), pictures=pictures)

    assert np.array_equal(pixels(masked), pixels(plain))


@pytest.mark.parametrize("fill", [0, 2, 3])
def test_fill_modes_differ_from_the_original_content(make, fill):
    sha256, pictures = stored(gradient())
    mask, more = stored(box_mask())

    def made(mode):
        chosen = Mask(image=mask, fill=mode, only_masked=False)
        init = Init(images=(sha256,), mask=chosen, denoising_strength=0.4)
        return pixels(make(wish(init=init, steps=5), pictures=pictures | more)[0])

    assert np.abs(made(fill) - made(1)).max() > 2


def test_a_latent_resize_takes_a_mask_of_any_fill(make):
    sha256, pictures = stored(gradient(90, 50))
    mask, more = stored(box_mask(size=(90, 50)))
    chosen = Mask(image=mask, fill=0, only_masked=False)

    (output,) = make(
        wish(init=Init(images=(sha256,), resize_mode=3, mask=chosen)), pictures=pictures | more
    )

    assert (output.picture.width, output.picture.height) == (64, 64)


@pytest.mark.parametrize("upscaler", ["Latent", "Latent (nearest-exact)", "Lanczos", "Nearest"])
def test_hires_fix_makes_the_larger_picture(make, upscaler):
    request = wish(hires=Hires(scale=1.5, upscaler=upscaler, steps=2))
    control = Recorder()

    (output,) = make(request, control=control)

    assert (output.picture.width, output.picture.height) == (96, 96)
    assert control.progress_calls[-1] == (0, 4, 4)
    assert f"Hires steps: 2, Hires upscaler: {upscaler}" in output.picture.infotext
    assert "Size: 64x64" in output.picture.infotext


def test_hires_fix_in_a_batch_equals_its_pictures_alone(make):
    hires = Hires(scale=1.5, upscaler="Lanczos", steps=2)

    batch = make(wish(hires=hires, batch_size=2))
    (alone,) = make(wish(hires=hires, seed=12))

    assert np.abs(pixels(batch[1]) - pixels(alone)).max() <= BATCH_TOLERANCE


def test_a_tiling_picture_differs_and_the_model_is_left_as_it_was(make):
    before = make(wish())[0].data

    tiled = make(wish(tiling=True))[0].data

    assert pixels_of(tiled) != pixels_of(before)
    assert make(wish())[0].data == before


def pixels_of(data: bytes) -> bytes:
    return Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def test_nothing_is_made_of_a_request_that_can_not_be_planned(make):
    control = Recorder()

    with pytest.raises(NotBuiltError):
        make(wish(restore_faces=True), control=control)

    assert control.progress_calls == []
