"""Adding models on the page (`static/models.js`): the line that says that only the built-in one is
there. All else is the script's, which talks to easel/v1 itself.
"""

from __future__ import annotations

from modules.page.layout import Form

SCRIPTS = ("model-upload.js", "models.js")
STYLES = ("models.css",)


def line(form: Form) -> None:
    """Empty: the script fills it while there is something to say."""
    form.line("easel_first", "ez-first", role="note", hidden=True)
