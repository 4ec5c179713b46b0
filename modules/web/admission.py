"""Who a visitor is: by name and password, or by the session of an earlier login.

Guessing is slowed down: after some failures from one place, that place waits, and nothing more is
compared for it. Knows headers and cookies, no routes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from modules.web.sessions import Sessions

TRIES = 10  # failures from one place, and
TRIES_IN_ALL = 200  # from everywhere together,
WINDOW = 60.0  # in so many seconds
_PLACES = 10_000  # remembered at most
_KNOWN = 64  # right answers remembered


@dataclass(frozen=True)
class Verdict:
    """`user` None: not admitted. `wait`: seconds until another try is looked at, 0 for now."""

    user: str | None
    wait: int = 0


class Admission:
    """`users` are (user, password); with none everybody comes in, as nobody in particular. `clock`
    gives seconds.
    """

    def __init__(
        self,
        users: Sequence[tuple[str, str]],
        sessions: Sessions | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._users = users
        self.sessions = sessions
        self._failures = _Failures(clock)
        self._known: OrderedDict[bytes, str] = OrderedDict()  # sums of headers that were right

    @property
    def is_open(self) -> bool:
        return not self._users

    def admit(self, headers: Mapping[str, str], place: str) -> Verdict:
        """By the headers of a request from the address `place`."""
        if self.is_open:
            return Verdict("")
        user = self._by_session(headers)
        if user is not None:
            return Verdict(user)
        given = headers.get("authorization", "")
        if not given:
            return Verdict(None)
        digest = hashlib.sha256(given.encode()).digest()
        if digest in self._known:  # its own polls are never shut out by a stranger's guesses
            return Verdict(self._known[digest])
        verdict = self.check(*_basic(given), place)
        if verdict.user is not None:
            self._known[digest] = verdict.user
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        return verdict

    def check(self, user: str, password: str, place: str) -> Verdict:
        """By name and password. Every pair is compared, so that the time taken tells nothing of
        which user exists.
        """
        wait = self._failures.wait(place)
        if wait:
            return Verdict(None, wait)
        admitted = False
        for known, secret in self._users:
            same_user = hmac.compare_digest(known.encode(), user.encode("utf-8", "replace"))
            same = hmac.compare_digest(secret.encode(), password.encode("utf-8", "replace"))
            admitted |= same_user and same
        if admitted:
            return Verdict(user)
        self._failures.note(place)
        return Verdict(None, self._failures.wait(place))

    def session_value(self, headers: Mapping[str, str]) -> str:
        """The value of this server's cookie, "" where it is not sent."""
        if self.sessions is None:
            return ""
        for part in headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == self.sessions.cookie:
                return value
        return ""

    def _by_session(self, headers: Mapping[str, str]) -> str | None:
        value = self.session_value(headers)
        return self.sessions.user_of(value) if self.sessions and value else None


def _basic(header: str) -> tuple[str, str]:
    """User and password of an Authorization header; empty ones where it is no Basic."""
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:  # no base64, or no UTF-8
        return "", ""
    return user, password


class _Failures:
    """When the last failures were, by place and in all."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_place: OrderedDict[str, list[float]] = OrderedDict()
        self._all: list[float] = []

    def note(self, place: str) -> None:
        now = self._clock()
        name = _network(place)
        self._by_place[name] = [*self._recent(self._by_place.get(name, [])), now]
        self._by_place.move_to_end(name)
        while len(self._by_place) > _PLACES:
            self._by_place.popitem(last=False)
        self._all = [*self._recent(self._all), now]

    def wait(self, place: str) -> int:
        """Whole seconds until one more try is allowed; 0 for now."""
        waits = [0.0]
        for times, limit in (
            (self._by_place.get(_network(place), []), TRIES),
            (self._all, TRIES_IN_ALL),
        ):
            recent = self._recent(times)
            if len(recent) >= limit:
                waits.append(recent[-limit] + WINDOW - self._clock())
        return math.ceil(max(waits))

    def _recent(self, times: Sequence[float]) -> list[float]:
        oldest = self._clock() - WINDOW
        return [moment for moment in times if moment > oldest]


def _network(place: str) -> str:
    """One place: an address, or the 64-bit network that one IPv6 line has."""
    try:
        address = ipaddress.ip_address(place)
    except ValueError:
        return place
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return place
