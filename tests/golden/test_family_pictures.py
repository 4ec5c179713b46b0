"""Whole pictures of every family: each way of making one works, reproduces, and stands alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image

from modules.engine.checkpoints import Checkpoint, Sources
from modules.engine.engine import Output, generate
from modules.engine.start import posterior_noise
from modules.errors import RequestError
from modules.generation.infotext import parse
from modules.generation.request import Hires, Init, Mask, Request
from modules.networks.model import Model
from modules.pictures import edit
from modules.settings import Settings
from tests.golden.engine.conftest import Recorder
from tests.golden.test_turns import LEVEL, TOKENIZER, off, pixels, stored, wish
from tests.tiny_families import FAMILIES

PICTURE, PICTURES = stored(Image.linear_gradient("L").resize((64, 64)).convert("RGB"))
BOX = Image.new("L", (64, 64))
BOX.paste(255, (16, 16, 48, 48))
MASK, MASKS = stored(BOX)
STORED = PICTURES | MASKS
WAYS: dict[str, dict[str, Any]] = {
    "txt2img": {},
    "img2img": {"init": Init(images=(PICTURE,), denoising_strength=0.6)},
    "inpaint": {"init": Init(images=(PICTURE,), mask=Mask(image=MASK, fill=1, only_masked=False))},
    "hires": {"hires": Hires(scale=1.5, steps=2)},
    "hires of pixels": {"hires": Hires(scale=1.5, upscaler="Lanczos", steps=2)},
}
# Of each family that is asked for something of its own, one way in the default run.
USUAL = {
    ("sd2", "txt2img"),
    ("sd2-v", "hires"),
    ("sdxl", "hires of pixels"),
    ("sdxl-refiner", "img2img"),
    ("sd1-inpaint", "hires of pixels"),
    ("sd1-edit", "img2img"),
    ("sdxl-inpaint", "inpaint"),
}

Load = Callable[[str], Model]


def make(
    model: Model, request: Request, settings: dict[str, Any] | None = None, **more: Any
) -> list[Output]:
    outputs = generate(
        request,
        Settings().with_changes(settings or {}),
        model=model,
        tokenizer=TOKENIZER,
        input_bytes=STORED.__getitem__,
        indexes=range(request.image_count),
        control=Recorder(),
        sources=Sources(model_name="tiny", model_hash=lambda: "0123456789"),
        **more,
    )
    return list(outputs)


@pytest.mark.parametrize(
    ("family", "way"),
    [
        pytest.param(family, way, marks=[] if (family, way) in USUAL else [pytest.mark.full])
        for family in FAMILIES
        for way in WAYS
    ],
)
def test_each_family_makes_pictures_each_way(family_model: Load, family: str, way: str) -> None:
    """They reproduce, and a batch holds what its pictures are alone."""
    model = family_model(family)
    request = wish(steps=2, batch_size=2, **WAYS[way])

    batch = make(model, request)

    size = 96 if "hires" in way else 64
    assert all(pixels(output).shape == (size, size, 3) for output in batch)
    assert pixels(batch[0]).std() > 1 and off(batch[0], batch[1]) > 0
    (alone,) = make(model, wish(steps=2, seed=12, **WAYS[way]))
    assert off(batch[1], alone) <= LEVEL


class Calls:
    """Every call of a model's U-Net: what it was asked, with the answer passed on."""

    def __init__(self, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[dict[str, Any]] = []
        predict = model.predict

        def watched(x: torch.Tensor, t: torch.Tensor, **conditioning: Any) -> torch.Tensor:
            self.asked.append(conditioning)
            return predict(x, t, **conditioning)

        monkeypatch.setattr(model, "predict", watched)


def sizes(model: Model, vector: torch.Tensor) -> torch.Tensor:
    """The part of a row's vector that is not the pooled text."""
    return vector[model.spec.texts[-1].pooled_width :]


@pytest.mark.parametrize(
    ("family", "prompt", "negative"),
    [
        ("sdxl", (64, 96, 8, 16, 64, 96), (64, 96, 8, 16, 64, 96)),
        ("sdxl-refiner", (64, 96, 8, 16, 7.0), (64, 96, 8, 16, 2.0)),
    ],
)
def test_sdxl_is_told_height_before_width_and_the_settings_crop_and_scores(
    family_model: Load, monkeypatch: pytest.MonkeyPatch, family: str, prompt: Any, negative: Any
) -> None:
    model = family_model(family)
    calls = Calls(model, monkeypatch)
    settings = {"sdxl_crop_top": 8, "sdxl_crop_left": 16}
    settings |= {"sdxl_refiner_high_aesthetic_score": 7.0, "sdxl_refiner_low_aesthetic_score": 2.0}

    (output,) = make(model, wish(width=96, steps=1), settings)

    (asked,) = calls.asked
    for row, numbers in zip(asked["vector"], (prompt, negative), strict=True):
        assert torch.equal(sizes(model, row), model.size_vector(numbers))
    assert parse(output.picture.infotext).fields["SDXL crop left"] == "16"


def test_hires_fix_tells_sdxl_the_size_before_it_is_cut(
    family_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = family_model("sdxl")
    calls = Calls(model, monkeypatch)

    (output,) = make(model, wish(steps=1, hires=Hires(resize_x=72, resize_y=96, steps=1)))

    assert (output.picture.width, output.picture.height) == (72, 96)
    told = sizes(model, calls.asked[-1]["vector"][0])
    assert torch.equal(told, model.size_vector((96, 96, 0, 0, 96, 96)))


@pytest.mark.parametrize(("negative", "is_nothing"), [("", True), (" ", False), ("sea", False)])
@pytest.mark.parametrize("family", ["sdxl", "sdxl-refiner"])
def test_only_an_empty_negative_prompt_is_nothing_to_sdxl(
    family_model: Load,
    monkeypatch: pytest.MonkeyPatch,
    family: str,
    negative: str,
    is_nothing: bool,
) -> None:
    model = family_model(family)
    calls = Calls(model, monkeypatch)

    make(model, wish(steps=1, prompt="", negative_prompt=negative))

    tokens, vector = calls.asked[0]["cross_attention"], calls.asked[0]["vector"]
    pooled = vector[:, : -sizes(model, vector[0]).numel()]
    assert tokens[0].abs().max() > 0 and pooled[0].abs().max() > 0  # an empty prompt is a text
    assert (tokens[1].abs().max() == 0) == (pooled[1].abs().max() == 0) == is_nothing
    assert sizes(model, vector[1]).abs().max() > 0


def test_clip_skip_reaches_sdxls_first_encoder_only_by_its_setting(family_model: Load) -> None:
    model = family_model("sdxl")
    skip = {"CLIP_stop_at_last_layers": 3}

    (plain,), (skipped,) = make(model, wish()), make(model, wish(), skip)
    (felt,) = make(model, wish(), skip | {"sdxl_clip_l_skip": True})

    assert off(plain, skipped) == 0 < off(plain, felt)


def test_an_inpainting_model_sees_the_mask_and_the_picture_without_what_it_covers(
    family_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = family_model("sd1-inpaint")
    calls = Calls(model, monkeypatch)
    sharp = Mask(image=MASK, fill=1, only_masked=False, blur_x=0, blur_y=0)

    (output,) = make(model, wish(steps=1, init=Init(images=(PICTURE,), mask=sharp)))

    concat = calls.asked[0]["concat"]
    assert torch.equal(concat[0], concat[1])  # the negative prompt's is the same
    mask = torch.zeros(8, 8)
    mask[2:6, 2:6] = 1
    assert torch.equal(concat[0, 0], mask)
    pixels = edit.to_pixels(Image.linear_gradient("L").resize((64, 64)).convert("RGB"))
    pixels[:, :, 16:48, 16:48] = 0
    seen = model.encode_image(pixels, posterior_noise(0, 8, 8, 4))
    assert torch.allclose(concat[:1, 1:], seen, atol=1e-5)
    fields = parse(output.picture.infotext).fields
    assert fields["Conditional mask weight"] == "1.0" and "Image CFG scale" not in fields


def test_an_inpainting_model_sees_nothing_where_there_is_no_picture(
    family_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = family_model("sd1-inpaint")
    calls = Calls(model, monkeypatch)

    make(model, wish(steps=1))
    make(model, wish(steps=1, init=Init(images=(PICTURE,))))

    text, picture = (asked["concat"][0] for asked in calls.asked)
    grey = model.encode_image(torch.zeros(1, 3, 64, 64), posterior_noise(0, 8, 8, 4))[0]
    for seen in (text, picture):  # normalising a flat picture makes much of small errors
        assert bool((seen[0] == 1).all()) and torch.allclose(seen[1:], grey, atol=0.02)


@pytest.mark.parametrize("way", ["img2img", "hires", "hires of pixels"])
def test_less_mask_weight_shows_an_inpainting_model_more(
    family_model: Load, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    model = family_model("sd1-inpaint")
    calls = Calls(model, monkeypatch)

    (whole,) = make(model, wish(steps=2, **WAYS[way]))
    (half,) = make(model, wish(steps=2, **WAYS[way]), {"inpainting_mask_weight": 0.5})

    concats = [asked["concat"][0] for asked in calls.asked]
    last, before = concats[-1], concats[len(concats) // 2 - 1]
    assert torch.equal(last[0], before[0]) and not torch.equal(last[1:], before[1:])
    assert off(whole, half) > 0
    assert parse(half.picture.infotext).fields["Conditional mask weight"] == "0.5"


def test_only_sdxls_inpainting_models_see_a_soft_mask_rounded(
    family_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft = Mask(image=MASK, fill=1, only_masked=False, blur_x=8, blur_y=8, round=False)
    request = wish(steps=1, init=Init(images=(PICTURE,), mask=soft))
    levels = {}
    for family in ("sd1-inpaint", "sdxl-inpaint"):
        model = family_model(family)
        calls = Calls(model, monkeypatch)
        make(model, request)
        levels[family] = len(calls.asked[0]["concat"][0, 0].unique())

    assert levels["sdxl-inpaint"] == 2 < levels["sd1-inpaint"]


def test_an_edit_model_is_asked_three_times_when_its_picture_has_a_scale(
    family_model: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = family_model("sd1-edit")
    calls = Calls(model, monkeypatch)
    scaled = Init(images=(PICTURE,), image_cfg_scale=1.5)

    (edited,) = make(model, wish(steps=2, init=scaled))
    (plain,) = make(model, wish(steps=2, init=Init(images=(PICTURE,), image_cfg_scale=1.0)))

    rows, last = calls.asked[0]["concat"], calls.asked[-1]["concat"]
    pixels = edit.to_pixels(Image.linear_gradient("L").resize((64, 64)).convert("RGB"))
    assert torch.allclose(rows[0], model.encode_image_mode(pixels)[0], atol=1e-5)
    assert torch.equal(rows[0], rows[1]) and rows[2].abs().max() == 0 and len(last) == 2
    assert off(edited, plain) > 0
    assert parse(edited.picture.infotext).fields["Image CFG scale"] == "1.5"


def test_an_edit_model_with_a_scaled_picture_takes_no_and(family_model: Load) -> None:
    init = Init(images=(PICTURE,), image_cfg_scale=1.5)

    with pytest.raises(RequestError, match="image_cfg_scale to 1") as refusal:
        make(family_model("sd1-edit"), wish(prompt="a AND b", init=init))

    assert refusal.value.field == "prompt"


def test_an_image_scale_means_nothing_to_other_models(family_model: Load) -> None:
    init = Init(images=(PICTURE,), image_cfg_scale=1.5)

    (made,) = make(family_model("sd2"), wish(init=init))

    (plain,) = make(family_model("sd2"), wish(init=Init(images=(PICTURE,))))
    assert made.data == plain.data


def shelf(models: dict[str, Model]) -> Callable[[str, str], Checkpoint]:
    """The checkpoints of those families by their names; "" is the first."""

    def found(name: str, field: str) -> Checkpoint:
        name = name or next(iter(models))
        model = models[name]
        return Checkpoint(
            key=name,
            spec=model.spec,
            alphas_cumprod=model.alphas_cumprod,
            sources=Sources(model_name=name, model_hash=lambda: None),
            open=lambda: model,
        )

    return found


@pytest.mark.parametrize(
    "way", ["img2img", *(pytest.param(w, marks=pytest.mark.full) for w in ("txt2img", "hires"))]
)
def test_sdxls_refiner_goes_on_with_its_own_sizes_and_scores(
    family_model: Load, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    names = ("sdxl", "sdxl-refiner")
    models = {name: family_model(name) for name in names}
    asked = {name: Calls(model, monkeypatch) for name, model in models.items()}
    request = wish(
        refiner_checkpoint="sdxl-refiner", refiner_switch_at=0.5, batch_size=2, **WAYS[way]
    )

    batch = make(models["sdxl"], request, checkpoints=shelf(models))

    side = 96 if "hires" in way else 64
    refined = asked["sdxl-refiner"].asked
    assert asked["sdxl"].asked and refined
    told = models["sdxl-refiner"].size_vector((side, side, 0, 0, 6.0))
    assert torch.equal(sizes(models["sdxl-refiner"], refined[0]["vector"][0]), told)
    again = make(models["sdxl"], request, checkpoints=shelf(models))
    assert [one.data for one in batch] == [one.data for one in again]
    assert parse(batch[0].picture.infotext).fields["Refiner"] == "sdxl-refiner"


def test_hires_fix_may_go_over_to_another_family_by_way_of_a_picture(family_model: Load) -> None:
    """From SD 1 to SDXL, whose latents differ; a latent can't be handed over."""
    models = {name: family_model(name) for name in ("sd1", "sdxl", "sd1-inpaint")}
    for other in ("sdxl", "sd1-inpaint"):
        hires = Hires(scale=1.5, upscaler="Lanczos", steps=2, checkpoint=other)
        first, second = (
            make(models["sd1"], wish(steps=2, hires=hires), checkpoints=shelf(models))
            for _ in range(2)
        )
        assert first[0].data == second[0].data and pixels(first[0]).shape == (96, 96, 3)
    with pytest.raises(RequestError, match="upscaler of pictures"):
        hires = Hires(scale=1.5, upscaler="Latent", checkpoint="sdxl")
        make(models["sd1"], wish(hires=hires), checkpoints=shelf(models))


@pytest.mark.full
def test_no_family_leaves_a_trace_in_anothers_pictures(family_model: Load) -> None:
    names = ("sd1-inpaint", "sdxl", "sd2-v", "sdxl-refiner")
    before = [make(family_model(name), wish(steps=1))[0].data for name in names]
    for name in names:
        make(family_model(name), wish(steps=1, width=96, **WAYS["hires of pixels"]))

    after = [make(family_model(name), wish(steps=1))[0].data for name in reversed(names)]

    assert before == after[::-1]
