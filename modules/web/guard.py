"""One guard in front of every route: page, APIs, files, documentation.

It checks, in this order: the Host header (a web site that rebinds its name to this machine is
turned away), the Origin of everything that is not a plain read (another site's page can't press our
buttons), credentials where there are any, and the size of the body. It knows no route by name
except that documentation and page are locked like everything else.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import json
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ROOM = "send less, or raise the setting easel_max_request_mb and start again"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_ANSWER_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
)


@dataclass(frozen=True)
class Policy:
    """Who may come in. Host patterns: a name, or "*.name" for all below it; credentials: user ->
    password.
    """

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    origin_pattern: str | None = None  # a regular expression for the whole origin
    credentials: Mapping[str, str] | None = None
    max_body: int = 64 * 1024 * 1024  # bytes


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
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            status, text = refusal
            await _refuse(scope, send, status, text)
            return
        answering = _Answering(send)
        try:
            await self._app(scope, self._limited(receive), answering)
        except BodyTooLargeError as error:
            if answering.has_begun:
                raise
            await _refuse(scope, send, 413, str(error))

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        policy = self._policy
        host = headers.get("host", "")
        if not is_known_host(host_of(host), policy.hosts):
            return 400, f"host {host[:100]!r} is not served here; start with --allowed-host NAME"
        is_read = scope["type"] == "http" and scope["method"] in _READS
        if not is_read and not self._is_own_origin(headers, host):
            origin = headers.get("origin", "another site")[:100]
            return (
                403,
                f"refused: the request comes from {origin!r}; --cors-allow-origins admits it",
            )
        preflight = scope["type"] == "http" and scope["method"] == "OPTIONS"
        if policy.credentials and not preflight and not self._is_admitted(headers):
            return 401, "user and password are needed"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or int(length) > policy.max_body:
            return 413, f"the body has {length[:20]} bytes, more than {policy.max_body}; {_ROOM}"
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

    def _is_admitted(self, headers: Mapping[str, str]) -> bool:
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        admitted = False
        for known, secret in (self._policy.credentials or {}).items():
            # Every pair is compared, so that the time taken tells nothing of which user exists.
            same_user = hmac.compare_digest(known.encode(), user.encode())
            same_password = hmac.compare_digest(secret.encode(), password.encode())
            admitted |= same_user and same_password
        return admitted

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


async def _refuse(scope: Scope, send: Send, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps({"error": "Refused", "detail": text, "body": "", "errors": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="Easel", charset="UTF-8"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
