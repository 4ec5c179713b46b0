"""The controls that txt2img and img2img share, with A1111's labels, ranges and element ids
(interface 4, 5).

Makes components only; what happens on a click lies in `generate`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import gradio as gr
from gradio.components import Component

from modules.generation.choices import AUTOMATIC, SAMPLERS, SCHEDULES
from modules.generation.request import RESIZE_MODES
from modules.page import widgets


@dataclass
class Form:
    """Named components of one tab, in the order in which a handler gets their values."""

    tab: str
    fields: dict[str, Component] = field(default_factory=dict)

    def add(self, name: str, component: Component) -> None:
        self.fields[name] = component

    @property
    def components(self) -> list[Component]:
        return list(self.fields.values())


def prompts(form: Form) -> None:
    """Prompt and negative prompt, each with its token counter."""
    tab = form.tab
    rows = (
        ("prompt", "Prompt", "prompt", "Describe the picture. Ctrl+Enter generates."),
        ("negative_prompt", "Negative prompt", "neg_prompt", "What the picture should not show."),
    )
    for name, label, part, hint in rows:
        elem_id = f"{tab}_{part}"
        box = widgets.textbox(
            label,
            # The picture below needs the room in img2img.
            lines=2 if tab == "img2img" else 3,
            max_lines=12,
            placeholder=hint,
            elem_id=elem_id,
            elem_classes=["easel-prompt"],
        )
        # A constant text: the counter is filled by page.js.
        gr.HTML(
            f'<span class="easel-tokens" id="{elem_id}_tokens">0/75</span>',
            elem_classes=["easel-tokens-place"],
            apply_default_css=False,
            padding=False,
        )
        box.change(None, box, None, js=f"v => window.EaselPage?.count('{elem_id}', v)")
        form.add(name, box)


def sampling(form: Form) -> None:
    """Sampler, schedule, steps."""
    tab = form.tab
    samplers = [row.label for row in SAMPLERS if row.built]
    schedules = [row.label for row in SCHEDULES if row.built]
    with gr.Row():
        form.add(
            "sampler_name",
            widgets.dropdown("Sampling method", samplers, samplers[0], elem_id=f"{tab}_sampling"),
        )
        form.add(
            "scheduler",
            widgets.dropdown("Schedule type", schedules, AUTOMATIC, elem_id=f"{tab}_scheduler"),
        )
        form.add("steps", widgets.slider("Sampling steps", 1, 150, 20, 1, elem_id=f"{tab}_steps"))


def size_and_batch(form: Form, size: tuple[int, int]) -> None:
    """Width and height with the buttons that swap them or take the picture's; batch."""
    tab = form.tab
    with gr.Row():
        width = widgets.slider("Width", 64, 2048, size[0], 8, elem_id=f"{tab}_width")
        swap = widgets.tool("swap", "Swap width and height", elem_id=f"{tab}_res_switch_btn")
        height = widgets.slider("Height", 64, 2048, size[1], 8, elem_id=f"{tab}_height")
        sides = [width, height]
        widgets.on_click(swap, None, sides, sides, js="(w, h) => [h, w]")
        if tab == "img2img":
            take = widgets.tool(
                "ruler", "Take the size of the picture", elem_id="img2img_detect_image_size_btn"
            )
            widgets.on_click(take, None, sides, sides, js="(w, h) => EaselPage.pictureSize(w, h)")
    form.add("width", width)
    form.add("height", height)
    with gr.Row():
        form.add(
            "n_iter", widgets.slider("Batch count", 1, 100, 1, 1, elem_id=f"{tab}_batch_count")
        )
        form.add(
            "batch_size", widgets.slider("Batch size", 1, 8, 1, 1, elem_id=f"{tab}_batch_size")
        )


def guidance(form: Form) -> None:
    """CFG and seed; in img2img also denoising strength and resize mode."""
    tab = form.tab
    with gr.Row():
        form.add(
            "cfg_scale", widgets.slider("CFG Scale", 1, 30, 7, 0.5, elem_id=f"{tab}_cfg_scale")
        )
        if tab == "img2img":
            form.add(
                "denoising_strength",
                widgets.slider(
                    "Denoising strength",
                    0,
                    1,
                    0.75,
                    0.01,
                    elem_id="img2img_denoising_strength",
                ),
            )
        else:
            _seed(form)
    if tab == "img2img":
        with gr.Row():
            _seed(form)
        # The latent mode needs no other control; it is the engine's business.
        form.add(
            "resize_mode",
            gr.Radio(
                list(RESIZE_MODES),
                value=RESIZE_MODES[0],
                label="Resize mode",
                elem_id="resize_mode",
                interactive=True,
            ),
        )


def _seed(form: Form) -> None:
    tab = form.tab
    seed = widgets.number("Seed", -1, elem_id=f"{tab}_seed")
    form.add("seed", seed)
    dice = widgets.tool("dice", "A new seed each time", elem_id=f"{tab}_random_seed")
    widgets.on_click(dice, None, None, seed, js="() => -1")
    again = widgets.tool("recycle", "Seed of the selected picture", elem_id=f"{tab}_reuse_seed")
    widgets.on_click(again, None, seed, seed, js=f"seed => EaselResults.seedOf('{tab}') ?? seed")


def variation(form: Form) -> None:
    """The variation seed, in an accordion."""
    tab = form.tab
    with gr.Accordion("Variation", open=False, elem_id=f"{tab}_subseed_show"):
        with gr.Row():
            form.add("subseed", widgets.number("Variation seed", -1, elem_id=f"{tab}_subseed"))
            form.add(
                "subseed_strength",
                widgets.slider(
                    "Variation strength", 0, 1, 0, 0.01, elem_id=f"{tab}_subseed_strength"
                ),
            )
        with gr.Row():
            for axis, label in (("w", "width"), ("h", "height")):
                form.add(
                    f"seed_resize_from_{axis}",
                    widgets.slider(
                        f"Resize seed from {label}",
                        0,
                        2048,
                        0,
                        8,
                        elem_id=f"{tab}_seed_resize_from_{axis}",
                    ),
                )


def overrides(form: Form) -> None:
    """Settings for this job alone, filled when parameters are read; hidden while empty."""
    form.add(
        "override_settings",
        gr.Dropdown(
            [],
            value=[],
            multiselect=True,
            allow_custom_value=True,
            label="Override settings",
            elem_id=f"{form.tab}_override_settings",
            interactive=True,
            visible=False,
        ),
    )
