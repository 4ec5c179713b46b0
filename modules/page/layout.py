"""A form: its fields by name, and where they stand, as one record for `static/form*.js`.

A form is drawn in panes, each of which has its own place on the page; its values belong together.
Knows no single field and no library that draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from modules.errors import RequestError
from modules.page.fields import Button, Field, checkbox
from modules.page.form import FIELDS, fits

Node = dict[str, Any]


class Form:
    """fields, buttons: by name and by action, in the order in which they were added. panes: their
    layout by name, which grows inside `with form.pane(name)`.
    """

    def __init__(self, tab: str) -> None:
        self.tab = tab
        self.fields: dict[str, Field] = {}
        self.buttons: dict[str, Button] = {}
        self.panes: dict[str, list[Node]] = {}
        self._open: list[list[Node]] = []

    def record(self) -> dict[str, Any]:
        """The form as the browser gets it."""
        self._put_buttons()
        return {
            "fields": {name: each.record() for name, each in self.fields.items()},
            "panes": self.panes,
        }

    def read(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Values by field in what a browser `told`; a fresh form's where it says nothing.

        RequestError where one is of another kind. Numbers are left to those that use them, which
        know what an empty one means.
        """
        mine = told.get(self.tab)
        if not isinstance(mine, Mapping):
            raise RequestError("the page did not say what the form holds; reload it")
        found = {name: mine.get(name, each.value) for name, each in self.fields.items()}
        for name, value in found.items():
            judged = FIELDS.get(name) in ("text", "flag", "list")
            if judged and value is not None and not fits(name, value):
                raise RequestError(f"{name} can't be {value!r:.60}; reload the page", field=name)
        return found

    # ---------------------------------------------------------------------------- layout

    @contextmanager
    def pane(self, name: str) -> Iterator[None]:
        with self._inside(self.panes.setdefault(name, [])):
            yield

    @contextmanager
    def row(self, elem_id: str = "", *classes: str) -> Iterator[None]:
        with self._block("row", elem_id, classes):
            yield

    @contextmanager
    def column(self, elem_id: str = "", *classes: str) -> Iterator[None]:
        with self._block("column", elem_id, classes):
            yield

    @contextmanager
    def switch(self, name: str, label: str, elem_id: str) -> Iterator[None]:
        """A section with a checkbox in its head, the field `name`, and beside it a line of text
        that is empty; what is inside shows only while the box is ticked, and keeps its values.
        """
        self.fields[name] = checkbox(label, elem_id=f"{elem_id}-checkbox")
        body: list[Node] = []
        self._add({"switch": name, "id": elem_id, "line": f"{elem_id}-line", "body": body})
        with self._inside(body):
            yield

    @contextmanager
    def tabs(self, elem_id: str, *classes: str) -> Iterator[None]:
        with self._block("tabs", elem_id, classes):
            yield

    @contextmanager
    def one_tab(self, label: str, elem_id: str, *, visible: bool = True) -> Iterator[None]:
        """One of `tabs`."""
        body: list[Node] = []
        self._add({"label": label, "id": elem_id, "visible": visible, "body": body})
        with self._inside(body):
            yield

    @contextmanager
    def fold(self, label: str, elem_id: str, *, open: bool = False) -> Iterator[None]:
        body: list[Node] = []
        self._add({"fold": body, "label": label, "id": elem_id, "open": open})
        with self._inside(body):
            yield

    def add(self, name: str, field: Field) -> None:
        self.fields[name] = field
        self._add({"field": name})

    def button(self, action: str, label: str, elem_id: str, **more: Any) -> None:
        found = Button(elem_id=elem_id, label=label, action=action, **more)
        self.buttons[elem_id] = found
        self._add({"button": found.record()})

    def tool(self, action: str, icon: str, label: str, elem_id: str) -> None:
        """A small button with the `icon` of that name in style.css."""
        self.button(action, label, elem_id, icon=icon)

    def line(self, elem_id: str, *classes: str, **more: Any) -> None:
        """A text that scripts fill. more: text, tag, role and hidden of its element."""
        self._add({"line": elem_id, "classes": list(classes), **more})

    def tokens(self, elem_id: str) -> None:
        """The token counter of the prompt box before it."""
        self._add({"tokens": elem_id})

    def mount(self, what: str, elem_id: str) -> None:
        """A place that the script which knows `what` fills."""
        self._add({"mount": what, "id": elem_id})

    def _add(self, node: Node) -> None:
        self._open[-1].append(node)

    @contextmanager
    def _block(self, kind: str, elem_id: str, classes: Sequence[str]) -> Iterator[None]:
        inner: list[Node] = []
        node: Node = {kind: inner}
        if elem_id:
            node["id"] = elem_id
        if classes:
            node["classes"] = list(classes)
        self._add(node)
        with self._inside(inner):
            yield

    @contextmanager
    def _inside(self, nodes: list[Node]) -> Iterator[None]:
        self._open.append(nodes)
        try:
            yield
        finally:
            self._open.pop()

    def _put_buttons(self) -> None:
        """Their records as they are now: ui-config.json may have hidden one."""

        def visit(nodes: Sequence[Node]) -> None:
            for node in nodes:
                if "button" in node:
                    node["button"] = self.buttons[node["button"]["id"]].record()
                for inner in node.values():
                    if isinstance(inner, list) and inner and isinstance(inner[0], dict):
                        visit(inner)

        for nodes in self.panes.values():
            visit(nodes)
