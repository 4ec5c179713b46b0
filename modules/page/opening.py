"""What a page shows when it is loaded: the settings of now, the form as this browser had it, and
the tabs in the order that the settings want.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules.app import App
from modules.page import footer, generate, hires, quick, refiner
from modules.page.defaults import Defaults
from modules.page.generate import Tab
from modules.page.kept import kept as read_kept
from modules.page.language import Language
from modules.page.native_size import is_told_by_pictures, native_size
from modules.page.quick import Quick
from modules.settings import Settings


@dataclass
class Opening:
    """The parts of the page whose values a page load fills in."""

    app: App
    row: Quick
    line: gr.HTML
    tabs: gr.Tabs
    txt2img: Tab
    img2img: Tab
    defaults: Defaults
    speech: Language

    @property
    def outputs(self) -> list[Any]:
        """The components that `fill` gives values of."""
        assert self.img2img.sources is not None
        return [
            self.row.checkpoint,
            self.row.vae,
            *[component for _, component in self.row.more],
            self.line,
            self.tabs,
            self.img2img.sources.tabs,
            *self.txt2img.form.components,
            *self.img2img.form.components,
            *[part.name for part in self._styles],
        ]

    def fill(self, record: str) -> list[Any]:
        """record: what the browser kept (`static/keeping.js`)."""
        app, settings = self.app, self.app.settings.current
        self.speech.refresh()
        size = native_size(app)
        before = read_kept(record)
        names = app.styles.menu()
        also = {
            "styles": {"choices": names},
            **{name: {"visible": True} for name in hires.always_shown(settings)},
            "image_cfg_scale": {"visible": is_told_by_pictures(app)},
        }
        for name in refiner.FIRST:
            also[name] = {**also.get(name, {}), "choices": refiner.choices_of(app, name)}
        forms = [
            update
            for shape in (self.txt2img.form, self.img2img.form)
            for update in generate.updates(
                shape, before.values(shape.tab, size, self.defaults.size(shape.tab)), also
            )
        ]
        told = {
            "defaults": {
                shape.tab: self.defaults.fresh(shape)
                for shape in (self.txt2img.form, self.img2img.form)
            },
            "troubles": [*self.speech.troubles, *self.defaults.troubles],
        }
        return [
            gr.update(choices=quick.checkpoint_titles(app), value=quick.current_title(app)),
            gr.update(choices=quick.vae_names(app), value=settings.vae.sd_vae),
            *self.row.values(app),
            footer.state(app, size, **told),
            *[gr.Tabs(selected=name) if name else gr.skip() for name in before.opened],
            *forms,
            *[gr.update(choices=names) for _ in self._styles],
        ]

    @property
    def _styles(self) -> list[Any]:
        parts = (self.txt2img.styles, self.img2img.styles)
        return [part for part in parts if part is not None]


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
