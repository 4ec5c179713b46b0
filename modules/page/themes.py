"""Light, dark or as the system: what the page starts with, set before anything is drawn.

What somebody chose in this browser counts over the setting, and the address (`?__theme=dark`) over
both; `static/page.js` lets them choose.
"""

from __future__ import annotations

import json

from modules.app import App

_SCRIPT = """
(() => {
  const asked = new URLSearchParams(location.search).get("__theme");
  let kept = null;
  try { kept = localStorage.getItem("easel-theme"); } catch {}
  const system = matchMedia("(prefers-color-scheme: dark)");
  const wish = [asked, kept, %s].find((name) => ["light", "dark", "system"].includes(name));
  const theme = { wish };
  theme.put = () => {
    const dark = theme.wish === "dark" || (theme.wish !== "light" && system.matches);
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
    document.documentElement.style.background = dark ? "#0b0f19" : "";
    document.body?.classList.toggle("dark", dark);
  };
  theme.put();
  window.easelTheme = theme;
})();
"""


def script(app: App) -> str:
    """For the page's head."""
    wish = app.flags.theme or app.settings.current.easel.easel_theme.lower()
    return f"<script>{_SCRIPT % json.dumps(wish)}</script>"
