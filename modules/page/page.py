"""The page as a whole: quick settings, tabs, scripts and styles, mounted into the web application.

Importing this file imports Gradio, so it is imported only when the page is wanted.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

# Read by Gradio when it is imported.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from gradio.themes import Base

from modules.app import App
from modules.library.ui_config import UiConfig
from modules.page import (
    batch,
    canvas,
    early,
    generate,
    history,
    language,
    models,
    networks,
    opening,
    panes,
    png_info,
    queue_panel,
    quick,
    results,
    settings_tab,
    styles_editor,
    themes,
    transfer,
)
from modules.page.defaults import Defaults
from modules.page.defaults_view import FormDefaults
from modules.page.form import PAGE_TABS
from modules.page.layout import Form
from modules.page.native_size import native_size
from modules.page.notices import Notices
from modules.page.opening import Opening
from modules.page.reload import Reload

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
SCRIPTS = (
    "words.js",
    "dom.js",
    "rest.js",
    "shortcuts.js",
    "parts.js",
    *panes.SCRIPTS,
    *results.SCRIPTS,
    "notices.js",
    "complaints.js",
    "calls.js",
    "status.js",
    "keeping.js",
    "sizes.js",
    "sources.js",
    "styles.js",
    "emphasis.js",
    "prompts.js",
    "form-links.js",
    "forever.js",
    "opening.js",
    "page.js",
)
STYLES = (
    *canvas.STYLES,
    "style.css",
    *panes.STYLES,
    "complaints.css",
    *results.STYLES,
    "phone.css",
)


# What the first look at the page does not need: loaded once it is ready.
LATE_SCRIPTS = (
    "grid.js",
    "deleting.js",
    *results.LATE_SCRIPTS,
    *canvas.SCRIPTS,
    *history.SCRIPTS,
    *png_info.SCRIPTS,
    *networks.SCRIPTS,
    *models.SCRIPTS,
    *queue_panel.SCRIPTS,
    *settings_tab.SCRIPTS,
    *batch.SCRIPTS,
    "aspect.js",
)
LATE_STYLES = (
    *settings_tab.STYLES,
    *batch.STYLES,
    *history.STYLES,
    *png_info.STYLES,
    *networks.STYLES,
    *models.STYLES,
    "phone.css",  # again: it mends what the others say
)

# Of Gradio's components, those that every page shows at first.
_KINDS = ("tabs", "tabitem", "html")
# Gradio may add what `head` holds more than once.
_LOADER = """
if (!window.easelFiles) {
  window.easelFiles = %s;
  const script = document.createElement("script");
  script.src = window.easelFiles.scripts;
  document.head.append(script);
}
"""


@dataclass(frozen=True)
class Page:
    """blocks: what Gradio serves. forms: all that the browser draws itself. opening: what of it is
    other for each page that is loaded.
    """

    blocks: gr.Blocks
    forms: tuple[Form, ...]
    opening: Opening

    def records(self) -> dict[str, Any]:
        return {form.tab: form.record() for form in self.forms}


def build_page(app: App, speech: language.Language, reload: Reload) -> Page:
    """All tabs. Values that may change while the server runs are filled in on each page load."""
    size = native_size(app)
    defaults = Defaults(UiConfig(app.paths.ui_config_file))
    opens = "img2img" if app.flags.opens_on_canvas else "txt2img"
    selected = defaults.opened(PAGE_TABS, opens)
    main = ["easel-main"]
    with gr.Blocks(title="Easel", analytics_enabled=False, fill_width=True) as blocks:
        carrier = panes.Carrier()
        notices = Notices(carrier)
        row = quick.build(app)
        with gr.Tabs(selected=selected, elem_id="tabs", overflow_behavior="wrap") as tabs:
            with gr.Tab("txt2img", id="txt2img", elem_id="tab_txt2img", elem_classes=main):
                txt2img = generate.build(app, "txt2img", size, notices)
            with gr.Tab("img2img", id="img2img", elem_id="tab_img2img", elem_classes=main):
                img2img = generate.build(app, "img2img", size, notices)
            forms = (txt2img.form, img2img.form)
            for form in forms:
                defaults.apply(form)
            with gr.Tab("History", id="history", elem_id="tab_history"):
                history.build(app, tabs, txt2img, img2img, notices)
            with gr.Tab("PNG Info", id="pnginfo", elem_id="tab_pnginfo"):
                png_info.build(app, tabs, txt2img, img2img, notices)
            with gr.Tab("Settings", id="settings", elem_id="tab_settings"):
                held = FormDefaults(app, defaults, forms, speech.renew)
                settings = settings_tab.build(app, notices, speech, held, reload)
        opening.arrange(tabs, app.settings.current)
        transfer.connect(app, tabs, txt2img, img2img, notices)
        quick.connect(app, row, tabs, txt2img, img2img, notices)
        dialogs = [styles_editor.dialog(form.tab, app.styles.menu()) for form in forms]
        events = {tab.form.tab: tab.events for tab in (txt2img, img2img)}
        styles_editor.connect(app, events, dialogs, notices)
    filled = Opening(app, tabs, txt2img, img2img, dialogs, defaults, speech)
    return Page(blocks, (row.form, *forms, *dialogs, settings), filled)


def mount(web: Any, app: App) -> None:
    """Put the page at "/" of the FastAPI application `web`; routes declared before it win."""
    os.environ.setdefault("GRADIO_TEMP_DIR", str(app.paths.easel_dir / "gradio"))
    door = opening.Door()
    fixed = early.links(early.gradio_files(_KINDS), [_joined(STYLES), _joined(SCRIPTS)])

    def links() -> str:
        assert door.page is not None, "asked before there was a page"
        return fixed + early.links((), [f"theme.css?v={door.page.theme_hash}"])

    def refresh() -> None:
        """The language may have been changed by a client, or its file by hand."""
        if door.page is not None:
            door.page.speech.refresh()

    web.add_middleware(early.EarlyFiles, links=links, before=refresh)
    web.add_route(door.PATH, door, methods=["POST"])
    Reload(web, lambda web, reload: _mount(web, app, reload, door)).start()


def _mount(web: Any, app: App, reload: Reload, door: opening.Door) -> gr.Blocks:
    speech = language.Language(app)
    page = build_page(app, speech, reload)
    gr.mount_gradio_app(
        web,
        page.blocks,
        path="/",
        theme=theme(),
        head=head(app),
        ssr_mode=False,
        show_error=True,
        footer_links=[],
        # No folder of ours: pictures go through easel/v1, which knows jobs and not paths.
        allowed_paths=list(app.flags.gradio_allowed_path),
        max_file_size=f"{app.settings.current.easel.easel_max_request_mb}mb",
        run_history=False,
    )
    # Nothing waits in Gradio's own queue, which looks a thousand times a second whether it does.
    queue = page.blocks._queue
    queue.sleep_when_free = queue.progress_update_sleep_when_free = 1.0
    speech.serve(page.blocks, page.records)
    door.page = replace(page.opening, theme_hash=page.blocks.theme_hash)
    return page.blocks


def theme() -> Base:
    """Calm and dense; no font is fetched."""
    fonts = ["Inter", "system-ui", "-apple-system", "Segoe UI", "sans-serif"]
    return Base(
        primary_hue="indigo",
        neutral_hue="slate",
        spacing_size="sm",
        text_size="sm",
        radius_size="md",
        font=fonts,
        font_mono=["ui-monospace", "Consolas", "monospace"],
    )


def head(app: App) -> str:
    """Links to our scripts and styles, each with a hash so that no browser keeps an old one."""
    lines = ['<meta name="viewport" content="width=device-width, initial-scale=1">']
    lines.append(themes.script(app))
    lines.append(f'<link rel="stylesheet" href="{escape(_joined(STYLES))}">')
    user_styles = app.paths.data_dir / "user.css"
    if user_styles.is_file():
        rules = user_styles.read_text(encoding="utf-8", errors="replace")
        lines.append("<style>" + rules.replace("</", r"<\/") + "</style>")
    files = {
        "scripts": _joined(SCRIPTS),
        "late_scripts": _joined(LATE_SCRIPTS),
        "late_styles": _joined(LATE_STYLES),
    }
    lines.append(f"<script>{_LOADER % json.dumps(files)}</script>")
    return "\n".join(lines)


def _joined(names: Sequence[str]) -> str:
    """Where these files are one, with the hash of their contents."""
    digest = hashlib.sha256(b"".join((STATIC / name).read_bytes() for name in names))
    stems = ",".join(Path(name).stem for name in names)
    kind = Path(names[0]).suffix
    return f"easel/static/joined{kind}?v={digest.hexdigest()[:10]}&names={stems}"
