"""What the page's scripts must know of the program and its settings; `static/page.js` hands it to
them and draws the line below the tabs.
"""

from __future__ import annotations

import platform
from typing import Any

import gradio as gr

from modules.app import App
from modules.generation.version import VERSION
from modules.page import canvas, networks
from modules.settings import Settings

_WHITESPACE = {"Tab": "\t", "Carriage Return": "\r", "Line Feed": "\n"}


def state(app: App, size: tuple[int, int], **more: Any) -> dict[str, Any]:
    """size: (width, height) in pixels that the checkpoint in use was made for. more: "defaults",
    the values of a fresh form by tab, and "troubles", lines to be shown once.
    """
    versions = f"Easel {VERSION} · Python {platform.python_version()} · Gradio {gr.__version__}"
    settings = app.settings.current
    return {
        "versions": versions,
        "size": list(size),
        "has_users": bool(app.flags.users),
        "sound": _sound(app),
        **_options(settings),
        **more,
    }


def _sound(app: App) -> str:
    """Address of what is played when pictures are ready; "" where nothing is."""
    file = app.notification_sound if app.settings.current.saving_images.notification_audio else None
    return f"easel/v1/notification.mp3?v={int(file.stat().st_mtime)}" if file else ""


def _options(settings: Settings) -> dict[str, Any]:
    gallery = settings.ui_gallery
    return {
        "canvas": canvas.options_of(settings.canvas_hotkey),
        "networks": networks.options_of(settings),
        "network_separator": settings.extra_networks.extra_networks_add_text_separator,
        "progress_in_title": settings.ui.show_progress_in_title,
        "period": settings.live_previews.live_preview_refresh_period,
        "emphasis_step": settings.ui_prompt_editing.keyedit_precision_attention,
        "emphasis_tag_step": settings.ui_prompt_editing.keyedit_precision_extra,
        "delimiters": _delimiters(settings),
        "move_items": settings.ui_prompt_editing.keyedit_move,
        "volume": settings.saving_images.notification_volume,
        "stay_awake": settings.live_previews.prevent_screen_sleep_during_generation,
        "viewer": gallery.js_modal_lightbox,
        "viewer_pad": gallery.js_modal_lightbox_gamepad
        and max(1, gallery.js_modal_lightbox_gamepad_repeat),
        "viewer_fits": gallery.js_modal_lightbox_initially_zoomed,
        "viewer_icons": gallery.sd_webui_modal_lightbox_icon_opacity,
        "viewer_toolbar": gallery.sd_webui_modal_lightbox_toolbar_opacity,
        "live_preview_in_viewer": settings.live_previews.js_live_preview_in_modal_lightbox,
        "show_bar": settings.live_previews.show_progressbar,
        "show_grid": gallery.return_grid,
        "hide_pictures": gallery.do_not_show_images,
        "gallery_height": gallery.gallery_height,
        "keep_deleted_days": settings.easel.easel_keep_deleted_days,
        "restart_on_enter": settings.easel.easel_restart_on_ctrl_enter,
        "count_tokens": not settings.ui_prompt_editing.disable_token_counters,
    }


def _delimiters(settings: Settings) -> str:
    """Every sign that ends a word under the cursor."""
    editing = settings.ui_prompt_editing
    spaces = (_WHITESPACE[name] for name in editing.keyedit_delimiters_whitespace)
    return editing.keyedit_delimiters + "".join(spaces)
