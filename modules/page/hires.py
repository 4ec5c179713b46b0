"""The second pass of txt2img: the section "Hires. fix" with A1111's controls (interface 4.2)."""

from __future__ import annotations

from collections.abc import Set

from modules.app import App
from modules.generation.choices import LATENT_UPSCALE_MODES, SCHEDULES, UPSCALERS
from modules.generation.infotext_fields import SAME_CHECKPOINT, SAME_SAMPLER, SAME_SCHEDULE
from modules.page import controls, refiner
from modules.page.fields import dropdown, slider, textbox
from modules.page.layout import Form
from modules.settings import Settings

# Fields that are shown by a setting, or once they hold something else than this.
SHOWN_WHEN_USED = {
    "hr_checkpoint_name": SAME_CHECKPOINT,
    "hr_sampler_name": SAME_SAMPLER,
    "hr_scheduler": SAME_SCHEDULE,
    "hr_prompt": "",
    "hr_negative_prompt": "",
}


_SAMPLING = ("hr_checkpoint_name", "hr_sampler_name", "hr_scheduler")


def always_shown(settings: Settings) -> Set[str]:
    """Those of SHOWN_WHEN_USED that the settings want to see."""
    ui = settings.ui_alternatives
    samplers = {*_SAMPLING} if ui.hires_fix_show_sampler else set()
    prompts = {"hr_prompt", "hr_negative_prompt"} if ui.hires_fix_show_prompts else set()
    return samplers | prompts


def build(app: App, form: Form) -> None:
    """The section; the line in its head tells which size it leads to."""
    with form.switch("enable_hr", "Hires. fix", "txt2img_hr"):
        with form.row("txt2img_hires_fix_row1"):
            upscalers = [*LATENT_UPSCALE_MODES, *UPSCALERS]
            form.add(
                "hr_upscaler",
                dropdown("Upscaler", upscalers, upscalers[0], elem_id="txt2img_hr_upscaler"),
            )
            form.add(
                "hr_second_pass_steps",
                slider("Hires steps", 0, 150, 0, 1, elem_id="txt2img_hires_steps"),
            )
            form.add(
                "denoising_strength",
                slider("Denoising strength", 0, 1, 0.7, 0.01, elem_id="txt2img_denoising_strength"),
            )
        with form.row("txt2img_hires_fix_row2"):
            form.add("hr_scale", slider("Upscale by", 1, 4, 2, 0.05, elem_id="txt2img_hr_scale"))
            for axis, label in (("x", "width"), ("y", "height")):
                name = f"hr_resize_{axis}"
                form.add(
                    name, slider(f"Resize {label} to", 0, 2048, 0, 8, elem_id=f"txt2img_{name}")
                )
        _own_sampler(app, form)
        _own_prompts(form)


def _own_sampler(app: App, form: Form) -> None:
    samplers = [SAME_SAMPLER, *controls.shown_samplers(app.settings.current)]
    schedules = [SAME_SCHEDULE, *(row.label for row in SCHEDULES if row.built)]
    rows = (
        ("hr_sampler_name", "Hires sampling method", "hr_sampler", samplers),
        ("hr_scheduler", "Hires schedule type", "hr_scheduler", schedules),
    )
    with form.row("txt2img_hires_fix_row3"):
        refiner.checkpoint(
            app, form, "hr_checkpoint_name", "Hires checkpoint", "hr_checkpoint", visible=False
        )
        for name, label, elem_id, choices in rows:
            form.add(name, dropdown(label, choices, choices[0], elem_id=elem_id, visible=False))


def _own_prompts(form: Form) -> None:
    rows = (
        ("hr_prompt", "Hires prompt", "hires_prompt"),
        ("hr_negative_prompt", "Hires negative prompt", "hires_neg_prompt"),
    )
    with form.row("txt2img_hires_fix_row4"):
        for name, label, elem_id in rows:
            box = textbox(
                label,
                lines=2,
                max_lines=8,
                placeholder="Empty: as in the first pass",
                elem_id=elem_id,
                visible=False,
            )
            form.add(name, box)
