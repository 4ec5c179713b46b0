"""The drawer of extra networks (`static/networks.js`). All of it is the script's; choosing a
checkpoint in it is an event of the row above the tabs.
"""

from __future__ import annotations

from typing import Any

from modules.settings import Settings

SCRIPTS = ("safe-html.js", "network-folders.js", "network-card.js", "networks.js")
STYLES = ("drawers.css",)

_ORDERS = {"Path": "path", "Name": "name", "Date Created": "created", "Date Modified": "changed"}
# The original's names of its tabs, and ours.
_TABS = {
    "textual inversion": "embedding",
    "embeddings": "embedding",
    "hypernetworks": "hypernetwork",
    "checkpoints": "checkpoint",
    "lora": "lora",
}


def options_of(settings: Settings) -> dict[str, Any]:
    """How the drawer looks when a page is loaded."""
    chosen = settings.extra_networks
    named = chosen.ui_extra_networks_tab_reorder.lower().split(",")
    return {
        "order": _ORDERS[chosen.extra_networks_card_order_field],
        "descending": chosen.extra_networks_card_order == "Descending",
        "view": chosen.extra_networks_tree_view_style,
        "view_open": chosen.extra_networks_tree_view_default_enabled,
        "view_width": chosen.extra_networks_tree_view_default_width,
        "tabs": list(dict.fromkeys(_TABS[name.strip()] for name in named if name.strip() in _TABS)),
    }
