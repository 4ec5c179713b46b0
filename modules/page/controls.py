"""The controls that txt2img and img2img share, with A1111's labels, ranges and element ids
(interface 4, 5).

Makes records only; what a press on a button does lies in `generate` and in static/form-links.js.
The second pass and the styles have files of their own.
"""

from __future__ import annotations

from modules.generation.choices import AUTOMATIC, SAMPLERS, SCHEDULES
from modules.page.fields import Field, checkbox, dropdown, number, radio, slider, textbox
from modules.page.layout import Form
from modules.settings import Settings


def prompts(form: Form) -> None:
    """Prompt and negative prompt, each with its token counter."""
    tab = form.tab
    rows = (
        ("prompt", "Prompt", "prompt", "Describe the picture. Ctrl+Enter generates."),
        ("negative_prompt", "Negative prompt", "neg_prompt", "What the picture should not show."),
    )
    for name, label, part, hint in rows:
        box = textbox(
            label,
            # The picture below needs the room in img2img.
            lines=2 if tab == "img2img" else 3,
            max_lines=12,
            placeholder=hint,
            elem_id=f"{tab}_{part}",
            classes=("easel-prompt",),
        )
        form.add(name, box)
        form.tokens(f"{box.elem_id}_tokens")


def shown_samplers(settings: Settings) -> list[str]:
    """The menus' samplers, without those that the setting hides; all where it hides every one."""
    built = [row.label for row in SAMPLERS if row.built]
    hidden = settings.sampler_params.hide_samplers
    return [label for label in built if label not in hidden] or built


def sampling(form: Form, settings: Settings) -> None:
    """Sampler, schedule, steps."""
    tab = form.tab
    samplers = shown_samplers(settings)
    schedules = [row.label for row in SCHEDULES if row.built]
    is_list = settings.ui_alternatives.samplers_in_dropdown
    kind = dropdown if is_list else radio
    sampler = kind("Sampling method", samplers, samplers[0], elem_id=f"{tab}_sampling")
    if not is_list:
        form.add("sampler_name", sampler)
    with form.row():
        if is_list:
            form.add("sampler_name", sampler)
        form.add(
            "scheduler",
            dropdown("Schedule type", schedules, AUTOMATIC, elem_id=f"{tab}_scheduler"),
        )
        form.add("steps", slider("Sampling steps", 1, 150, 20, 1, elem_id=f"{tab}_steps"))


def sizes(form: Form, size: tuple[int, int]) -> None:
    """Width and height with the buttons that swap them or take the picture's."""
    tab = form.tab
    with form.row():
        form.add("width", slider("Width", 64, 2048, size[0], 8, elem_id=f"{tab}_width"))
        form.tool("swap", "swap", "Swap width and height", f"{tab}_res_switch_btn")
        form.add("height", slider("Height", 64, 2048, size[1], 8, elem_id=f"{tab}_height"))
        if tab == "img2img":
            form.tool(
                "picture-size",
                "ruler",
                "Take the size of the picture",
                "img2img_detect_image_size_btn",
            )


def batch_and_guidance(form: Form) -> None:
    """How many pictures, CFG, and in img2img the denoising strength; with a checkpoint that is told
    by pictures how much it heeds the one it starts from.
    """
    tab = form.tab
    strong = tab == "img2img"
    guidance = slider("CFG Scale", 1, 30, 7, 0.5, elem_id=f"{tab}_cfg_scale")
    with form.row():
        form.add("n_iter", slider("Batch count", 1, 100, 1, 1, elem_id=f"{tab}_batch_count"))
        form.add("batch_size", slider("Batch size", 1, 8, 1, 1, elem_id=f"{tab}_batch_size"))
        if not strong:
            form.add("cfg_scale", guidance)
    if strong:
        with form.row():
            form.add("cfg_scale", guidance)
            form.add(
                "image_cfg_scale",
                slider(
                    "Image CFG Scale",
                    0,
                    3,
                    1.5,
                    0.05,
                    elem_id="img2img_image_cfg_scale",
                    visible=False,
                ),
            )
            form.add(
                "denoising_strength",
                slider(
                    "Denoising strength", 0, 1, 0.75, 0.01, elem_id="img2img_denoising_strength"
                ),
            )


def seed(form: Form) -> None:
    """The seed, and behind "Extra" the variation seed."""
    tab = form.tab
    with form.column("", "easel-switch"):
        with form.row("", "easel-switch-head"):
            _seed_with_tools(form, "seed", "Seed")
            extra = checkbox(
                "Extra", elem_id=f"{tab}_subseed_show", classes=("easel-extra",), scale=0
            )
            form.add("seed_enable_extras", extra)
        with form.column(f"{tab}_seed_extras", "easel-switch-body"):
            with form.row():
                _seed_with_tools(form, "subseed", "Variation seed")
                form.add(
                    "subseed_strength",
                    slider("Variation strength", 0, 1, 0, 0.01, elem_id=f"{tab}_subseed_strength"),
                )
            with form.row():
                for axis, label in (("w", "width"), ("h", "height")):
                    name = f"seed_resize_from_{axis}"
                    words = f"Resize seed from {label}"
                    form.add(name, slider(words, 0, 2048, 0, 8, elem_id=f"{tab}_{name}"))


def _seed_with_tools(form: Form, name: str, label: str) -> None:
    tab = form.tab
    form.add(name, number(label, -1, elem_id=f"{tab}_{name}", seed=True))
    form.tool(f"random-{name}", "dice", f"{label}: a new one each time", f"{tab}_random_{name}")
    again = f"{label} of the selected picture"
    form.tool(f"reuse-{name}", "recycle", again, f"{tab}_reuse_{name}")


def overrides(form: Form) -> None:
    """Settings for this job alone, filled when parameters are read; hidden while empty."""
    form.add(
        "override_settings",
        Field(
            kind="choices",
            label="Override settings",
            value=[],
            free=True,
            elem_id=f"{form.tab}_override_settings",
            visible=False,
        ),
    )
