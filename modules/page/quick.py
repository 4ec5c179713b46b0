"""The row above the tabs: checkpoint, VAE, theme. A choice is a setting and counts at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from modules.app import App
from modules.errors import EaselError
from modules.page import footer, queue_panel, settings_state, settings_tab, widgets
from modules.page.generate import Tab
from modules.page.native_size import is_told_by_pictures, native_size
from modules.page.notices import Notices
from modules.settings import OPTIONS, Option


@dataclass
class Quick:
    checkpoint: gr.Dropdown
    vae: gr.Dropdown
    refresh: gr.Button
    more: list[tuple[Option, Component]]

    def values(self, app: App) -> list[Any]:
        """What `more` shows for the settings of now."""
        settings = app.settings.current
        return [settings_state.shown(settings.get(row.key)) for row, _ in self.more]


def build(app: App) -> Quick:
    """The components; `connect` wires them once the tabs are there."""
    with gr.Row(elem_id="quicksettings"):
        gr.HTML(
            '<h1 class="easel-brand">Easel</h1>', apply_default_css=False, elem_id="easel_brand"
        )
        checkpoint = widgets.dropdown(
            "Stable Diffusion checkpoint",
            checkpoint_titles(app),
            current_title(app),
            elem_id="setting_sd_model_checkpoint",
            scale=5,
            min_width=220,
        )
        refresh = widgets.tool(
            "refresh", "Look for new files", elem_id="refresh_sd_model_checkpoint"
        )
        vae = widgets.dropdown(
            "VAE",
            vae_names(app),
            app.settings.current.vae.sd_vae,
            elem_id="setting_sd_vae",
            scale=2,
            min_width=140,
        )
        # A constant text: status.js fills it while there is something to say.
        gr.HTML(
            '<div class="easel-state" role="status" hidden></div>',
            apply_default_css=False,
            elem_id="easel_state",
        )
        queue_panel.opener()
        theme = widgets.tool("theme", "Light or dark", elem_id="easel_theme")
    with gr.Row(elem_id="quicksettings_more"):
        more = _more(app)
    widgets.on_click(theme, None, None, None, js="() => EaselPage.toggleTheme()")
    return Quick(checkpoint, vae, refresh, more)


def _more(app: App) -> list[tuple[Option, Component]]:
    """The other settings of `quicksettings_list`."""
    rows = [
        OPTIONS[key]
        for key in settings_tab.quick_keys(app.settings.current)[2:]
        if key in OPTIONS and settings_tab.is_shown(app, OPTIONS[key])
    ]
    listed = settings_tab.choices_of(app) if rows else {}
    return [
        (
            row,
            settings_tab.control(
                row,
                app.settings.current.get(row.key),
                listed,
                elem_id=f"setting_{row.key}",
                compact=True,
                info=None,
                min_width=140,
                interactive=not app.flags.is_frozen(row.key, row.section),
            ),
        )
        for row in rows
    ]


def checkpoint_titles(app: App) -> list[str]:
    return [entry.title for entry in app.catalog.checkpoints]


def vae_names(app: App) -> list[str]:
    return ["Automatic", "None", *(vae.name for vae in app.catalog.vaes)]


def current_title(app: App) -> str | None:
    """The checkpoint in use; None where there is none at all."""
    try:
        return app.catalog.default(app.settings.current.sd.sd_model_checkpoint).title
    except EaselError:
        # The chosen file is gone: the list shows what there is, a job would say what is missing.
        titles = checkpoint_titles(app)
        return titles[-1] if titles else None


def connect(
    app: App,
    quick: Quick,
    line: gr.HTML,
    cards: gr.HTML,
    txt2img: Tab,
    img2img: Tab,
    notices: Notices,
) -> None:
    """Switching the checkpoint, here or by a card, changes the sizes only where they are still the
    old one's own.
    """
    sizes = [tab.form.fields[name] for tab in (txt2img, img2img) for name in ("width", "height")]
    pictures = img2img.form.fields["image_cfg_scale"]

    def choose(title: str, *shown: float) -> list[Any]:
        before = native_size(app)
        found = app.catalog.find(title)
        settings_state.change(app, {"sd_model_checkpoint": found.title})
        after = native_size(app)
        result: list[Any] = []
        for pair in (shown[:2], shown[2:]):
            untouched = tuple(pair) == before
            result += list(after) if untouched and after != before else [gr.skip()] * 2
        told = gr.update(visible=is_told_by_pictures(app))
        return [footer.state(app, after), told, *result]

    def choose_card(event: gr.EventData, *shown: float) -> list[Any]:
        found = app.catalog.find(str(event.name))
        return [
            gr.update(choices=checkpoint_titles(app), value=found.title),
            *choose(found.title, *shown),
        ]

    def choose_vae(name: str) -> list[Any]:
        settings_state.change(app, {"sd_vae": name})
        return []

    def refresh() -> list[Any]:
        app.catalog.refresh()
        return [
            gr.update(choices=checkpoint_titles(app), value=current_title(app)),
            gr.update(choices=vae_names(app)),
        ]

    # `input`, not `change`: only a person's choice counts, not a page that is filled on load.
    notices.on(quick.checkpoint.input, choose, [quick.checkpoint, *sizes], [line, pictures, *sizes])
    outputs = [quick.checkpoint, line, pictures, *sizes]
    notices.on(cards.choose, choose_card, sizes, outputs, with_data=True)  # type: ignore[attr-defined]
    notices.on(quick.vae.input, choose_vae, [quick.vae], [])
    for row, component in quick.more:
        notices.on(component.input, _storing(app, row), [component], [])  # type: ignore
    widgets.on_click(quick.refresh, refresh, None, [quick.checkpoint, quick.vae])


def _storing(app: App, row: Option) -> Callable[[Any], list[Any]]:
    def store(value: Any) -> list[Any]:
        settings_state.change(app, {row.key: settings_state.from_control(row, value)})
        return []

    return store
