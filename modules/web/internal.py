"""Small routes that pages and plug-ins ask before anything else."""

from __future__ import annotations

from fastapi import APIRouter, Response


def build_router() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/internal/ping")
    async def ping() -> dict[str, str]:
        return {}

    @router.get("/favicon.ico")
    async def icon() -> Response:
        return Response(
            _ICON, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"}
        )

    return router


_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#6366f1" '
    'stroke-width="2.6" stroke-linecap="round"><rect x="6" y="5" width="20" height="15" rx="2" '
    'fill="#eef2ff"/><path d="M16 2v3M11 20 7 30M21 20l4 10M16 20v6"/>'
    '<path d="M10 16l4-5 3 3 2-2 4 4" stroke="#f59e0b"/></svg>'
)
