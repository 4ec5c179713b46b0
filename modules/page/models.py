"""Adding models on the page (`static/models.js`): the line that says that only the built-in one is
there. All else is the script's, which talks to easel/v1 itself.
"""

from __future__ import annotations

import gradio as gr

SCRIPTS = ("model-upload.js", "models.js")
STYLES = ("models.css",)


def line() -> None:
    """A constant text: the script fills it while there is something to say."""
    gr.HTML(
        '<div class="ez-first" role="note" hidden></div>',
        apply_default_css=False,
        elem_id="easel_first",
    )
