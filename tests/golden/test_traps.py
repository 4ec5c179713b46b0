"""The 55 things that A1111 numerics calls easy to get wrong: each has a test that fails on the
naive way.

Most stand beside what they test; the table says where. Those that need several parts together are
here, named by their number.
"""

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion import schedules, steps
from modules.diffusion.noise import make_generator
from modules.diffusion.noise_schedule import SigmaTable, alphas_cumprod
from modules.diffusion.samplers.table import SAMPLERS
from modules.engine import passes
from modules.engine.plan import Plan, make_plan
from modules.engine.walks import make_walk
from modules.generation.request import Hires, Init, Request
from modules.networks import text
from modules.networks.detect import detect
from modules.settings import Settings
from tests.tiny_checkpoint import checkpoint_shapes
from tests.unit.networks.chunks import chunk

TABLE = SigmaTable(alphas_cumprod())
SPEC = detect(dict(checkpoint_shapes()), {})
HERE = "test_trap_{:02}_"

BESIDE: dict[int, tuple[str, ...]] = {
    1: ("test_pixels_become_levels_by_truncation",),
    2: ("test_the_latent_mask_is_made_by_pils_own_filter",),
    3: ("test_an_inpainting_model_sees_the_mask_and_the_picture_without_what_it_covers",),
    4: ("test_levels_descend_in_fp32", "test_schedule_of_twenty_steps_has_the_originals_levels"),
    5: ("test_the_model_sees_a_scaled_latent_and_a_fractional_timestep",),
    6: ("test_alternation_says_the_first_word_twice_at_the_start",),
    7: ("test_the_first_text_holds_one_call_longer_and_comes_back_past_the_end",),
    8: ("test_second_order_samplers_count_their_calls_twice",),
    9: ("test_the_second_pass_counts_fractions_from_one_and_steps_from_the_first_passs_end",),
    10: (
        "test_an_image_of_a_batch_draws_as_if_alone",
        "test_euler_and_heun_with_churn_draw_at_every_step_even_unused_and_else_never",
        "test_ddim_draws_at_every_step_or_where_eta_is_zero_never",
    ),
    11: ("test_first_and_step_noise_of_a_pass",),
    13: ("test_slerp_runs_along_the_height",),
    14: ("test_a_variation_keeps_the_seed_and_moves_the_subseed",),
    16: ("test_ddim_never_asks_at_its_lowest_timestep", "test_ddim_timesteps"),
    18: ("test_img2img_step_counts",),
    19: ("test_img2img_step_counts", "test_the_second_pass_always_runs_all_its_steps"),
    20: ("test_discarding_drops_the_last_level_above_zero",),
    22: ("test_s_noise_has_no_effect_on_euler_a",),
    23: ("test_dpm_fast_walks_the_models_range_but_starts_as_the_schedule_does",),
    25: (
        "test_kl_optimal_ends_at_the_lowest_level_of_the_model",
        "test_the_ddim_schedule_may_take_more_steps",
        "test_one_step_of_align_your_steps_is_its_lowest_level",
    ),
    26: ("test_schedule_of_twenty_steps_has_the_originals_levels",),
    27: ("test_emphasis_keeps_the_mean_of_each_encoder_and_chunk_and_leaves_the_pooled_text",),
    28: ("test_an_embeddings_vectors_stand_in_for_tokens_before_positions",),
    29: (
        "test_clip_skip_stops_that_many_layers_early_and_norms",
        "test_clip_skip_reaches_sdxls_first_encoder_only_by_its_setting",
        "test_sd2_reads_the_last_layer_but_one_normed_whatever_clip_skip",
    ),
    31: ("test_a_prompt_is_cut_where_the_specification_cuts_it",),
    32: ("test_a_break_within_weighted_brackets_is_only_a_word",),
    33: ("test_and_splits_a_prompt_into_weighted_parts",),
    34: ("test_a_prompt_over_ten_steps_says_what_the_specification_lists",),
    35: ("test_only_an_empty_negative_prompt_is_nothing_to_sdxl",),
    36: ("test_sdxl_is_told_height_before_width_and_the_settings_crop_and_scores",),
    37: ("test_different_token_counts_take_two_calls_and_no_padding",),
    38: (
        "test_a_mask_keeps_the_original_in_x0_space",
        "test_a_mask_of_the_ddim_family_changes_only_what_the_model_sees",
    ),
    39: ("test_the_wide_mask_is_twice_as_strong_and_clipped",),
    40: ("test_a_region_grows_to_the_aspect_as_in_the_original",),
    41: ("test_the_engine_makes_the_recorded_pictures",),
    42: ("test_the_noise_multiplier_is_img2imgs_alone",),
    43: ("test_the_mode_is_the_mean_without_the_scale",),
    44: ("test_an_odd_feature_map_is_doubled_convolved_and_only_then_resized",),
    45: ("test_tiling_wraps_around_inside_and_leaves_nothing_behind",),
    46: (
        "test_a_checkpoints_own_noise_schedule_is_used",
        "test_only_sd1_and_sd2_take_a_noise_schedule_from_the_file",
    ),
    48: (
        "test_several_are_added_in_order_each_rounded_to_the_weights_precision",
        "test_lora_is_up_times_down_times_alpha_over_rank",
        "test_lokr_is_a_kronecker_product_of_whole_or_factored_matrices",
        "test_dora_gives_the_columns_lengths_of_their_own_before_the_multiplier",
    ),
    49: ("test_a_tag_in_the_negative_prompt_is_text",),
    50: (
        "test_fields_are_put_in_the_originals_order",
        "test_values_that_would_not_be_read_back_are_quoted",
    ),
    51: ("test_at_scale_one_the_negative_is_asked_for_only_where_it_has_a_part",),
    52: (
        "test_the_way_is_measured_in_timesteps_of_the_model",
        "test_another_model_may_take_over_between_calls_which_are_counted_on",
    ),
    53: ("test_an_overflow_in_fp16_is_repeated_in_fp32_which_stays",),
    54: ("test_filling_draws_the_edges_out", "test_the_engine_makes_the_recorded_pictures"),
    55: ("test_a_batch_equals_its_pictures_alone",),
}


