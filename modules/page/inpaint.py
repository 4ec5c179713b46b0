"""img2img's own controls: resize mode, the mask's, and both ways to say a size (interface 5).

Which of them show is the style sheet's business: the mask's belong to the inpaint sub-tabs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from modules.generation.request import FILL_MODES, RESIZE_MODES
from modules.generation.soft_inpainting import SoftInpainting
from modules.page import controls
from modules.page.fields import radio, slider
from modules.page.form import INPAINT_AREAS, MASK_MODES
from modules.page.layout import Form

# Soft inpainting's numbers: name, label, range, step, A1111's element id.
_SOFT = (
    ("bias", "Schedule bias", 0, 8, 0.1, "mask_blend_power"),
    ("preservation", "Preservation strength", 0, 8, 0.05, "mask_blend_scale"),
    ("detail", "Transition contrast boost", 1, 32, 0.5, "inpaint_detail_preservation"),
    ("influence", "Mask influence", 0, 1, 0.05, "composite_mask_influence"),
    ("threshold", "Difference threshold", 0, 8, 0.25, "composite_difference_threshold"),
    ("contrast", "Difference contrast", 0, 8, 0.25, "composite_difference_contrast"),
)
_DEFAULTS = asdict(SoftInpainting())


def resize_mode(form: Form) -> None:
    """How a picture of another shape becomes the wanted size."""
    modes = list(RESIZE_MODES)
    form.add("resize_mode", radio("Resize mode", modes, modes[0], elem_id="resize_mode"))


def mask_controls(form: Form) -> None:
    """How the mask is taken, and what is painted where it is white."""
    with form.column("inpaint_controls"):
        with form.row():
            form.add(
                "mask_blur",
                slider("Mask blur", 0, 64, 4, 1, elem_id="img2img_mask_blur"),
            )
            form.add(
                "mask_alpha",
                slider(
                    "Mask transparency",
                    0,
                    100,
                    0,
                    1,
                    elem_id="img2img_mask_alpha",
                    classes=("easel-mask-alpha",),
                ),
            )
            form.add(
                "inpaint_full_res_padding",
                slider(
                    "Only masked padding, pixels",
                    0,
                    256,
                    32,
                    4,
                    elem_id="img2img_inpaint_full_res_padding",
                ),
            )
        with form.row():
            _choice(form, "inpainting_mask_invert", "Mask mode", MASK_MODES, 0, "mask_mode")
            _choice(form, "inpaint_full_res", "Inpaint area", INPAINT_AREAS, 0, "inpaint_full_res")
        _choice(form, "inpainting_fill", "Masked content", FILL_MODES, 1, "inpainting_fill")
        with form.switch("soft_enabled", "Soft inpainting", "soft_inpainting_enabled"):
            for pair in (_SOFT[:2], _SOFT[2:4], _SOFT[4:]):
                with form.row():
                    for name, label, low, high, step, elem_id in pair:
                        default = _DEFAULTS[name]
                        field = slider(label, low, high, default, step, elem_id=elem_id)
                        form.add(f"soft_{name}", field)


def _choice(
    form: Form, name: str, label: str, choices: Sequence[str], first: int, part: str
) -> None:
    form.add(name, radio(label, choices, choices[first], elem_id=f"img2img_{part}"))


def sizes(form: Form, size: tuple[int, int]) -> None:
    """ "Resize to" a width and height, or "Resize by" a factor of the picture's own size."""
    with form.tabs("img2img_tabs_resize"):
        with form.one_tab("Resize to", "img2img_tab_resize_to"):
            controls.sizes(form, size)
        with form.one_tab("Resize by", "img2img_tab_resize_by"), form.row():
            form.add("scale_by", slider("Scale", 0.05, 4, 1, 0.05, elem_id="img2img_scale"))
            form.line("img2img_scale_resolution_preview", "easel-resize-line")
