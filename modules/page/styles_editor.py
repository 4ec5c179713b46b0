"""Styles on the page: the field in the form, and the dialog that edits them (interface 13.3).

What lies in which file is the App's `styles`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from modules.app import App
from modules.errors import RequestError
from modules.generation.styles import Style, apply_styles
from modules.library.styles import is_divider
from modules.page import widgets
from modules.page.controls import Form
from modules.page.notices import Notices


@dataclass
class StylesPart:
    """One tab's components for styles; `chosen` is also the form's field."""

    form: Form
    chosen: gr.Dropdown
    apply: gr.Button
    name: gr.Dropdown
    refresh: gr.Button
    into_prompt: gr.Button
    from_prompt: gr.Button
    prompt: gr.Textbox
    negative: gr.Textbox
    save: gr.Button
    delete: gr.Button


def field(app: App, form: Form) -> tuple[gr.Dropdown, gr.Button]:
    """The form's field and the button that applies it; beside them the one that opens the
    dialog.
    """
    tab = form.tab
    with gr.Row(elem_classes=["easel-styles"], elem_id=f"{tab}_styles_row"):
        chosen = gr.Dropdown(
            app.styles.menu(),
            value=[],
            multiselect=True,
            label="Styles",
            elem_id=f"{tab}_styles",
            interactive=True,
            # Another page may have saved it since.
            allow_custom_value=True,
        )
        form.add("styles", chosen)
        js = f"names => window.EaselPrompts?.styled('{tab}', names)"
        chosen.change(None, chosen, None, js=js, **widgets.QUICK)
        apply = widgets.tool(
            "clipboard", "Apply the chosen styles to the prompts", elem_id=f"{tab}_style_apply"
        )
        edit = widgets.tool("brush", "Edit styles", elem_id=f"{tab}_styles_edit_button")
    widgets.on_click(edit, None, None, None, js=f"() => EaselStyles.open('{tab}')")
    return chosen, apply


def dialog(app: App, form: Form, chosen: gr.Dropdown, apply: gr.Button) -> StylesPart:
    """The closed dialog; `chosen` and `apply` are what `field` made."""
    classes = ["easel-dialog"]
    with gr.Column(elem_id=f"{form.tab}_styles_dialog", elem_classes=classes):
        part = _dialog(form.tab, app.styles.menu())
    return StylesPart(form, chosen, apply, *part)


def _dialog(tab: str, names: Sequence[str]) -> tuple[Any, ...]:
    with gr.Column(elem_classes=["easel-dialog-body"]):
        with gr.Row(elem_classes=["easel-dialog-head"]):
            name = gr.Dropdown(
                list(names),
                value=None,
                label="Styles",
                info="Choose a style, or type the name of a new one.",
                elem_id=f"{tab}_styles_edit_select",
                interactive=True,
                allow_custom_value=True,
                scale=5,
            )
            refresh = widgets.tool(
                "refresh", "Read the files again", elem_id=f"refresh_{tab}_styles"
            )
            into = widgets.tool(
                "clipboard",
                "Apply the chosen styles to the prompts",
                elem_id=f"{tab}_style_apply_dialog",
            )
            out = widgets.tool(
                "copy", "Copy the prompts into this style", elem_id=f"{tab}_style_copy"
            )
        prompt = widgets.textbox(
            "Prompt",
            lines=3,
            max_lines=8,
            placeholder="{prompt} stands for what the prompt box holds",
            elem_id=f"{tab}_edit_style_prompt",
        )
        negative = widgets.textbox(
            "Negative prompt", lines=3, max_lines=8, elem_id=f"{tab}_edit_style_neg_prompt"
        )
        with gr.Row(elem_classes=["easel-dialog-foot"]):
            save = gr.Button(
                "Save", variant="primary", size="sm", elem_id=f"{tab}_edit_style_save", scale=0
            )
            delete = gr.Button("Delete", size="sm", elem_id=f"{tab}_edit_style_delete", scale=0)
            close = gr.Button("Close", size="sm", elem_id=f"{tab}_edit_style_close", scale=0)
    widgets.on_click(close, None, None, None, js="() => EaselStyles.close()")
    return name, refresh, into, out, prompt, negative, save, delete


def connect(app: App, parts: Sequence[StylesPart], notices: Notices) -> None:
    """All buttons. Saved and deleted styles are seen in every tab's lists."""
    lists = [component for part in parts for component in (part.chosen, part.name)]

    def menus() -> list[Any]:
        names = app.styles.menu()
        return [gr.update(choices=names) for _ in lists]

    for part in parts:
        widgets.on_click(part.refresh, menus, None, lists)
        # `input`: a person's choice, and not what the handlers below fill in.
        notices.on(part.name.input, _show(app), [part.name], [part.prompt, part.negative])
        notices.on(
            part.save.click, _save(app, menus), [part.name, part.prompt, part.negative], lists
        )
        notices.on(
            part.delete.click,
            _delete(app, menus),
            [part.name],
            [part.name, part.prompt, part.negative, *lists],
            js="name => EaselStyles.confirmed(name)",
        )
        boxes: list[Component] = [part.form.fields["prompt"], part.form.fields["negative_prompt"]]
        copied = [part.prompt, part.negative]
        widgets.on_click(part.from_prompt, None, boxes, copied, js="(...texts) => texts")
        for button in (part.apply, part.into_prompt):
            changed = [*boxes, part.chosen]
            notices.on(button.click, _materialise(app), changed, changed)


def _show(app: App) -> Callable[[str | None], list[Any]]:
    def show(name: str | None) -> list[Any]:
        style = app.styles.by_name().get(name or "")
        # The name of a new style: what was written for it stays.
        return [gr.skip(), gr.skip()] if style is None else [style.prompt, style.negative_prompt]

    return show


def _save(app: App, menus: Callable[[], list[Any]]) -> Callable[..., list[Any]]:
    def save(name: str | None, prompt: str, negative: str) -> list[Any]:
        app.styles.save(Style((name or "").strip(), prompt, negative))
        return menus()

    return save


def _delete(app: App, menus: Callable[[], list[Any]]) -> Callable[[str | None], list[Any]]:
    def delete(name: str | None) -> list[Any]:
        """`name` is None where the question was answered with no."""
        if name is None:
            return [gr.skip()] * (3 + len(menus()))
        app.styles.delete(name)
        return [None, "", "", *menus()]

    return delete


def _materialise(app: App) -> Callable[..., list[Any]]:
    def materialise(prompt: str, negative: str, names: list[str] | None) -> list[Any]:
        known = app.styles.by_name()
        wanted = [name for name in names or () if not is_divider(name)]
        missing = [name for name in wanted if name not in known]
        if missing:
            raise RequestError(
                f"there is no style {missing[0]!r}; remove it from Styles", field="styles"
            )
        return [*apply_styles(prompt, negative, [known[name] for name in wanted]), []]

    return materialise
