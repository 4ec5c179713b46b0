"""The controls that txt2img and img2img share, with A1111's labels, ranges and element ids
(interface 4, 5).

Makes components only; what happens on a click lies in `generate`. The second pass and the styles
have files of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import gradio as gr
from gradio.components import Component

from modules.generation.choices import AUTOMATIC, SAMPLERS, SCHEDULES
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


def sizes(form: Form, size: tuple[int, int]) -> None:
    """Width and height with the buttons that swap them or take the picture's."""
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
            widgets.on_click(
                take, None, sides, sides, js="(w, h) => EaselSources.pictureSize(w, h)"
            )
    form.add("width", width)
    form.add("height", height)


def batch_and_guidance(form: Form) -> None:
    """How many pictures, CFG, and in img2img the denoising strength; with a checkpoint that is told
    by pictures how much it heeds the one it starts from.
    """
    tab = form.tab
    strong = tab == "img2img"
    with gr.Row():
        form.add(
            "n_iter", widgets.slider("Batch count", 1, 100, 1, 1, elem_id=f"{tab}_batch_count")
        )
        form.add(
            "batch_size", widgets.slider("Batch size", 1, 8, 1, 1, elem_id=f"{tab}_batch_size")
        )
        cfg_scale = widgets.slider(
            "CFG Scale", 1, 30, 7, 0.5, elem_id=f"{tab}_cfg_scale", render=not strong
        )
        form.add("cfg_scale", cfg_scale)
    if strong:
        with gr.Row():
            cfg_scale.render()
            pictures = widgets.slider(
                "Image CFG Scale", 0, 3, 1.5, 0.05, elem_id="img2img_image_cfg_scale", visible=False
            )
            form.add("image_cfg_scale", pictures)
            strength = widgets.slider(
                "Denoising strength", 0, 1, 0.75, 0.01, elem_id="img2img_denoising_strength"
            )
            form.add("denoising_strength", strength)


@contextmanager
def switched(form: Form, name: str, label: str, elem_id: str) -> Iterator[gr.HTML]:
    """A section with a checkbox in its head, the field `name`; what is made inside shows only while
    that is ticked. The style sheet does it, so that it answers at once and loses no value.

    Gives the line of text in the head, which is empty.
    """
    with gr.Column(elem_id=elem_id, elem_classes=["easel-switch", "easel-section-fold"]):
        with gr.Row(elem_classes=["easel-switch-head"]):
            box = widgets.checkbox(label, elem_id=f"{elem_id}-checkbox", container=False)
            form.add(name, box)
            line = widgets.text_line(f"{elem_id}-line")
        with gr.Column(elem_classes=["easel-switch-body"]):
            yield line


def seed(form: Form) -> None:
    """The seed, and behind "Extra" the variation seed."""
    tab = form.tab
    with gr.Column(elem_classes=["easel-switch"]):
        with gr.Row(elem_classes=["easel-switch-head"]):
            _seed_with_tools(form, "seed", "Seed", ("random_seed", "reuse_seed"))
            extra = widgets.checkbox(
                "Extra", elem_id=f"{tab}_subseed_show", elem_classes=["easel-extra"], scale=0
            )
            form.add("seed_enable_extras", extra)
        with gr.Column(elem_classes=["easel-switch-body"], elem_id=f"{tab}_seed_extras"):
            _seed_extras(form)


def _seed_with_tools(form: Form, name: str, label: str, tools: tuple[str, str]) -> None:
    tab = form.tab
    number = widgets.number(label, -1, elem_id=f"{tab}_{name}")
    form.add(name, number)
    dice = widgets.tool("dice", f"{label}: a new one each time", elem_id=f"{tab}_{tools[0]}")
    widgets.on_click(dice, None, None, number, js="() => -1")
    again = widgets.tool("recycle", f"{label} of the selected picture", elem_id=f"{tab}_{tools[1]}")
    js = f"old => EaselResults.valueOf('{tab}', '{name}') ?? old"
    widgets.on_click(again, None, number, number, js=js)


def _seed_extras(form: Form) -> None:
    tab = form.tab
    with gr.Row():
        tools = ("random_subseed", "reuse_subseed")
        _seed_with_tools(form, "subseed", "Variation seed", tools)
        strength = widgets.slider(
            "Variation strength", 0, 1, 0, 0.01, elem_id=f"{tab}_subseed_strength"
        )
        form.add("subseed_strength", strength)
    with gr.Row():
        for axis, label in (("w", "width"), ("h", "height")):
            name = f"seed_resize_from_{axis}"
            form.add(
                name,
                widgets.slider(f"Resize seed from {label}", 0, 2048, 0, 8, elem_id=f"{tab}_{name}"),
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
