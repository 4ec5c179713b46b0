"""The one way in which the server itself asks another machine for something that a client named.

The name is resolved once, every address that it has is judged, and the connection goes to the very
address that was judged: a name that changes its meaning in between (DNS rebinding) gains nothing.
Redirections are judged alike. No proxy, no cookie, no password is used. Knows HTTP, not what for.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urljoin, urlsplit

from modules.errors import RequestError

REDIRECTIONS = 3
_CHUNK = 64 * 1024  # bytes
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 addresses inside IPv6 ones
_MOVED = (301, 302, 303, 307, 308)


class OutwardError(RequestError):
    """An address that may not be asked, or that did not answer as it should."""


class NotAskedError(OutwardError):
    """An address that would not be asked at any other time either."""


@dataclass(frozen=True)
class Answer:
    """`data` is the whole body."""

    status: int
    data: bytes


@dataclass(frozen=True)
class Stream:
    """An answer whose body is read piece by piece: `read(n)` gives at most n bytes, b"" at the end,
    and OutwardError where the connection breaks. Headers have lower-case names; `passed` holds
    those of the redirections on the way.
    """

    status: int
    headers: Mapping[str, str]
    passed: Mapping[str, str]
    read: Callable[[int], bytes]


Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name. OutwardError where it has none."""
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OutwardError(f"there is no machine called {host[:100]!r}") from error
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


def is_public(address: str) -> bool:
    """Whether it is an address of the public network, also when it hides in another notation."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _NAT64:
            inner = ipaddress.IPv4Address(found.packed[-4:])
        if inner is not None:
            found = inner
        elif found.is_site_local:
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved)


@dataclass(frozen=True, kw_only=True)
class Outward:
    """How far out one may go. `timeout` is in seconds for the whole of a request, `most` the
    largest answer in bytes. `lookup` is for tests.
    """

    local_too: bool = False
    timeout: float = 10.0
    most: int = 64 * 1024 * 1024
    agent: str = "Easel"
    lookup: Resolve = field(default=resolve)

    def get(self, url: str) -> Answer:
        """The answer, after at most three redirections. OutwardError where there is none."""
        until = time.monotonic() + self.timeout
        for _ in range(REDIRECTIONS + 1):
            answer, location = self._ask("GET", url, b"", {}, until)
            if location is None:
                return answer
            url = urljoin(url, location)
        raise OutwardError(f"{_shown(url)} redirects too often")

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer; a redirection is one like any other. OutwardError where there is none."""
        return self._ask("POST", url, body, headers, time.monotonic() + self.timeout)[0]

    @contextmanager
    def opened(self, url: str, headers: Mapping[str, str], token: str = "") -> Iterator[Stream]:
        """The answer after at most three redirections, to be read while this lasts; `timeout`
        counts for each wait. The bearer token goes to the first machine alone.
        """
        passed: dict[str, str] = {}
        home = _origin(url)
        for _ in range(REDIRECTIONS + 1):
            secret = {"Authorization": f"Bearer {token}"} if token and _origin(url) == home else {}
            with self._answered(url, {**headers, **secret}) as answer:
                location = answer.getheader("location") if answer.status in _MOVED else None
                told = {name.lower(): value for name, value in answer.getheaders()}
                if location is None:
                    yield Stream(answer.status, told, passed, _reader(answer, _shown(url)))
                    return
            passed |= told
            url = urljoin(url, location)
        raise OutwardError(f"{_shown(url)} redirects too often")

    @contextmanager
    def _answered(self, url: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
        parts = _parts(url)
        connection = None
        try:
            try:
                connection = self._connect(parts, time.monotonic() + self.timeout)
                answer = self._sent(connection, "GET", parts, b"", headers)
            except (OSError, http.client.HTTPException, ValueError) as error:
                text = f"{_shown(url)} could not be asked: {_in_words(error)}"
                raise OutwardError(text) from error
            yield answer
        finally:
            if connection is not None:
                connection.close()

    def check(self, url: str) -> None:
        """OutwardError where this address would not be asked."""
        parts = _parts(url)
        self._addresses(parts)

    def _addresses(self, parts: SplitResult) -> list[str]:
        host = parts.hostname or ""
        addresses = list(self.lookup(host, _port(parts)))
        if not self.local_too and not all(is_public(address) for address in addresses):
            raise NotAskedError(f"{host[:100]} is an address of a private network: it is not asked")
        return addresses

    def _ask(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], until: float
    ) -> tuple[Answer, str | None]:
        parts = _parts(url)
        try:
            connection = self._connect(parts, until)
            try:
                answer = self._sent(connection, method, parts, body, headers)
                moved = answer.status in _MOVED and method == "GET"
                location = answer.getheader("location") if moved else None
                data = b"" if location else self._read(connection, answer, until)
                return Answer(answer.status, data), location
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise OutwardError(f"{_shown(url)} could not be asked: {_in_words(error)}") from error

    def _sent(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        parts: SplitResult,
        body: bytes,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        sent = {"User-Agent": self.agent, "Accept-Encoding": "identity", **headers}
        connection.request(method, path, body or None, sent)
        return connection.getresponse()

    def _connect(self, parts: SplitResult, until: float) -> http.client.HTTPConnection:
        host, port = parts.hostname or "", _port(parts)
        left = max(0.1, until - time.monotonic())
        connection = http.client.HTTPConnection(host, port, timeout=left)
        plain = socket.create_connection((self._addresses(parts)[0], port), timeout=left)
        try:
            if parts.scheme == "https":
                context = ssl.create_default_context()
                connection.sock = context.wrap_socket(plain, server_hostname=host)
                connection.default_port = 443  # so that the Host header names no port
            else:
                connection.sock = plain
        except BaseException:
            plain.close()
            raise
        return connection

    def _read(
        self,
        connection: http.client.HTTPConnection,
        answer: http.client.HTTPResponse,
        until: float,
    ) -> bytes:
        data = bytearray()
        while chunk := answer.read1(_CHUNK):
            data += chunk
            left = until - time.monotonic()
            if len(data) > self.most or left <= 0:
                what = f"more than {self.most} bytes" if left > 0 else "no end in time"
                raise OutwardError(f"the answer has {what}")
            if connection.sock is not None:
                connection.sock.settimeout(left)
        return bytes(data)


def _parts(url: str) -> SplitResult:
    """NotAskedError where it is no plain http(s) address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotAskedError("that is no web address") from error
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or port == 0:
        raise NotAskedError("give an address that begins with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise NotAskedError("an address with a password in it is not asked")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _reader(answer: http.client.HTTPResponse, shown: str) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        try:
            return answer.read1(most)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise OutwardError(f"{shown} broke off: {_in_words(error)}") from error

    return read


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = _parts(url)
    return parts.scheme, parts.hostname, _port(parts)


def _shown(url: str) -> str:
    """Without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
