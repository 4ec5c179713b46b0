"""Styles on the page: the field in the form, and the dialog that edits them (interface 13.3).

What lies in which file is the App's `styles`' business; the dialog is drawn by static/styles.js.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modules.app import App
from modules.errors import RequestError
from modules.generation.styles import Style, apply_styles
from modules.library.styles import is_divider
from modules.page import panes
from modules.page.fields import Field, dropdown, textbox
from modules.page.layout import Form
from modules.page.notices import Notices, Places

#: Events of a tab that the dialog's buttons trigger.
EVENTS = ("style-show", "style-save", "style-delete", "style-refresh")

Changes = dict[str, dict[str, Any]]


def field(form: Form, names: Sequence[str]) -> None:
    """The form's field, the button that applies it, and the one that opens the dialog."""
    tab = form.tab
    with form.row(f"{tab}_styles_row", "easel-styles"):
        form.add(
            "styles",
            Field(
                kind="choices",
                label="Styles",
                value=[],
                choices=names,
                # Another page may have saved it since.
                free=True,
                elem_id=f"{tab}_styles",
            ),
        )
        words = "Apply the chosen styles to the prompts"
        form.tool("apply-styles", "clipboard", words, f"{tab}_style_apply")
        form.tool("edit-styles", "brush", "Edit styles", f"{tab}_styles_edit_button")


def dialog(tab: str, names: Sequence[str]) -> Form:
    """What the dialog of `tab` holds."""
    form = Form(f"{tab}_styles")
    with form.pane("dialog"), form.column("", "easel-dialog-body"):
        with form.row("", "easel-dialog-head"):
            form.add(
                "style_name",
                dropdown(
                    "Styles",
                    names,
                    None,
                    free=True,
                    hint="Choose a style, or type the name of a new one.",
                    elem_id=f"{tab}_styles_edit_select",
                    scale=5,
                ),
            )
            form.tool("style-refresh", "refresh", "Read the files again", f"refresh_{tab}_styles")
            apply = "Apply the chosen styles to the prompts"
            form.tool("apply-styles", "clipboard", apply, f"{tab}_style_apply_dialog")
            copy = "Copy the prompts into this style"
            form.tool("style-copy", "copy", copy, f"{tab}_style_copy")
        form.add(
            "style_prompt",
            textbox(
                "Prompt",
                lines=3,
                max_lines=8,
                placeholder="{prompt} stands for what the prompt box holds",
                elem_id=f"{tab}_edit_style_prompt",
            ),
        )
        negative = f"{tab}_edit_style_neg_prompt"
        form.add(
            "style_negative", textbox("Negative prompt", lines=3, max_lines=8, elem_id=negative)
        )
        with form.row("", "easel-dialog-foot"):
            form.button("style-save", "Save", f"{tab}_edit_style_save", variant="primary")
            form.button("style-delete", "Delete", f"{tab}_edit_style_delete")
            form.button("style-close", "Close", f"{tab}_edit_style_close")
    return form


def connect(app: App, events: Mapping[str, Any], dialogs: Sequence[Form], notices: Notices) -> None:
    """All buttons. events: by tab, what offers its EVENTS. Saved and deleted styles are seen in
    every tab's lists.
    """

    def menus() -> dict[str, Changes]:
        listed = {"choices": app.styles.menu()}
        return {tab: {"styles": listed} for tab in events} | {
            each.tab: {"style_name": listed} for each in dialogs
        }

    carried = [notices.carrier.component]
    for tab, form in zip(events, dialogs, strict=True):
        show, save, delete, refresh = (getattr(events[tab], name) for name in EVENTS)
        places = Places.of_fields(form.fields, {"name": "style_name"})
        notices.on(refresh, lambda: [panes.changes(menus())], None, carried)
        handlers = ((show, _show(app, form)), (save, _save(app, form, menus)))
        for event, handler in (*handlers, (delete, _delete(app, form, menus))):
            notices.on_forms(event, [form], handler, carried, places=places)


def _held(form: Form, told: Mapping[str, Any]) -> tuple[str, str, str]:
    """Name, prompt and negative prompt that the dialog shows."""
    values = form.read(told)
    name, prompt, negative = (
        str(values[each] or "") for each in ("style_name", "style_prompt", "style_negative")
    )
    return name, prompt, negative


def _show(app: App, form: Form) -> Callable[[Mapping[str, Any]], list[Any]]:
    def show(told: Mapping[str, Any]) -> list[Any]:
        style = app.styles.by_name().get(_held(form, told)[0])
        if style is None:  # the name of a new style: what was written for it stays
            return [panes.changes({})]
        texts = {
            "style_prompt": {"value": style.prompt},
            "style_negative": {"value": style.negative_prompt},
        }
        return [panes.changes({form.tab: texts})]

    return show


def _save(
    app: App, form: Form, menus: Callable[[], dict[str, Changes]]
) -> Callable[[Mapping[str, Any]], list[Any]]:
    def save(told: Mapping[str, Any]) -> list[Any]:
        name, prompt, negative = _held(form, told)
        app.styles.save(Style(name.strip(), prompt, negative))
        return [panes.changes(menus())]

    return save


def _delete(
    app: App, form: Form, menus: Callable[[], dict[str, Changes]]
) -> Callable[[Mapping[str, Any]], list[Any]]:
    def delete(told: Mapping[str, Any]) -> list[Any]:
        app.styles.delete(_held(form, told)[0])
        found = menus()
        emptied: Changes = {"style_prompt": {"value": ""}, "style_negative": {"value": ""}}
        found[form.tab] = emptied | {"style_name": {**found[form.tab]["style_name"], "value": None}}
        return [panes.changes(found)]

    return delete


def materialised(app: App, form: Form) -> Callable[[Mapping[str, Any]], list[Any]]:
    """The handler that writes the chosen styles into the prompts of `form`."""

    def materialise(told: Mapping[str, Any]) -> list[Any]:
        values = form.read(told)
        known = app.styles.by_name()
        wanted = [name for name in values["styles"] or () if not is_divider(name)]
        missing = [name for name in wanted if name not in known]
        if missing:
            raise RequestError(
                f"there is no style {missing[0]!r}; remove it from Styles", field="styles"
            )
        chosen = [known[name] for name in wanted]
        prompt, negative = apply_styles(values["prompt"], values["negative_prompt"], chosen)
        changed = {"prompt": prompt, "negative_prompt": negative, "styles": []}
        return [
            panes.changes({form.tab: {name: {"value": value} for name, value in changed.items()}})
        ]

    return materialise
