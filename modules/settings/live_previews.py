"""Settings of progress and of the small pictures shown while a job runs; none changes a finished
picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option


@dataclass(frozen=True)
class LivePreviews(Section, id="live-previews", title="Live previews", category="User Interface"):
    show_progressbar: bool = option(True, "Show the progress bar")
    live_previews_enable: bool = option(True, "Show live previews of the picture being made")
    live_previews_image_format: str = option(
        "jpeg",
        "File format of live previews",
        "JPEG where the original has PNG: a preview is small and soon gone.",
        choices=("jpeg", "png", "webp"),
    )
    show_progress_grid: bool = option(True, "Show previews of all pictures of a batch in a grid")
    show_progress_every_n_steps: int = option(
        10,
        "Live preview every so many steps",
        "-1: only when a picture is finished.",
        low=-1,
        high=32,
        step=1,
    )
    show_progress_type: str = option(
        "Approx cheap",
        "Live preview method",
        "Approx cheap where the original has Approx NN, which needs a network of its own. TAESD "
        "needs its file in models/VAE-approx. Full: by the VAE itself, which is slow.",
        choices=("Full", "Approx cheap", "TAESD"),
        instead={"Approx NN": "Approx cheap"},
    )
    live_preview_allow_lowvram_full: bool = option(
        False, "Allow full previews with --lowvram and --medvram"
    )
    live_preview_refresh_period: int = option(
        500,
        "Progress and preview update period, in milliseconds",
        "Half the original's: a question costs little here.",
        low=100,
        high=60_000,
    )
    live_preview_fast_interrupt: bool = option(
        False, "Return the picture as last previewed on interrupt"
    )
    js_live_preview_in_modal_lightbox: bool = option(
        False, "Show the live preview in the full page viewer too"
    )
    prevent_screen_sleep_during_generation: bool = option(
        True, "Keep the screen awake while a job runs"
    )
