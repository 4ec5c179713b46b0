"""The page docs/settings.md, made from the table. Written anew by:

python -m modules.settings.reference > docs/settings.md
"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import Any

from modules.settings.option import Option, plain
from modules.settings.table import TABLE

# Keys of AUTOMATIC1111 that are no settings here, and why. A file or a client that holds them keeps
# them: they are stored and given back untouched.
LEFT_OUT: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "training is no part of the page",
        (
            "unload_models_when_training",
            "pin_memory",
            "save_optimizer_state",
            "save_training_settings_to_txt",
            "dataset_filename_word_regex",
            "dataset_filename_join_string",
            "training_image_repeats_per_epoch",
            "training_write_csv_every",
            "training_xattention_optimizations",
            "training_enable_tensorboard",
            "training_tensorboard_save_images",
            "training_tensorboard_flush_every",
        ),
    ),
    (
        "there is no interrogation",
        (
            "interrogate_keep_models_in_memory",
            "interrogate_return_ranks",
            "interrogate_clip_num_beams",
            "interrogate_clip_min_length",
            "interrogate_clip_max_length",
            "interrogate_clip_dict_limit",
            "interrogate_clip_skip_categories",
            "interrogate_deepbooru_score_threshold",
            "deepbooru_sort_alpha",
            "deepbooru_use_spaces",
            "deepbooru_escape",
            "deepbooru_filter_tags",
        ),
    ),
    (
        "the profiler is PyTorch's own, used from outside",
        (
            "profiling_enable",
            "profiling_activities",
            "profiling_record_shapes",
            "profiling_profile_memory",
            "profiling_with_stack",
            "profiling_filename",
        ),
    ),
    (
        "there are no extensions",
        (
            "disabled_extensions",
            "disable_all_extensions",
            "restore_config_state_file",
            "prioritized_callbacks_...",
        ),
    ),
    (
        "a canvas shows its whole picture by itself, lies over nothing else, and fills the page by "
        "a key of its own",
        ("canvas_hotkey_overlap", "canvas_auto_expand"),
    ),
    ("prompts always stand in the left column", ("compact_prompt_box",)),
    (
        "sizes and batch always stand in two dense rows, one below the other",
        ("dimensions_and_batch_together",),
    ),
    (
        "a preview shows what the picture becomes, by prompt and negative prompt together",
        ("live_preview_content",),
    ),
    ("SD 3 checkpoints are not read", ("sd3_enable_t5",)),
    ("without effect in the original, too", ("sd_checkpoint_cache",)),
    (
        "messages of libraries that are not used here, or are not shown",
        (
            "show_warnings",
            "show_gradio_deprecation_warnings",
            "print_hypernet_extra",
            "hide_ldm_prints",
            "enable_upscale_progressbar",
        ),
    ),
    (
        "always so here: what a picture is made without is logged and told on the page",
        ("lora_not_found_warning_console", "lora_not_found_gradio_warning"),
    ),
    ("memory is asked for when somebody wants to know it", ("memmon_poll_rate",)),
    (
        "the page has a look of its own, light or dark by easel_theme",
        ("gradio_theme", "gradio_themes_cache"),
    ),
)
# Settings whose default is another than AUTOMATIC1111's; each one's help says why.
OTHER_DEFAULTS: dict[str, Any] = {
    "api_enable_requests": True,
    "img2img_sketch_default_brush_color": "#ffffff",
    "img2img_inpaint_mask_brush_color": "#ffffff",
    "live_previews_image_format": "png",
    "show_progress_type": "Approx NN",
    "live_preview_refresh_period": 1000,
}
_HEAD = """# Settings

They are kept in `config.json` in the data folder, under AUTOMATIC1111's keys, and changed on the
Settings tab, by `POST /sdapi/v1/options`, or for one job by `override_settings`. A setting marked
with ○ is stored, but nothing reads it yet, so the Settings tab does not show it.
"""
_TABLE = "| key | default | values | meaning |\n|---|---|---|---|"
_LEFT_OUT_HEAD = """## Left out

Keys of AUTOMATIC1111 that are no settings here. A `config.json` or a client that has them keeps
them.
"""


def _shown(value: Any) -> str:
    text = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|")


def _values(row: Option) -> str:
    """What it takes besides its type."""
    if row.choices:
        return " / ".join(row.choices)
    if row.low is not None and row.high is not None:
        return f"{plain(row.low)} to {plain(row.high)}"
    return f"from {plain(row.low)}" if row.low is not None else ""


def _line(row: Option) -> str:
    """One row of a table: key, default, values, meaning."""
    mark = "" if row.built else " ○"
    meaning = row.label + (f". {row.help}" if row.help else "")
    if row.infotext:
        meaning += f" (Infotext: {row.infotext})"
    if row.key in OTHER_DEFAULTS:
        meaning += f" (AUTOMATIC1111: {_shown(OTHER_DEFAULTS[row.key])})"
    return f"| `{row.key}`{mark} | {_shown(row.default)} | {_values(row)} | {meaning} |"


def markdown() -> str:
    """The whole page."""
    parts = [_HEAD]
    shown = [row for row in TABLE if not row.hidden]
    for section, rows in groupby(shown, key=lambda row: (row.section_title, row.section)):
        lines = "\n".join(map(_line, rows))
        parts.append(f"## {section[0]} (`{section[1]}`)\n\n{_TABLE}\n{lines}\n")
    left_out = "".join(
        f"- {reason}: {', '.join(f'`{key}`' for key in keys)}\n" for reason, keys in LEFT_OUT
    )
    return "\n".join([*parts, _LEFT_OUT_HEAD, left_out])


if __name__ == "__main__":
    sys.stdout.write(markdown())
