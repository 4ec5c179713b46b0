"""The page in another language: the words of its components, and those for its scripts.

Gradio hands every browser a record of the page. Here the texts of its tabs and of its HTML are
replaced; the words of all else go along, for the scripts that draw it. What is not translated stays
as it is. A browser that loads the page anew gets the language that is set then.
"""

from __future__ import annotations

import copy
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from modules.app import App
from modules.library.localizations import Localization

log = logging.getLogger(__name__)

_BETWEEN_TAGS = re.compile(r">([^<>{}$]*[^<>{}$\s][^<>{}$]*)<")


class Language:
    """Keeps what Gradio serves in the language of the setting `localization`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._blocks: gr.Blocks | None = None
        self._plain: dict[str, Any] = {}
        self._forms: Callable[[], Mapping[str, Any]] = dict
        self._spoken = Localization()

    def serve(self, blocks: gr.Blocks, forms: Callable[[], Mapping[str, Any]]) -> None:
        """From now on `blocks`, which is mounted, speaks the language. forms: the record of the
        page's forms as they are now, whose words the browser translates.
        """
        self._blocks, self._forms = blocks, forms
        self._plain = dict(blocks.config)
        self.refresh(always=True)

    def renew(self) -> None:
        """The components' own values are others now."""
        assert self._blocks is not None, "called before `serve`"
        config: Any = self._blocks.get_config_file()
        self._plain = config
        self.refresh(always=True)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What of the language's files could not be used, a line each."""
        return self._spoken.troubles

    def of(self, text: str) -> str:
        """The text in the language of now."""
        return self._spoken.of(text)

    def refresh(self, *, always: bool = False) -> None:
        """Follow the setting and the files, both of which may be others now."""
        found = self._app.localizations.read(self._app.settings.current.ui.localization)
        if self._blocks is None or (found == self._spoken and not always):
            return
        for line in found.troubles:
            log.warning(line)
        self._spoken = found
        config: Any = translated(self._plain, found, self._forms())
        self._blocks.config = config


def translated(
    config: Mapping[str, Any], words: Localization, forms: Mapping[str, Any]
) -> dict[str, Any]:
    """A copy of Gradio's record of a page, in the language; with the words for its scripts, and the
    forms.
    """
    told = {"easelLanguage": {"words": words.words, "rtl": words.rtl}, "easelForms": forms}
    # "<" may end the script, or hide its end; names of files and styles come here too.
    script = json.dumps(told, ensure_ascii=False).replace("<", r"\u003c")
    head = f"<script>Object.assign(window, {script});</script>\n{config.get('head') or ''}"
    components = [_component(each, words) for each in config["components"]]
    return {**config, "head": head, "components": components}


def _component(record: Mapping[str, Any], words: Localization) -> dict[str, Any]:
    props = copy.copy(record["props"])
    if isinstance(props.get("label"), str):
        props["label"] = words.of(props["label"])
    if record["type"] == "html":
        for name in ("value", "html_template"):
            if isinstance(props.get(name), str):
                props[name] = _BETWEEN_TAGS.sub(
                    lambda found: f">{words.of(found[1])}<", props[name]
                )
    return {**record, "props": props}
