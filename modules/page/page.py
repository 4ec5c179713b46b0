"""The page as a whole: quick settings, tabs, scripts and styles, mounted into the web application.

Importing this file imports Gradio, so it is imported only when the page is wanted.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
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
    footer,
    generate,
    hires,
    history,
    language,
    models,
    networks,
    opening,
    png_info,
    queue_panel,
    quick,
    results,
    settings_tab,
    styles_editor,
    themes,
    transfer,
    widgets,
)
from modules.page.defaults import Defaults
from modules.page.defaults_view import FormDefaults
from modules.page.form import PAGE_TABS
from modules.page.generate import Tab
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
    "grid.js",
    "parts.js",
    *canvas.SCRIPTS,
    *results.SCRIPTS,
    *history.SCRIPTS,
    *png_info.SCRIPTS,
    *networks.SCRIPTS,
    *models.SCRIPTS,
    *queue_panel.SCRIPTS,
    "notices.js",
    "complaints.js",
    "calls.js",
    "deleting.js",
    "settings.js",
    "status.js",
    "keeping.js",
    "sizes.js",
    *batch.SCRIPTS,
    "sources.js",
    "aspect.js",
    "forever.js",
    "styles.js",
    "emphasis.js",
    "prompts.js",
    "page.js",
)
STYLES = (
    *canvas.STYLES,
    "style.css",
    *settings_tab.STYLES,
    "complaints.css",
    *results.STYLES,
    *batch.STYLES,
    *history.STYLES,
    *png_info.STYLES,
    *networks.STYLES,
    *models.STYLES,
    "phone.css",
)


# Gradio may add what `head` holds more than once.
_LOADER = """
if (!window.easelScripts) {
  window.easelScripts = document.createElement("script");
  window.easelScripts.src = %s;
  document.head.append(window.easelScripts);
}
"""
_KEPT = """
async () => {
  while (!window.EaselPage) await new Promise((go) => setTimeout(go, 20));
  return [EaselKeeping.record()];
}
"""


def build_page(app: App, speech: language.Language, reload: Reload) -> gr.Blocks:
    """All tabs. Values that may change while the server runs are filled in on each page load."""
    size = native_size(app)
    defaults = Defaults(UiConfig(app.paths.ui_config_file))
    opens = "img2img" if app.flags.opens_on_canvas else "txt2img"
    with gr.Blocks(title="Easel", analytics_enabled=False, fill_width=True) as blocks:
        notices = Notices()
        row = quick.build(app)
        models.line()
        with gr.Tabs(selected=defaults.opened(PAGE_TABS, opens), elem_id="tabs") as tabs:
            with gr.Tab("txt2img", id="txt2img", elem_id="tab_txt2img") as first:
                txt2img = generate.build(app, "txt2img", size, notices)
            with gr.Tab("img2img", id="img2img", elem_id="tab_img2img") as second:
                img2img = generate.build(app, "img2img", size, notices)
            for tab, root in ((txt2img, first), (img2img, second)):
                defaults.apply(tab.form.tab, root)
                defaults.finish(tab.form)
            with gr.Tab("History", id="history", elem_id="tab_history"):
                history.build(app, tabs, txt2img, img2img, notices)
            with gr.Tab("PNG Info", id="pnginfo", elem_id="tab_pnginfo"):
                png_info.build(app, tabs, txt2img, img2img, notices)
            with gr.Tab("Settings", id="settings", elem_id="tab_settings"):
                forms = FormDefaults(app, defaults, (txt2img.form, img2img.form), speech.renew)
                settings_tab.build(app, notices, speech, forms, reload)
        opening.arrange(tabs, app.settings.current)
        line = footer.build(app, size)
        transfer.connect(app, tabs, txt2img, img2img, notices)
        queue_panel.build(app, tabs, txt2img, img2img, notices)
        quick.connect(app, row, line, networks.drawer(), txt2img, img2img, notices)
        for tab in (txt2img, img2img):
            _keep(tab)
        parts = [tab.styles for tab in (txt2img, img2img) if tab.styles is not None]
        styles_editor.connect(app, parts, notices)
        kept = gr.Textbox(visible=False, elem_id="easel_kept")
        page = Opening(app, row, line, tabs, txt2img, img2img, defaults, speech)
        loaded = blocks.load(page.fill, kept, page.outputs, js=_KEPT, **widgets.QUICK)
        assert txt2img.hires_line is not None
        hires.follow_size(txt2img.form, txt2img.hires_line, loaded)
        loaded.then(None, None, None, js="() => EaselPage.ready()", **widgets.QUICK)
    return blocks


def _keep(tab: Tab) -> None:
    """Each change of the tab's form is written down in the browser, so that a reload loses
    nothing.
    """
    names = json.dumps(list(tab.form.fields))
    triggers = [component.change for component in tab.form.components]  # type: ignore[attr-defined]
    js = f"(...values) => window.EaselKeeping?.keep('{tab.form.tab}', {names}, values)"
    gr.on(triggers, None, tab.form.components, None, js=js, **widgets.QUICK)


def mount(web: Any, app: App) -> None:
    """Put the page at "/" of the FastAPI application `web`; routes declared before it win."""
    os.environ.setdefault("GRADIO_TEMP_DIR", str(app.paths.easel_dir / "gradio"))
    Reload(web, lambda web, reload: _mount(web, app, reload)).start()


def _mount(web: Any, app: App, reload: Reload) -> gr.Blocks:
    speech = language.Language(app)
    blocks = build_page(app, speech, reload)
    gr.mount_gradio_app(
        web,
        blocks,
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
    blocks._queue.sleep_when_free = blocks._queue.progress_update_sleep_when_free = 1.0
    speech.serve(blocks)
    return blocks


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
    lines.append(f"<script>{_LOADER % json.dumps(_joined(SCRIPTS))}</script>")
    return "\n".join(lines)


def _joined(names: Sequence[str]) -> str:
    """Where these files are one, with the hash of their contents."""
    digest = hashlib.sha256(b"".join((STATIC / name).read_bytes() for name in names))
    stems = ",".join(Path(name).stem for name in names)
    kind = Path(names[0]).suffix
    return f"easel/static/joined{kind}?v={digest.hexdigest()[:10]}&names={stems}"
