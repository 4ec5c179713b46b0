"""Settings of infotext: the text of parameters that goes with every picture."""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option


@dataclass(frozen=True)
class Infotext(Section, id="infotext", title="Infotext", category="User Interface"):
    enable_pnginfo: bool = option(True, "Write infotext into the metadata of pictures")
    save_txt: bool = option(False, "Write infotext into a text file beside every picture")
    add_model_name_to_info: bool = option(True, "Add the checkpoint's name to infotext")
    add_model_hash_to_info: bool = option(True, "Add the checkpoint's hash to infotext")
    add_vae_name_to_info: bool = option(True, "Add the VAE's name to infotext")
    add_vae_hash_to_info: bool = option(True, "Add the VAE's hash to infotext")
    add_user_name_to_info: bool = option(
        False, "Add the user's name to infotext, where people log in"
    )
    add_version_to_infotext: bool = option(True, "Add the program's version to infotext")
    disable_weights_auto_swap: bool = option(
        True, "Ignore the checkpoint in pasted infotext", "Keeps the one that is chosen."
    )
    infotext_skip_pasting: tuple[str, ...] = option(
        (), "Fields of pasted infotext to ignore", choices_from="infotext"
    )
    infotext_styles: str = option(
        "Apply if any",
        "Styles found in the prompts of pasted infotext",
        "Apply: move them to the styles field and clear it first. Discard: drop their text.",
        choices=("Ignore", "Apply", "Discard", "Apply if any"),
    )
