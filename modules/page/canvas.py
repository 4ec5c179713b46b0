"""The colour canvas as a Gradio component: a constant template around our own script.

The drawing lives in the browser (`static/canvas*.js`) and, saved under a token, on the server; the
component's value only carries commands to it. Knows nothing of where drawings are stored.
"""

import re
from typing import Any

import gradio as gr

from modules.settings.editing import CanvasHotkeys

MODES = ("sketch", "inpaint", "inpaint-sketch", "picture")

#: Files under `static/` that the page must load, in this order.
SCRIPTS = (
    "canvas-pixels.js",
    "canvas-png.js",
    "canvas-tiles.js",
    "canvas-layers.js",
    "canvas-history.js",
    "canvas-document.js",
    "canvas-journal.js",
    "canvas-coverage.js",
    "canvas-stroke.js",
    "canvas-view.js",
    "canvas-parts.js",
    "canvas-layer-panel.js",
    "canvas-controls.js",
    "canvas-tools.js",
    "canvas-keys.js",
    "canvas-input.js",
    "canvas-drawer.js",
    "canvas-save.js",
    "canvas-verbs.js",
    "canvas-hand.js",
    "canvas.js",
    "canvas-gradio.js",
)
STYLES = ("canvas.css", "canvas-stage.css", "canvas-layers.css")


def options_of(settings: CanvasHotkeys) -> dict[str, Any]:
    """What `EaselCanvasGradio.configure` takes: the settings of the section `canvas_hotkey`."""
    return {
        "hotkeys": {
            "zoom": settings.canvas_hotkey_zoom,
            "adjust": settings.canvas_hotkey_adjust,
            "shrink_brush": settings.canvas_hotkey_shrink_brush,
            "grow_brush": settings.canvas_hotkey_grow_brush,
            "move": settings.canvas_hotkey_move,
            "fullscreen": settings.canvas_hotkey_fullscreen,
            "reset": settings.canvas_hotkey_reset,
        },
        "disabled": list(settings.canvas_disabled_functions),
        "blurs_typing": settings.canvas_blur_prompt,
    }


# Gradio adds the scripts of `head` while its own page already runs: wait for ours.
_START = """
const start = () => {
  if (window.EaselCanvasGradio?.isReady()) EaselCanvasGradio.mount(element, props, watch);
  else setTimeout(start, 20);
};
// Later on, a tab was pressed: that it is open is seen first.
if (document.body.dataset.easelReady) requestAnimationFrame(() => setTimeout(start));
else start();
"""


def sketch_canvas(
    elem_id: str,
    mode: str = "sketch",
    *,
    width: int = 512,
    height: int = 512,
    label: str = "Drawing canvas",
    help: bool = True,
    brush: str = "",
    stage_height: int = 0,
    **props: Any,
) -> gr.HTML:
    """A canvas named `elem_id`, empty, white and `width` x `height` pixels.

    mode: "sketch" (colour), "inpaint" (mask), "inpaint-sketch" (colour, the ink is the mask), or
    "picture" (a picture is only chosen and shown).
    help: whether a line below the stage tells the keys (setting `canvas_show_tooltip`).
    brush: colour "#rrggbb" that it begins with; of a mask, the one that it is shown in. "": as the
    mode has it. stage_height: at most so many pixels; 0: what fits the screen.
    props: further arguments of `gr.HTML`.

    As an output it takes a command, each with a nonce of its own: `{"load": url, "nonce": n}`,
    `{"blank": [width, height, "#rrggbb"], "nonce": n}`, `{"size": [width, height], "nonce": n}`.
    As an input it gives nothing of use: put `await EaselCanvasGradio.flush("<elem_id>")` in the
    event's `js` to get the token that stands for the drawing.
    """
    assert mode in MODES, f"canvas mode {mode!r} is none of {MODES}"
    assert re.fullmatch(r"[a-z0-9_]+", elem_id), f"canvas id {elem_id!r} is no plain identifier"
    return gr.HTML(
        value=None,
        html_template='<div class="easel-canvas-place"></div>',
        js_on_load=_START,
        apply_default_css=False,
        elem_id=elem_id,
        canvas=elem_id,
        mode=mode,
        width=width,
        height=height,
        canvas_label=label,
        help=help,
        brush=brush,
        stage_height=stage_height,
        **props,
    )
