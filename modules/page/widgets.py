"""Gradio's controls as we use them: always interactive, pixels as PNG, no footer surprises.

Knows how a control is made, not what it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

# Output-only controls are drawn disabled unless this is said.
_LIVE = {"interactive": True}
# Short handlers: at once by POST, with no grey veil over the controls.
# No other program is to call them, so no page carries their description.
QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def slider(
    label: str, low: float, high: float, value: float, step: float, **more: Any
) -> gr.Slider:
    return gr.Slider(
        low, high, value, step=step, label=label, **{**_LIVE, "min_width": 120, **more}
    )


def dropdown(label: str, choices: Sequence[str], value: Any, **more: Any) -> gr.Dropdown:
    return gr.Dropdown(
        list(choices), value=value, label=label, **{**_LIVE, "min_width": 120, **more}
    )


def number(label: str, value: float, **more: Any) -> gr.Number:
    return gr.Number(value, label=label, precision=0, **{**_LIVE, "min_width": 100, **more})


def textbox(label: str, **more: Any) -> gr.Textbox:
    # Without a value it would give None until it is drawn.
    return gr.Textbox(label=label, **{**_LIVE, "value": "", **more})


def checkbox(label: str, **more: Any) -> gr.Checkbox:
    return gr.Checkbox(False, label=label, **{**_LIVE, "min_width": 60, **more})


def checkbox_group(label: str, choices: Sequence[str], **more: Any) -> gr.CheckboxGroup:
    return gr.CheckboxGroup(list(choices), value=[], label=label, **{**_LIVE, **more})


def radio(label: str, choices: Sequence[str], value: str, **more: Any) -> gr.Radio:
    return gr.Radio(list(choices), value=value, label=label, **{**_LIVE, **more})


# Text from outside goes in as text alone: a template would be compiled.
_SHOW_TEXT = """
const show = () => { element.querySelector('.easel-text').textContent = props.value ?? ''; };
show();
watch('value', show);
"""


def text_line(elem_id: str, *classes: str) -> gr.HTML:
    """Plain text that only the program changes."""
    listed = " ".join(("easel-text", *classes))
    return gr.HTML(
        value=None,
        html_template=f'<div class="{listed}"></div>',
        js_on_load=_SHOW_TEXT,
        apply_default_css=False,
        padding=False,
        elem_id=elem_id,
    )


def image(label: str, **more: Any) -> gr.Image:
    """The handler gets the path of the file as it was sent."""
    kept = {
        "type": "filepath",
        "format": "png",
        "image_mode": None,
        "sources": ["upload", "clipboard"],
    }
    return gr.Image(label=label, **{**_LIVE, **kept, "buttons": [], **more})


def tool(icon: str, title: str, **more: Any) -> gr.Button:
    """A small button with the `icon` of that name in style.css.

    `title` is its text, which the style sheet hides: Gradio's button has no aria-label, and a
    screen reader still reads it. page.js shows it as a tooltip.
    """
    classes = [*more.pop("elem_classes", []), "easel-tool", f"easel-icon-{icon}"]
    return gr.Button(title, size="sm", min_width=34, scale=0, elem_classes=classes, **more)


def on_click(
    button: gr.Button, handler: Callable[..., Any] | None, *args: Any, **more: Any
) -> None:
    button.click(handler, *args, **{**QUICK, **more})
