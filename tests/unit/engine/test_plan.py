"""Plans: what a request means once all doubt is gone."""

from dataclasses import fields, replace
from typing import Any

import pytest
import torch

from modules.diffusion.noise_schedule import alphas_cumprod
from modules.engine.plan import Plan, enlarging_of, make_plan
from modules.errors import NotBuiltError, RequestError, UnknownNameError
from modules.generation.request import Hires, Init, Request
from modules.generation.styles import Style
from modules.networks.detect import detect
from modules.settings import Settings
from tests.tiny_checkpoint import checkpoint_shapes

SPEC = detect(dict(checkpoint_shapes()), {})
IMAGE = "0" * 64


def plan_of(*, known_styles=None, on_cuda=False, spec=SPEC, settings=None, **wish: Any) -> Plan:
    values: dict[str, Any] = {"seed": 5, "subseed": 7}
    return make_plan(
        Request(**values | wish),
        Settings().with_changes(settings or {}),
        spec,
        alphas_cumprod=alphas_cumprod(),
        on_cuda=on_cuda,
        styles=known_styles or {},
    )


def final_size(plan: Plan) -> tuple[int, int]:
    """(width, height) in pixels of what the last pass makes."""
    return plan.passes[-1].width, plan.passes[-1].height


def test_a_size_is_floored_to_whole_latent_cells_and_remembered_as_asked():
    plan = plan_of(width=99, height=71)

    assert final_size(plan) == (96, 64)
    assert plan.asked_size == (99, 71)


def test_a_request_without_a_size_gets_the_checkpoints_own():
    spec = replace(SPEC, default_size=(768, 640))

    assert final_size(plan_of(spec=spec)) == (768, 640)
    assert final_size(plan_of(spec=spec, width=512, height=512)) == (512, 512)


def test_every_picture_has_its_own_seed():
    plan = plan_of(batch_size=2, n_iter=2)

    assert plan.seeds == (5, 6, 7, 8)
    assert plan.subseeds == (7, 8, 9, 10)


def test_a_variation_keeps_the_seed_and_moves_the_subseed():
    plan = plan_of(n_iter=3, subseed_strength=0.2)

    assert plan.seeds == (5, 5, 5)
    assert plan.subseeds == (7, 8, 9)


def test_a_variation_of_a_single_row_of_latent_is_refused_before_it_gives_nan():
    with pytest.raises(RequestError, match="raise the height"):
        plan_of(height=8, width=64, subseed_strength=0.2)
    assert plan_of(height=16, width=64, subseed_strength=0.2).subseed_strength == 0.2


def test_seeds_may_not_run_over_the_largest():
    with pytest.raises(RequestError, match="last seed"):
        plan_of(seed=2**64 - 2, n_iter=3)


def test_a_request_whose_seed_was_not_drawn_is_our_own_mistake():
    with pytest.raises(AssertionError):
        plan_of(seed=-1)


@pytest.mark.parametrize(
    ("setting", "on_cuda", "source"),
    [
        ("GPU", True, "GPU"),
        ("GPU", False, "NV"),
        ("CPU", True, "CPU"),
        ("NV", True, "NV"),
    ],
)
def test_noise_of_a_card_is_computed_as_a_card_would_where_there_is_none(setting, on_cuda, source):
    plan = plan_of(on_cuda=on_cuda, settings={"randn_source": setting})

    assert plan.noise_source == source


def test_noise_of_a_card_can_be_the_processors_own():
    assert plan_of(settings={"easel_portable_gpu_noise": False}).noise_source == "CPU"


def test_a_plan_leaves_nothing_automatic():
    plan = plan_of(n_iter=2, init=Init(images=(IMAGE,)), width=64, height=64)

    walk = plan.passes[0].walk
    assert walk.sampler == "DPM++ 2M"
    assert walk.fields["Schedule type"] == "Karras"
    empty = {entry.name for entry in fields(plan) if getattr(plan, entry.name) in (None, -1)}
    absent = {"hires", "enlarging", "seed_resize", "first_picture"}
    assert empty <= absent | {"image_cfg_scale", "mask_weight"}


def test_styles_come_before_comments_and_tags():
    styles = {"oil": Style("oil", "{prompt} in oil # by hand", "photo")}

    plan = plan_of(prompt="a pear <lora:x:0.5>", styles=("oil",), known_styles=styles)

    texts = plan.passes[0].texts
    assert texts.positive == "a pear <lora:x:0.5> in oil \n"
    assert texts.encoded == "a pear  in oil \n"
    assert texts.negative == "photo"


def test_networks_of_the_settings_join_the_prompt_and_so_its_infotext():
    chosen = {"sd_lora": "ink", "sd_hypernetwork": "h", "extra_networks_default_multiplier": 0.5}

    texts = plan_of(prompt="a pear", settings=chosen).passes[0].texts
    assert texts.positive == "a pear<lora:ink:0.5><hypernet:h:0.5>"
    assert texts.encoded == "a pear" and [tag.kind for tag in texts.tags] == ["lora", "hypernet"]

    own = plan_of(prompt="<lyco:ink:1> a pear", settings={"sd_lora": "ink"}).passes[0].texts
    assert own.positive == "<lyco:ink:1> a pear"


def test_where_networks_are_disabled_their_tags_mean_nothing_but_are_no_words_either():
    plan = plan_of(
        prompt="a <lora:x> pear", settings={"sd_lora": "ink"}, disable_extra_networks=True
    )

    texts = plan.passes[0].texts
    assert (texts.positive, texts.encoded, texts.tags) == ("a <lora:x> pear", "a  pear", ())


