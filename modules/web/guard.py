"""One guard in front of every route: page, APIs, files, documentation.

It checks, in this order: the Host header (a web site that rebinds its name to this machine is
turned away), the Origin of everything that is not a plain read (another site's page can't press our
buttons), who it is where there are credentials, and the size of the body. It knows no route by name
but those through which one logs in: page, documentation and files are locked like everything else.
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modules.web.admission import Admission

_ROOM = "send less, or raise the setting easel_max_request_mb and start again"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS = frozenset({"/login", "/favicon.ico"})  # what one must see to log in
_ASK_BASIC = (("www-authenticate", 'Basic realm="Easel", charset="UTF-8"'),)
_ANSWER_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
)


@dataclass(frozen=True)
class Policy:
    """Who may come in. Host patterns: a name, or "*.name" for all below it. `visited_by` is entered
    with the user's name around everything that is done for a request.
    """

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    origin_pattern: str | None = None  # a regular expression for the whole origin
    admission: Admission = field(default_factory=lambda: Admission(()))
    max_body: int = 64 * 1024 * 1024  # bytes
    visited_by: Callable[[str], AbstractContextManager[None]] = lambda user: nullcontext()


@dataclass(frozen=True)
class Refusal:
    """An answer that the guard gives itself."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()


def host_of(netloc: str) -> str:
    """The host in "name:port" or "[::1]:port", lower-case, without port and brackets; "" if
    unreadable.
    """
    try:
        return (urlsplit(f"//{netloc}").hostname or "").lower()
    except ValueError:
        return ""


def is_named(host: str, patterns: Sequence[str]) -> bool:
    """Whether one of the allowed-host patterns names this host (not merely an IP address)."""
    return any(
        host == wanted or (wanted.startswith("*.") and host.endswith(wanted[1:]))
        for wanted in (pattern.lower() for pattern in patterns)
    )


def is_known_host(host: str, patterns: Sequence[str]) -> bool:
    """An IP address (it can't be rebound), this machine's own name, or an allowed pattern."""
    if not host:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return True
    if host in ("localhost", socket.gethostname().lower()) or host.endswith(".localhost"):
        return True
    return is_named(host, patterns)


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        user = self._foreign(scope, headers) or self._user(scope, headers)
        if isinstance(user, str):
            user = self._too_large(headers) or user
        if isinstance(user, Refusal):
            await _refuse(scope, send, user)
            return
        answering = _Answering(send)
        try:
            with self._policy.visited_by(user):
                await self._app(scope, self._limited(receive), answering)
        except BodyTooLargeError as error:
            if answering.has_begun:
                raise
            await _refuse(scope, send, Refusal(413, str(error)))

    def _foreign(self, scope: Scope, headers: Mapping[str, str]) -> Refusal | None:
        """Where the request comes by a name or from a page that is not ours."""
        host = headers.get("host", "")
        if not is_known_host(host_of(host), self._policy.hosts):
            return Refusal(
                400, f"host {host[:100]!r} is not served here; start with --allowed-host NAME"
            )
        is_read = scope["type"] == "http" and scope["method"] in _READS
        if not is_read and not self._is_own_origin(headers, host):
            origin = headers.get("origin", "another site")[:100]
            return Refusal(
                403,
                f"refused: the request comes from {origin!r}; --cors-allow-origins admits it",
            )
        return None

    def _user(self, scope: Scope, headers: Mapping[str, str]) -> str | Refusal:
        """Who it is, "" where nobody has to say so."""
        is_http = scope["type"] == "http"
        preflight = "access-control-request-method" in headers
        if is_http and (
            route_of(scope) in OPEN_PATHS or preflight and scope["method"] == "OPTIONS"
        ):
            return ""
        verdict = self._policy.admission.admit(headers, place_of(scope))
        if verdict.user is not None:
            return verdict.user
        if verdict.wait:
            return too_many(verdict.wait)
        if is_http and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            return _to_login(scope)
        # A browser's own prompt would cover the page, which knows a better way to log in.
        asked = () if headers.get("sec-fetch-mode", "navigate") != "navigate" else _ASK_BASIC
        return Refusal(401, "user and password are needed: log in, or send them as Basic", asked)

    def _too_large(self, headers: Mapping[str, str]) -> Refusal | None:
        length, most = headers.get("content-length", "0"), self._policy.max_body
        if not (length.isascii() and length.isdigit()):
            return Refusal(400, f"content-length {length[:20]!r} is no number of bytes")
        if len(length) > 18 or int(length) > most:
            return Refusal(413, f"the body has {length[:20]} bytes, more than {most}; {_ROOM}")
        return None

    def _is_own_origin(self, headers: Mapping[str, str], host: str) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") not in ("cross-site", "same-site")
        if origin in self._policy.origins or "*" in self._policy.origins:
            return True
        pattern = self._policy.origin_pattern
        if pattern and re.fullmatch(pattern, origin):
            return True
        netloc = urlsplit(origin).netloc if origin != "null" else ""
        if netloc and netloc.lower() == host.lower():
            return True
        return is_named(host_of(netloc), self._policy.hosts)

    def _limited(self, receive: Receive) -> Receive:
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._policy.max_body:
                    raise BodyTooLargeError(self._policy.max_body)
            return message

        return limited


class BodyTooLargeError(Exception):
    """A body that named no length grew over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body has more than {limit} bytes; {_ROOM}")


class _Answering:
    """Sends on, adds the headers of every answer, and remembers whether one has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            present = {name.lower() for name, _ in message.get("headers", ())}
            extra = [pair for pair in _ANSWER_HEADERS if pair[0] not in present]
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        await self._send(message)


def route_of(scope: Scope) -> str:
    """The path below the root path of a proxy."""
    path, root = scope["path"], scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root + "/") else path


def place_of(scope: Scope) -> str:
    """The address that the request comes from."""
    client = scope.get("client")
    return client[0] if client else ""


def too_many(wait: int) -> Refusal:
    text = f"too many wrong passwords from here; try again in {wait} s"
    return Refusal(429, text, (("retry-after", str(wait)),))


def _to_login(scope: Scope) -> Refusal:
    root = scope.get("root_path", "")
    wanted = route_of(scope)
    query = scope.get("query_string", b"").decode("latin-1")
    back = quote(wanted + (f"?{query}" if query else ""), safe="")
    address = f"{root}/login" + (f"?next={back}" if wanted != "/" or query else "")
    return Refusal(303, "log in first", (("location", address),))


async def _refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    text = refusal.text
    body = json.dumps({"error": "Refused", "detail": text, "body": "", "errors": text}).encode()
    given = (
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
        *refusal.headers,
    )
    headers = [(name.encode(), value.encode("latin-1")) for name, value in given]
    headers += _ANSWER_HEADERS
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
