"""Which cards a list shows: those of hidden folders and of other Stable Diffusions only where the
settings want them (interface 13.4).

Knows cards and settings, no folder on disk and no page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modules.library.cards import Card
from modules.library.versions import version_named
from modules.settings.extra_networks import ExtraNetworks

_SEARCHED = 4  # letters typed that bring hidden cards to light


@dataclass(frozen=True)
class Shown:
    """cards: in order. unfit: how many LoRAs were left out since they don't fit the checkpoint."""

    cards: Sequence[Card]
    unfit: int


def is_hidden(folder: str) -> bool:
    """Whether a part of the folder's name begins with a dot."""
    return any(part.startswith(".") for part in folder.split("/"))


def shown(
    cards: Sequence[Card], settings: ExtraNetworks, *, text: str, version: str, everything: bool
) -> Shown:
    """What is left of `cards`. `text`: what was searched for. `version`: of the checkpoint in use,
    "" for unknown. `everything`: LoRAs that don't fit it too.
    """
    wish = settings.extra_networks_hidden_models
    shows_hidden = wish == "Always" or (wish == "When searched" and len(text) >= _SEARCHED)
    found = [card for card in cards if shows_hidden or not is_hidden(card.folder)]
    if everything or settings.lora_show_all:
        return Shown(found, 0)
    fitting = [card for card in found if _fits(card, settings, version)]
    return Shown(fitting, len(found) - len(fitting))


def folders(cards: Iterable[Card], settings: ExtraNetworks) -> list[str]:
    """The cards' folders, by name."""
    wish = settings.extra_networks_show_hidden_directories
    found = {card.folder for card in cards if card.folder and (wish or not is_hidden(card.folder))}
    return sorted(found, key=str.lower)


def _fits(card: Card, settings: ExtraNetworks, version: str) -> bool:
    if card.kind != "lora" or not version:
        return True
    own = version_named(card.notes.sd_version or card.base)
    if own:
        return own == version
    return version not in settings.lora_hide_unknown_for_versions
