"""Settings of the page: what it shows and in which form."""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option

CATEGORY = "User Interface"


@dataclass(frozen=True)
class Interface(Section, id="ui", title="User interface", category=CATEGORY):
    localization: str = option(
        "None",
        "Localization",
        "Language of the page: a file in localizations. Seen when the page is next loaded.",
        choices_from="localizations",
        reload=True,
    )
    quicksettings_list: tuple[str, ...] = option(
        ("sd_model_checkpoint",),
        "Quicksettings list",
        "Settings shown at the top of the page.",
        choices_from="settings",
        reload=True,
    )
    ui_tab_order: tuple[str, ...] = option(
        (), "Order of the tabs", choices_from="tabs", reload=True
    )
    hidden_tabs: tuple[str, ...] = option((), "Hidden tabs", choices_from="tabs", reload=True)
    ui_reorder_list: tuple[str, ...] = option(
        (),
        "Order of the controls in txt2img and img2img",
        "Those that are named, among the others in their usual order.",
        choices_from="controls",
        reload=True,
    )
    show_progress_in_title: bool = option(True, "Show progress in the window's title")
    send_seed: bool = option(True, "Send the seed along with a picture to another tab")
    send_size: bool = option(True, "Send the size along with a picture to another tab")
    enable_reloading_ui_scripts: bool = option(
        False, "Reload user scripts with the page", built=False
    )


@dataclass(frozen=True)
class UiAlternatives(Section, id="ui_alternatives", title="UI alternatives", category=CATEGORY):
    samplers_in_dropdown: bool = option(
        True, "Show samplers in a drop-down instead of buttons", reload=True
    )
    sd_checkpoint_dropdown_use_short: bool = option(
        False, "Show checkpoints without their directory"
    )
    hires_fix_show_sampler: bool = option(False, "Show checkpoint and sampler of hires fix")
    hires_fix_show_prompts: bool = option(False, "Show prompt and negative prompt of hires fix")
    txt2img_settings_accordion: bool = option(
        False, "Settings in txt2img can be folded away", reload=True
    )
    img2img_settings_accordion: bool = option(
        False, "Settings in img2img can be folded away", reload=True
    )
    interrupt_after_current: bool = option(
        True,
        "Don't interrupt in the middle of a picture",
        "Interrupt ends the job after the picture that is being made.",
    )


@dataclass(frozen=True)
class SettingsInUi(Section, id="settings_in_ui", title="Settings in UI", category=CATEGORY):
    extra_options_txt2img: tuple[str, ...] = option(
        (), "Settings shown in txt2img", choices_from="settings", reload=True
    )
    extra_options_img2img: tuple[str, ...] = option(
        (), "Settings shown in img2img", choices_from="settings", reload=True
    )
    extra_options_cols: int = option(
        1, "Columns of these settings", low=1, high=20, step=1, reload=True
    )
    extra_options_accordion: bool = option(False, "These settings can be folded away", reload=True)


@dataclass(frozen=True)
class Gallery(Section, id="ui_gallery", title="Gallery", category=CATEGORY):
    return_grid: bool = option(True, "Show the grid in results")
    do_not_show_images: bool = option(False, "Do not show any pictures in results")
    js_modal_lightbox: bool = option(True, "Open a clicked picture over the whole page")
    js_modal_lightbox_initially_zoomed: bool = option(True, "Show it as large as the page at first")
    js_modal_lightbox_gamepad: bool = option(False, "Turn pictures with a gamepad")
    js_modal_lightbox_gamepad_repeat: int = option(
        250, "Gamepad repeat period, in milliseconds", low=0, high=10_000
    )
    sd_webui_modal_lightbox_icon_opacity: float = option(
        1.0, "Opacity of the viewer's icons", low=0, high=1, step=0.01
    )
    sd_webui_modal_lightbox_toolbar_opacity: float = option(
        0.9, "Opacity of the viewer's toolbar", low=0, high=1, step=0.01
    )
    gallery_height: str = option(
        "", "Height of the gallery", "A CSS length such as 600px.", reload=True
    )
    open_dir_button_choice: str = option(
        "Subdirectory",
        "Which directory the folder button opens",
        choices=("Output Root", "Subdirectory", "Subdirectory (even temp dir)"),
    )
