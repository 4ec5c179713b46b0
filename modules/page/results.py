"""The right column of a tab: Generate and its like (a pane of the form), progress, preview,
pictures, infotext (`static/results.js`).
"""

from __future__ import annotations

import gradio as gr

SCRIPTS = (
    "notify.js",
    "results-family.js",
    "results-actions.js",
    "results-pictures.js",
    "results.js",
)
LATE_SCRIPTS = ("gamepad.js", "lightbox.js", "compare.js")
STYLES = ("results.css", "sheet.css")

# The words in quotes make Gradio offer these events in Python.
_START = """
const start = () => {
  if (!window.EaselPage) return setTimeout(start, 20);
  EaselForm.draw(props.tab, "generate", element.querySelector('.ef-generate'));
  EaselResults.mount(element, props, trigger, watch);
  EaselOpening.drawn();
};
start(); /* events: 'send', 'upscale' */
"""


def results_panel(tab: str) -> gr.HTML:
    """The panel of `tab`. As an output it takes {"job": id, "n": nonce} after a job was queued.

    Its event `send` carries job, index and to ("img2img", "sketch", "txt2img", "seed"), `upscale`
    job and index.
    """
    return gr.HTML(
        value=None,
        html_template='<div class="ef-generate"></div><div class="ez-results-place"></div>',
        elem_classes=["easel-output"],
        js_on_load=_START,
        apply_default_css=False,
        padding=False,
        elem_id=f"{tab}_gallery",
        tab=tab,
    )
