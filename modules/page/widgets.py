"""How the page's own handlers are called. Knows no control of a form (`fields`)."""

from __future__ import annotations

from typing import Any

# Short handlers: at once by POST, with no grey veil over the controls.
# No other program is to call them, so no page carries their description.
QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
