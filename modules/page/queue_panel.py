"""The drawer of jobs (`static/queue.js`): the button that opens it, and a job's parameters on their
way back into a form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from modules.app import App
from modules.errors import RequestError
from modules.generation.request import Request
from modules.jobs.job import JobView
from modules.page import asked, panes, refiner
from modules.page.generate import Tab, filled, updates
from modules.page.layout import Form

SCRIPTS = ("queue.js",)


def opener(form: Form) -> None:
    """The button above the tabs."""
    form.tool("jobs", "queue", "Jobs", "easel_queue")


def sender(app: App, txt2img: Tab, img2img: Tab) -> Callable[[gr.EventData], list[Any]]:
    """A handler of the drawer's event with a job: which tab opens, and changes of the forms. A
    picture's own parameters count; before there is one, what was asked for.
    """

    def send(event: gr.EventData) -> list[Any]:
        view = app.jobs.view(str(event.job))
        form = img2img.form if view.kind == "img2img" else txt2img.form
        values = filled(app, view.items[0].infotext) if view.items else _asked(app, view)
        return [gr.Tabs(selected=form.tab), panes.changes({form.tab: updates(form, values)})]

    return send


def _asked(app: App, view: JobView) -> dict[str, Any]:
    """The form's values for a job without a picture. RequestError where its request can't be read
    or belongs to no form.
    """
    if view.kind not in ("txt2img", "img2img") or not view.request:
        raise RequestError("this job has no parameters that a form can show", field="job")
    values = asked.from_request(Request.from_record(view.request), app.settings.current)
    return values | refiner.listed(app, values)
