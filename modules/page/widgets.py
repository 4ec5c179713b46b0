"""What all that the page makes of Gradio's has in common.

Knows no control of a form: those are none of Gradio's (`fields`).
"""

from __future__ import annotations

from typing import Any

import gradio as gr

# Short handlers: at once by POST, with no grey veil over the controls.
# No other program is to call them, so no page carries their description.
QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def textbox(label: str, **more: Any) -> gr.Textbox:
    # Output-only controls are drawn disabled unless `interactive` is said, and without a value it
    # would give None until it is drawn.
    return gr.Textbox(label=label, **{"interactive": True, "value": "", **more})
