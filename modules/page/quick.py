"""The rows above the tabs: checkpoint, VAE, theme, and further settings of the user's choice. Each
counts at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from modules.app import App
from modules.errors import EaselError, RequestError
from modules.page import (
    checkpoint_names,
    footer,
    models,
    panes,
    queue_panel,
    settings_form,
    settings_state,
)
from modules.page.fields import Field, dropdown
from modules.page.generate import Tab
from modules.page.layout import Form
from modules.page.native_size import is_told_by_pictures, native_size
from modules.page.notices import Notices, Places
from modules.settings import OPTIONS, Option

# What the browser triggers of the row, and of the drawers that any tab opens.
_EVENTS = ("checkpoint", "setting", "refresh", "card", "job")


@dataclass
class Quick:
    """form: the rows' fields. events: what offers _EVENTS."""

    form: Form
    events: gr.HTML


def build(app: App) -> Quick:
    """The rows; `connect` wires them once the tabs are there."""
    form = Form("quick")
    events = panes.place(form, "quick", *_EVENTS)
    with form.pane("quick"):
        with form.row("quicksettings"):
            form.line("easel_brand", "easel-brand", text="Easel", tag="h1")
            form.add(
                "sd_model_checkpoint",
                dropdown(
                    "Stable Diffusion checkpoint",
                    checkpoint_titles(app),
                    current_title(app),
                    elem_id="setting_sd_model_checkpoint",
                    scale=5,
                    min_width=220,
                ),
            )
            words = "Look for new files"
            form.tool("refresh", "refresh", words, "refresh_sd_model_checkpoint")
            form.add(
                "sd_vae",
                dropdown(
                    "VAE",
                    vae_names(app),
                    app.settings.current.vae.sd_vae,
                    elem_id="setting_sd_vae",
                    scale=2,
                    min_width=140,
                ),
            )
            # status.js fills it while there is something to say.
            form.line("easel_state", "easel-state", role="status", hidden=True)
            queue_panel.opener(form)
            form.tool("theme", "theme", "Light or dark", "easel_theme")
        models.line(form)
        if rows := _more(app):
            listed = settings_form.choices_of(app)
            with form.row("quicksettings_more"):
                for row in rows:
                    form.add(
                        row.key,
                        _compact(
                            settings_form.field(
                                app, row, listed, elem_id=f"setting_{row.key}", min_width=140
                            )
                        ),
                    )
    return Quick(form, events)


def _more(app: App) -> list[Option]:
    """The other settings of `quicksettings_list`."""
    return [
        OPTIONS[key]
        for key in settings_form.quick_keys(app.settings.current)[2:]
        if key in OPTIONS and settings_form.is_shown(app, OPTIONS[key])
    ]


def _compact(field: Field) -> Field:
    """A list in the place of buttons."""
    return replace(field, kind="choice") if field.kind == "radio" else field


def checkpoint_titles(app: App) -> list[str]:
    return checkpoint_names.titles(app)


def vae_names(app: App) -> list[str]:
    return ["Automatic", "None", *(vae.name for vae in app.catalog.vaes)]


def current_title(app: App) -> str | None:
    """The checkpoint in use; None where there is none at all."""
    try:
        chosen = app.catalog.default(app.settings.current.sd.sd_model_checkpoint)
        return checkpoint_names.title(app, chosen)
    except EaselError:
        # The chosen file is gone: the list shows what there is, a job would say what is missing.
        titles = checkpoint_titles(app)
        return titles[-1] if titles else None


def connect(
    app: App, quick: Quick, tabs: gr.Tabs, txt2img: Tab, img2img: Tab, notices: Notices
) -> None:
    """Switching the checkpoint, here or by a card, changes the sizes only where they are still the
    old one's own.
    """
    carried = [notices.carrier.component]
    forms = (txt2img.form, img2img.form)

    def chosen(title: str, told: Mapping[str, Any], **fields: Any) -> list[Any]:
        before = native_size(app)
        found = app.catalog.find(title)
        settings_state.change(app, {"sd_model_checkpoint": found.title})
        after = native_size(app)
        listed = {"value": checkpoint_names.title(app, found), **fields}
        changed: dict[str, dict[str, Any]] = {
            "quick": {"sd_model_checkpoint": listed},
            "img2img": {"image_cfg_scale": {"visible": is_told_by_pictures(app)}},
        }
        for form in forms:
            values = form.read(told)
            if (values["width"], values["height"]) == before != after:
                sides = {"width": {"value": after[0]}, "height": {"value": after[1]}}
                changed[form.tab] = {**changed.get(form.tab, {}), **sides}
        stored = {"sd_model_checkpoint": found.title}
        page = footer.state(app, after)
        return [panes.changes(changed, page=page, options={"stored": stored})]

    def choose(told: Mapping[str, Any]) -> list[Any]:
        return chosen(str(quick.form.read(told)["sd_model_checkpoint"]), told)

    def choose_card(event: gr.EventData, told: Mapping[str, Any]) -> list[Any]:
        return chosen(str(event.name), told, choices=checkpoint_titles(app))

    def store(event: gr.EventData, told: Mapping[str, Any]) -> list[Any]:
        key = str(event.name)
        values = quick.form.read(told)
        if key not in values:
            raise RequestError(f"the page has no setting {key!r} above the tabs; reload it")
        settings_state.change(app, settings_state.wanted({key: values[key]}))
        stored = settings_state.stored(app.settings.current, [OPTIONS[key]])
        page = footer.state(app, native_size(app))
        return [panes.changes({}, options={"stored": stored}, page=page)]

    def refresh() -> list[Any]:
        app.catalog.refresh()
        return [panes.changes({"quick": fresh(app)})]

    event: Any = quick.events
    both = [quick.form, *forms]
    # Only a person's choice comes here, not a page that is filled on load.
    notices.on_forms(event.checkpoint, both, choose, carried)
    notices.on_forms(event.card, forms, choose_card, carried, with_data=True)
    places = Places.of_fields(quick.form.fields, {})
    notices.on_forms(event.setting, [quick.form], store, carried, with_data=True, places=places)
    notices.on(event.refresh, refresh, None, carried)
    send = queue_panel.sender(app, txt2img, img2img)
    notices.on(event.job, send, None, [tabs, *carried], with_data=True)


def fresh(app: App) -> dict[str, dict[str, Any]]:
    """What the rows show now, and what may be chosen in the first."""
    found = values(app)
    found["sd_model_checkpoint"]["choices"] = checkpoint_titles(app)
    found["sd_vae"]["choices"] = vae_names(app)
    return found


def values(app: App) -> dict[str, dict[str, Any]]:
    """What the rows show now."""
    settings = app.settings.current
    stored = settings_state.stored(settings, _more(app))
    first = {"sd_model_checkpoint": current_title(app), "sd_vae": settings.vae.sd_vae}
    return {key: {"value": value} for key, value in {**first, **stored}.items()}