def test_every_trap_has_a_test() -> None:
    names: set[str] = set()
    for file in Path(__file__).parents[1].rglob("test_*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for number in range(1, 56):
        beside = BESIDE.get(number, ())
        assert beside or any(name.startswith(HERE.format(number)) for name in names), number
        assert set(beside) <= names, (number, set(beside) - names)


def plan_of(**wish: Any) -> Plan:
    values: dict[str, Any] = {"seed": 5, "subseed": 7, "width": 64, "height": 64}
    request = Request(**values | wish)
    settings = Settings().with_changes({"randn_source": "CPU"})
    return make_plan(
        request, settings, SPEC, alphas_cumprod=alphas_cumprod(), on_cuda=False, styles={}
    )


def running(plan: Plan, number: int, begin: Tensor) -> passes.Running:
    """A pass over one picture from the latent `begin`, on a model that sees no noise."""
    cpu = torch.device("cpu")
    model: Any = SimpleNamespace(
        spec=SPEC, device=cpu, predict=lambda x, t, **_: torch.zeros_like(x)
    )
    conditioning: Any = None
    return passes.Running(
        plan.passes[number], plan, model, [0], conditioning, begin=passes.Beginning(begin)
    )


def test_trap_12_the_brownian_path_spans_the_whole_schedule_in_img2img(monkeypatch) -> None:
    spans = []

    class Spy(passes.BrownianNoise):
        def __init__(self, seeds: Any, shape: Any, sigmas: Tensor, **more: Any) -> None:
            spans.append((seeds, float(sigmas.max())))
            super().__init__(seeds, shape, sigmas, **more)

    monkeypatch.setattr(passes, "BrownianNoise", Spy)
    init = Init(images=("0" * 64,), denoising_strength=0.5)
    plan = plan_of(sampler_name="DPM++ SDE", steps=10, init=init)
    running(plan, 0, torch.zeros(1, 4, 8, 8))

    ((seeds, highest),) = spans
    assert seeds == [5] and highest == pytest.approx(TABLE.sigma_max)
    levels = plan.passes[0].walk.levels
    assert isinstance(levels, Tensor) and float(levels[0]) < 0.5 * highest


def test_trap_15_the_second_pass_draws_the_seeds_noise_afresh() -> None:
    hires = Hires(scale=1.5, denoising_strength=0.5)
    plan = plan_of(sampler_name="Euler", steps=10, hires=hires)
    start = torch.full((1, 4, 12, 12), 0.25)

    found = running(plan, 1, start)._first_latent()

    noise = make_generator("CPU", 5).randn((4, 12, 12))
    level = plan.passes[1].walk.start
    assert isinstance(level, Tensor) and torch.allclose(found[0], start[0] + noise * level)


def test_trap_17_ddims_img2img_is_noised_one_timestep_above_where_it_begins() -> None:
    all_of_them = steps.ddim_timesteps(20)
    plan = steps.timestep_plan(TABLE, 20, 10)
    assert plan.timesteps.tolist() == all_of_them[:10].tolist()
    assert plan.start_alpha == float(TABLE.alphas_cumprod[all_of_them[10]])


@pytest.mark.parametrize("sampler", ["DPM fast", "DPM adaptive"])
def test_trap_21_dpm_fast_and_adaptive_are_given_eta_one(sampler: str) -> None:
    walk = make_walk(sampler, "Automatic", 20, TABLE, Request(), Settings())
    assert walk.options["eta"] == 1.0 and "eta" in walk.entry.accepts


def test_trap_24_a_long_restart_walks_karras_levels_whatever_was_chosen() -> None:
    visited = {}
    for label in ("Karras", "Exponential"):
        levels: list[float] = []

        def denoise(x: Tensor, sigma: Tensor, levels: list[float] = levels) -> Tensor:
            levels.append(round(float(sigma), 4))
            return x * 0

        guided: Any = denoise
        sigmas = schedules.build(label, 24, TABLE)
        x = torch.zeros(1, 1, 2, 2)
        noise = lambda: torch.zeros(1, 1, 2, 2)  # noqa: E731
        list(SAMPLERS["Restart"].walk(guided, x, sigmas, noise=noise, options={}))
        visited[label] = levels
    assert visited["Karras"] == visited["Exponential"]


@pytest.mark.parametrize(("kind", "tail"), [("clip", 49407), ("open_clip", 0)])
def test_trap_30_open_clip_reads_nothing_after_the_first_end_mark_and_clip_ends(
    kind: str, tail: int, monkeypatch
) -> None:
    read: list[list[int]] = []

    class Seen(Exception):
        """The ids are known: nothing more is to be computed."""

    def spy(module: Any, ids: Tensor, *more: Any) -> Tensor:
        read.extend(ids.tolist())
        raise Seen

    monkeypatch.setattr(text, "_embedded", spy)
    norm = SimpleNamespace(weight=torch.zeros(1))
    encoder: Any = SimpleNamespace(
        module=SimpleNamespace(final_layer_norm=norm),
        spec=SimpleNamespace(kind=kind),
        layers_read=lambda *skips: 1,
    )
    with pytest.raises(Seen):
        text.encode([encoder], [[chunk(320, 321)], [chunk()]])
    assert read[0] == [49406, 320, 321, 49407, *[tail] * 73]
    assert read[1] == [49406, 49407, *[tail] * 75]


def test_trap_47_hires_sizes_are_cut_to_whole_numbers_and_to_no_multiple_of_eight() -> None:
    enlarging = plan_of(width=512, height=512, hires=Hires(scale=1.3)).enlarging
    assert enlarging is not None and (enlarging.width, enlarging.height) == (665, 665)
    both = plan_of(width=512, height=512, hires=Hires(resize_x=1920, resize_y=1080)).enlarging
    assert both is not None and (both.width, both.height, both.cut) == (1920, 1920, (0, 105))
