"""The drawer of jobs (`static/queue.js`): the button that opens it, and a job's parameters on their
way back into a form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from modules.app import App
from modules.errors import RequestError
from modules.page import panes
from modules.page.generate import Tab, filled, updates
from modules.page.layout import Form

SCRIPTS = ("queue.js",)


def opener(form: Form) -> None:
    """The button above the tabs."""
    form.tool("jobs", "queue", "Jobs", "easel_queue")


def sender(app: App, txt2img: Tab, img2img: Tab) -> Callable[[gr.EventData], list[Any]]:
    """A handler of the drawer's event with job and kind ("txt2img", "img2img"): which tab opens,
    and changes of the forms.
    """

    def send(event: gr.EventData) -> list[Any]:
        items = app.jobs.view(str(event.job)).items
        if not items:
            raise RequestError("this job has made no picture yet", field="job")
        form = img2img.form if str(event.kind) == "img2img" else txt2img.form
        values = filled(app, items[0].infotext)
        return [gr.Tabs(selected=form.tab), panes.changes({form.tab: updates(form, values)})]

    return send
