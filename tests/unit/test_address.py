"""The socket that the server listens on."""

from __future__ import annotations

import asyncio
import socket
import sys
import webbrowser

import pytest

from modules.flags import parse
from modules.web import address
from modules.web.address import announce, bind


def test_an_answers_body_is_not_held_back_until_its_head_was_received() -> None:
    """Otherwise every answer on a kept connection takes 40 ms longer."""

    async def undelayed() -> int:
        served: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there = writer.get_extra_info("socket")
            served.set_result(there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        bound = bind(parse(["--server-name", "127.0.0.1"], {}))
        async with await asyncio.start_server(connected, sock=bound):
            _, writer = await asyncio.open_connection(*bound.getsockname())
            found = await served
            writer.close()
        return found

    assert asyncio.run(undelayed())


@pytest.mark.parametrize(
    ("flags", "setting", "terminal", "desktop", "opened"),
    [
        ([], "Local", True, True, True),
        ([], "Local", False, True, False),
        ([], "Local", True, False, False),
        (["--server-name", "0.0.0.0"], "Local", True, True, False),
        (["--server-name", "0.0.0.0"], "Remote", True, True, True),
        ([], "Disable", True, True, False),
        (["--nowebui"], "Local", True, True, False),
        (["--autolaunch"], "Disable", False, False, True),
    ],
)
def test_a_browser_opens_by_itself_only_where_somebody_sits(
    flags: list[str],
    setting: str,
    terminal: bool,
    desktop: bool,
    opened: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class AtOnce:
        def __init__(self, _after: float, call: object, arguments: list[str]) -> None:
            self.start = lambda: seen.append((call, arguments))

    seen: list[object] = []
    monkeypatch.setattr(address.threading, "Timer", AtOnce)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "platform", "linux")
    given = parse(flags, {})
    with bind(given) as bound:
        announce(given, bound, setting, {"DISPLAY": ":0"} if desktop else {})
        expected = [(webbrowser.open, [address.url_of(given, bound)])]
    assert seen == (expected if opened else [])
