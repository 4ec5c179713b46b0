"""The drawer of extra networks (`static/networks.js`): the button that opens it, and choosing a
checkpoint in it.
"""

from __future__ import annotations

import gradio as gr

from modules.page import widgets

SCRIPTS = ("network-card.js", "networks.js")
STYLES = ("drawers.css",)

# The words 'choose' in quotes make Gradio offer that event in Python.
_START = """
const start = () => {
  if (window.EaselNetworks) EaselNetworks.mount(trigger);
  else setTimeout(start, 20);
};
start(); /* events: 'choose' */
"""


def opener(tab: str) -> None:
    """The button in a tab's row of tools."""
    button = gr.Button("Networks", size="sm", scale=0, elem_id=f"{tab}_extra_networks")
    widgets.on_click(button, None, None, None, js=f"() => EaselNetworks.toggle('{tab}')")


def drawer() -> gr.HTML:
    """The one drawer. Its event `choose` carries the name of a checkpoint."""
    return gr.HTML(
        value=None,
        html_template="<div hidden></div>",
        js_on_load=_START,
        apply_default_css=False,
        elem_id="easel_networks_place",
    )
