"""The row above the tabs: checkpoint, VAE, theme. A choice is a setting and counts at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules.app import App
from modules.errors import EaselError
from modules.page import footer, queue_panel, widgets
from modules.page.generate import Tab
from modules.page.notices import Notices


@dataclass
class Quick:
    checkpoint: gr.Dropdown
    vae: gr.Dropdown
    refresh: gr.Button


def build(app: App) -> Quick:
    """The components; `connect` wires them once the tabs are there."""
    with gr.Row(elem_id="quicksettings"):
        gr.HTML(
            '<div class="easel-brand">Easel</div>', apply_default_css=False, elem_id="easel_brand"
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
    widgets.on_click(theme, None, None, None, js="() => EaselPage.toggleTheme()")
    return Quick(checkpoint, vae, refresh)


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


def current_size(app: App) -> tuple[int, int]:
    """(width, height) in pixels that the checkpoint in use was made for."""
    try:
        chosen = app.catalog.default(app.settings.current.sd.sd_model_checkpoint)
    except EaselError:
        return (512, 512)
    return app.catalog.default_size(chosen)


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

    def choose(title: str, *shown: float) -> list[Any]:
        before = current_size(app)
        found = app.catalog.find(title)
        app.settings.update({"sd_model_checkpoint": found.title})
        after = current_size(app)
        result: list[Any] = []
        for pair in (shown[:2], shown[2:]):
            untouched = tuple(int(value) for value in pair) == before
            result += list(after) if untouched and after != before else [gr.skip()] * 2
        return [footer.state(app, after), *result]

    def choose_card(event: gr.EventData, *shown: float) -> list[Any]:
        found = app.catalog.find(str(event.name))
        return [
            gr.update(choices=checkpoint_titles(app), value=found.title),
            *choose(found.title, *shown),
        ]

    def choose_vae(name: str) -> list[Any]:
        app.settings.update({"sd_vae": name})
        return []

    def refresh() -> list[Any]:
        app.catalog.refresh()
        return [
            gr.update(choices=checkpoint_titles(app), value=current_title(app)),
            gr.update(choices=vae_names(app)),
        ]

    # `input`, not `change`: only a person's choice counts, not a page that is filled on load.
    notices.on(quick.checkpoint.input, choose, [quick.checkpoint, *sizes], [line, *sizes])
    outputs = [quick.checkpoint, line, *sizes]
    notices.on(cards.choose, choose_card, sizes, outputs, with_data=True)  # type: ignore[attr-defined]
    notices.on(quick.vae.input, choose_vae, [quick.vae], [])
    widgets.on_click(quick.refresh, refresh, None, [quick.checkpoint, quick.vae])
