"""The drawer of extra networks (`static/networks.js`). All of it is the script's; choosing a
checkpoint in it is an event of the row above the tabs.
"""

SCRIPTS = ("network-card.js", "networks.js")
STYLES = ("drawers.css",)
