"""/docs: the description of the API to read and to try, with no script from another host.

The page reads /openapi.json, so it knows no route by name.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from modules.web import doors

_PAGE = Path(__file__).with_name("docs.html")


def build_router() -> APIRouter:
    router = doors.router()
    page = _PAGE.read_text(encoding="utf-8")
    headers = {"Content-Security-Policy": _policy(page)}

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        return HTMLResponse(page, headers=headers)

    @router.get("/redoc")
    async def redoc(request: Request) -> RedirectResponse:
        """Where A1111 has a second page on the same."""
        return RedirectResponse(request.scope.get("root_path", "") + "/docs")

    return router


def _policy(page: str) -> str:
    """The page's own script and style, and nothing else that could run."""
    parts = {tag: re.findall(f"<{tag}>(.*?)</{tag}>", page, re.S) for tag in ("script", "style")}
    sums = {
        tag: " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
            for text in texts
        )
        for tag, texts in parts.items()
    }
    return (
        f"default-src 'self'; script-src {sums['script']}; style-src {sums['style']}; "
        "img-src 'self' blob:"
    )
