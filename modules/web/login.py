"""Logging in and out in a browser: one page, one form, one cookie. Knows no Gradio."""

from __future__ import annotations

from html import escape
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from modules.web import doors, failures
from modules.web.admission import Admission
from modules.web.guard import place_of, too_many
from modules.web.sessions import LASTS

_MOST = 10_000  # bytes of a login form
_WRONG = "user or password is wrong"


def build_router(admission: Admission) -> APIRouter:
    """/login and /logout; with no credentials both lead to the page."""
    router = doors.router()

    @router.get("/login")
    async def ask(request: Request, next: Annotated[str, Query()] = "") -> Response:
        if admission.is_open:
            return RedirectResponse(_home(request), 303)
        return _page(request, next)

    @router.post("/login")
    async def enter(request: Request, next: Annotated[str, Query()] = "") -> Response:
        """A form with `username` and `password`; browsers are led on, programs get JSON."""
        if admission.is_open:
            return RedirectResponse(_home(request), 303)
        user, password = await _form(request)
        verdict = admission.check(user, password, place_of(request.scope))
        if verdict.user is None:
            refusal = too_many(verdict.wait) if verdict.wait else None
            status, text = (refusal.status, refusal.text) if refusal else (401, _WRONG)
            if not _is_browser(request):
                answer: Response = JSONResponse(failures.body_of("Refused", text), status)
            else:
                answer = _page(request, next, text, status)
            answer.headers.update(dict(refusal.headers) if refusal else {})
            return answer
        assert admission.sessions is not None
        if _is_browser(request):
            answer = RedirectResponse(_home(request) + _local(next), 303)
        else:
            answer = JSONResponse({"success": True})
        _set(answer, request, admission.sessions.cookie, admission.sessions.begin(verdict.user))
        return answer

    @router.get("/logout")
    async def ask_out(request: Request) -> Response:
        """A button: a link alone must not end a session."""
        return _html(request, f'<form method="post"><h1>Easel</h1>{_button("Log out")}</form>')

    @router.post("/logout")
    async def leave(request: Request) -> Response:
        answer = RedirectResponse(_home(request) + "login", 303)
        if admission.sessions is not None:
            admission.sessions.end(admission.session_value(request.headers))
            _set(answer, request, admission.sessions.cookie, "", lasts=0)
        return answer

    return router


async def _form(request: Request) -> tuple[str, str]:
    """User and password of a form, url-encoded or in parts."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        async with request.form(max_files=0, max_fields=10, max_part_size=_MOST) as parts:
            return str(parts.get("username", "")), str(parts.get("password", ""))
    body = (await request.body())[:_MOST]
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
    return fields.get("username", [""])[0], fields.get("password", [""])[0]


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _home(request: Request) -> str:
    return request.scope.get("root_path", "") + "/"


def _local(address: str) -> str:
    """The part below "/" of an address on this server; "" for any other: nobody is sent away."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    below = address.removeprefix("/")
    return below if plain and address.startswith("/") and not below.startswith("/") else ""


def _set(answer: Response, request: Request, name: str, value: str, lasts: int = LASTS) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=lasts,
        path=_home(request),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    answer.headers["cache-control"] = "no-store"


def _page(request: Request, back: str, wrong: str = "", status: int = 200) -> HTMLResponse:
    said = f'<p role="alert">{escape(wrong)}</p>' if wrong else ""
    fields = (
        '<label>User<input name="username" autocomplete="username" required autofocus></label>'
        '<label>Password<input name="password" type="password" autocomplete="current-password" '
        "required></label>"
    )
    form = f'<form method="post"><h1>Easel</h1>{said}{fields}{_button("Log in")}</form>'
    return _html(request, form, status)


def _button(text: str) -> str:
    return f"<button>{text}</button>"


def _html(request: Request, content: str, status: int = 200) -> HTMLResponse:
    icon = f"{_home(request)}favicon.ico"
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Easel</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="{escape(icon)}"><style>{_STYLE}</style>'
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'"
    headers = {"content-security-policy": policy, "cache-control": "no-store"}
    return HTMLResponse(head + content, status, headers=headers)


_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0}"
    "form{display:grid;gap:14px;width:min(320px,88vw)}h1{margin:0;font-size:1.4rem}"
    "label{display:grid;gap:4px}input,button{font:inherit;padding:10px;border-radius:8px;"
    "border:1px solid #94a3b8}button{background:#4f46e5;color:#fff;border:0;cursor:pointer}"
    "p{margin:0;color:#dc2626}"
)
