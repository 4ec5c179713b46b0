"""Settings of LoRA, hypernetworks and textual inversion, and of the cards that show them."""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option


@dataclass(frozen=True)
class ExtraNetworks(
    Section, id="extra_networks", title="Extra Networks", category="Stable Diffusion"
):
    extra_networks_show_hidden_directories: bool = option(
        True, "Show directories whose name begins with a dot"
    )
    extra_networks_dir_button_function: bool = option(
        False,
        "A directory's button begins with a slash",
        "It then shows what lies right in that directory, not what lies below it too.",
    )
    extra_networks_hidden_models: str = option(
        "When searched",
        "Show cards of models in hidden directories",
        choices=("Always", "When searched", "Never"),
    )
    extra_networks_default_multiplier: float = option(
        1.0, "Default multiplier of an extra network", low=0, high=2, step=0.01
    )
    extra_networks_card_width: int = option(
        0, "Card width", "In pixels; 0: the default.", low=0, high=4096
    )
    extra_networks_card_height: int = option(
        0, "Card height", "In pixels; 0: the default.", low=0, high=4096
    )
    extra_networks_card_text_scale: float = option(1.0, "Card text scale", low=0, high=2, step=0.01)
    extra_networks_card_show_desc: bool = option(True, "Show the description on a card")
    extra_networks_card_description_is_html: bool = option(
        False,
        "Treat a card's description as HTML",
        "Marks of text and links to other sites; scripts, pictures and styles are left out.",
    )
    extra_networks_card_order_field: str = option(
        "Path",
        "Default order of the cards",
        choices=("Path", "Name", "Date Created", "Date Modified"),
        reload=True,
    )
    extra_networks_card_order: str = option(
        "Ascending",
        "Default direction of that order",
        choices=("Ascending", "Descending"),
        reload=True,
    )
    extra_networks_tree_view_style: str = option(
        "Dirs", "Directory view style", choices=("Tree", "Dirs"), reload=True
    )
    extra_networks_tree_view_default_enabled: bool = option(
        True, "Show the directory view by default", reload=True
    )
    extra_networks_tree_view_default_width: int = option(
        180, "Width of the directory view, in pixels", low=0, high=1000, reload=True
    )
    extra_networks_add_text_separator: str = option(
        " ", "Text put before a network's tag in a prompt"
    )
    ui_extra_networks_tab_reorder: str = option("", "Order of the extra networks tabs", reload=True)
    textual_inversion_print_at_load: bool = option(
        False, "Log the list of textual inversions when it is loaded", built=False
    )
    textual_inversion_add_hashes_to_infotext: bool = option(
        True, "Add hashes of textual inversions to infotext"
    )
    sd_hypernetwork: str = option(
        "None",
        "Add a hypernetwork to every prompt",
        choices_from="hypernetworks",
    )
    sd_lora: str = option("None", "Add a LoRA to every prompt", choices_from="loras")
    lora_preferred_name: str = option(
        "Alias from file",
        "Name of a LoRA in prompts",
        choices=("Alias from file", "Filename"),
    )
    lora_add_hashes_to_infotext: bool = option(True, "Add hashes of LoRAs to infotext")
    lora_show_all: bool = option(False, "Show LoRAs that don't fit the loaded checkpoint")
    lora_hide_unknown_for_versions: tuple[str, ...] = option(
        (),
        "Hide LoRAs of unknown version for these model versions",
        choices=("SD1", "SD2", "SDXL"),
    )
    lora_in_memory_limit: int = option(0, "LoRAs kept in memory", low=0, high=10_000)
