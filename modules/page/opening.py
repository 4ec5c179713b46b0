"""What a page shows when it is loaded, asked for while Gradio starts: the settings of now, the form
as this browser had it, and the tabs in the order that the settings want.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules.app import App
from modules.page import extra_options, footer, generate, hires, panes, quick, refiner
from modules.page.defaults import Defaults
from modules.page.generate import Tab
from modules.page.kept import Kept
from modules.page.kept import kept as read_kept
from modules.page.language import Language
from modules.page.layout import Form
from modules.page.native_size import is_told_by_pictures, native_size
from modules.settings import Settings


@dataclass
class Opening:
    """The parts of the page whose values a page load fills in. theme_hash: of Gradio's own colours,
    known once the page is mounted.
    """

    app: App
    tabs: gr.Tabs
    txt2img: Tab
    img2img: Tab
    dialogs: Sequence[Form]
    defaults: Defaults
    speech: Language
    theme_hash: str = ""

    def fill(self, record: str) -> dict[str, Any]:
        """What `static/opening.js` shows; record: what the browser kept (`static/keeping.js`)."""
        app = self.app
        before = read_kept(record)
        forms = (self.txt2img.form, self.img2img.form)
        told = {
            "defaults": {
                shape.tab: self.defaults.fresh(shape) | extra_options.stored(app, shape)
                for shape in forms
            },
            "troubles": [*self.speech.troubles, *self.defaults.troubles],
        }
        changed = {
            **{shape.tab: self._changes(shape, before) for shape in forms},
            **{each.tab: {"style_name": {"choices": app.styles.menu()}} for each in self.dialogs},
            "quick": quick.fresh(app),
        }
        opened, source = before.opened
        tabs: Any = self.tabs
        is_shown = any(tab.id == opened and tab.visible for tab in tabs.children)
        return {
            "forms": panes.changes(changed),
            "page": footer.state(app, native_size(app), **told),
            "first": self.tabs.selected,  # type: ignore[attr-defined]
            "opened": opened if is_shown else "",
            "source": source if is_shown else "",
        }

    def _changes(self, shape: Form, before: Kept) -> dict[str, dict[str, Any]]:
        """What of the form is not as it was when the page was built."""
        app = self.app
        also: dict[str, dict[str, Any]] = {
            "styles": {"choices": app.styles.menu()},
            **{name: {"visible": True} for name in hires.always_shown(app.settings.current)},
            "image_cfg_scale": {"visible": is_told_by_pictures(app)},
        }
        for name in refiner.FIRST:
            also[name] = {**also.get(name, {}), "choices": refiner.choices_of(app, name)}
        kept = before.forms.get(shape.tab, {})
        also |= extra_options.fresh(app, shape, kept, before.defaults.get(shape.tab, {}))
        values = before.values(shape.tab, native_size(app), self.defaults.size(shape.tab))
        return generate.updates(shape, values, also)


class Door:
    """ASGI: answers a page that opens with what `page.fill` gives. The page is another one after
    Reload UI.
    """

    PATH = "/easel/page/opening"

    def __init__(self) -> None:
        self.page: Opening | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body.extend(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
        assert self.page is not None, "asked before there was a page"
        told = await asyncio.to_thread(self.page.fill, body.decode("utf-8", "replace"))
        answer = json.dumps(told, ensure_ascii=False).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def arrange(tabs: gr.Tabs, settings: Settings) -> None:
    """The order of `ui_tab_order`, and without those of `hidden_tabs`; names it does not know are
    passed over. The first tab that is left is open where the wanted one is not.
    """
    order = {name: place for place, name in enumerate(settings.ui.ui_tab_order)}
    listed: list[Any] = sorted(tabs.children, key=lambda tab: order.get(tab.label, len(order)))  # type: ignore
    tabs.children = listed
    hidden = set(settings.ui.hidden_tabs)
    left = [tab for tab in listed if tab.label not in hidden]
    if not left:
        return  # a page without any tab could not be mended
    for tab in listed:
        tab.visible = tab in left
    if tabs.selected not in [tab.id for tab in left]:  # type: ignore[attr-defined]
        tabs.selected = left[0].id  # type: ignore[attr-defined]