def test_a_tag_in_the_negative_prompt_is_text():
    texts = plan_of(prompt="a", negative_prompt="<lora:x:1> b").passes[0].texts

    assert texts.negative == "<lora:x:1> b" and texts.tags == ()


def test_what_the_picture_is_made_without_is_told():
    plan = plan_of(
        prompt="a pear",
        styles=("nope",),
        settings={"token_merging_ratio": 0.5},
    )

    told = " | ".join(plan.warnings)
    assert "nope" in told and "token_merging_ratio" in told


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"restore_faces": True}, "restore_faces"),
        ({"script_name": "x/y plot"}, "script_name"),
        ({"alwayson_scripts": {"ControlNet": {}}}, "alwayson_scripts"),
        ({"hires": Hires(upscaler="R-ESRGAN 4x+")}, "hr_upscaler"),
    ],
)
def test_what_is_not_built_is_refused_by_its_field(wish, field):
    with pytest.raises(NotBuiltError) as refusal:
        plan_of(**wish)

    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"sampler_name": "Oiler"}, "sampler_name"),
        ({"scheduler": "Carras"}, "scheduler"),
        ({"hires": Hires(upscaler="Lancos")}, "hr_upscaler"),
        ({"hires": Hires(sampler_name="Oiler")}, "hr_sampler_name"),
    ],
)
def test_an_unknown_name_is_refused_by_its_field(wish, field):
    with pytest.raises(UnknownNameError) as refusal:
        plan_of(**wish)

    assert refusal.value.field == field


# A1111 numerics, test vectors: width, height, X, Y -> enlarged width, height, cut across, down.
@pytest.mark.parametrize(
    ("size", "hires", "expected"),
    [
        ((512, 768), Hires(resize_x=1024, resize_y=1024), (1024, 1536, 0, 64)),
        ((768, 512), Hires(resize_x=1024, resize_y=1024), (1536, 1024, 64, 0)),
        ((512, 512), Hires(resize_x=1920, resize_y=1080), (1920, 1920, 0, 105)),
        ((512, 768), Hires(resize_x=1000), (1000, 1500, 0, 0)),
        ((512, 768), Hires(resize_y=1000), (666, 1000, 0, 0)),
        ((512, 512), Hires(scale=1.3), (665, 665, 0, 0)),
        ((512, 768), Hires(scale=1.55), (793, 1190, 0, 0)),
    ],
)
def test_hires_sizes_are_those_of_the_original(size, hires, expected):
    enlarging = enlarging_of(hires, size[0], size[1], SPEC)

    assert (enlarging.width, enlarging.height, *enlarging.cut) == expected


def test_the_second_pass_always_runs_all_its_steps():
    hires = Hires(steps=6, denoising_strength=0.3, sampler_name="DPM++ SDE", prompt="b")

    plan = plan_of(prompt="a", width=64, height=64, hires=hires, sampler_name="Euler", steps=9)

    second = plan.passes[1]
    assert (second.width, second.height) == (128, 128)
    assert second.walk.expected_steps == 6
    assert second.hires_steps == 12
    assert second.texts.positive == "b"
    assert plan.expected_steps == 9 + 6


def test_a_second_pass_walks_all_levels_whatever_the_first_one_walked():
    hires = Hires(steps=2, sampler_name="Euler")

    first, second = plan_of(hires=hires, sampler_name="LCM", steps=4).passes
    again = plan_of(hires=Hires(steps=2), sampler_name="LCM", steps=4).passes[1]

    assert [len(each.walk.table.sigmas) for each in (first, second, again)] == [50, 1000, 50]


def test_a_first_picture_leaves_only_the_second_pass_to_run():
    plan = plan_of(hires=Hires(firstpass_image=IMAGE, steps=6), steps=9)

    assert (list(plan.passes_run), plan.expected_steps) == ([1], 6)


def test_the_noise_multiplier_is_img2imgs_alone():
    settings = {"initial_noise_multiplier": 0.8, "img2img_extra_noise": 0.1}

    image = plan_of(init=Init(images=(IMAGE,)), settings=settings).passes[0]
    text = plan_of(settings=settings).passes[0]

    assert (image.noise_multiplier, image.extra_noise) == (0.8, 0.1)
    assert (text.noise_multiplier, text.extra_noise) == (1.0, 0.0)


def test_a_noise_schedule_of_the_checkpoint_is_used():
    request = Request(seed=1, subseed=1, sampler_name="Euler", width=64, height=64)
    alphas = alphas_cumprod() * 0.9

    plan = make_plan(request, Settings(), SPEC, alphas_cumprod=alphas, on_cuda=False, styles={})

    highest = ((1 - alphas[-1]) / alphas[-1]).sqrt()
    start = plan.passes[0].walk.start
    assert isinstance(start, torch.Tensor) and torch.allclose(start, highest)


def test_the_old_setting_makes_width_and_height_the_final_size():
    settings = {"use_old_hires_fix_width_height": True}
    plan = plan_of(width=1024, height=768, hires=Hires(), settings=settings)

    assert plan.asked_size == (640, 448)
    assert final_size(plan) == (1024, 768) and plan.enlarging is not None
    assert (plan.enlarging.width, plan.enlarging.height) == (1097, 768)
    plain = plan_of(width=640, height=448, hires=Hires(resize_x=1024, resize_y=768))
    assert final_size(plan) == final_size(plain)


def test_the_old_setting_leaves_a_request_alone_that_says_what_to_resize_to():
    settings = {"use_old_hires_fix_width_height": True}
    hires = Hires(resize_x=1024, resize_y=768)
    assert plan_of(width=640, height=448, hires=hires, settings=settings).asked_size == (640, 448)
    assert plan_of(width=640, height=448, settings=settings).asked_size == (640, 448)
