"""Asking other machines: which addresses are asked, and that it is the very ones judged."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modules.library.outward import Outward, OutwardError, is_public


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.end_headers()
            return
        body = b"x" * int(self.path.strip("/") or 5)
        self.send_response(200)
        self.send_header("X-Host", self.headers["Host"])
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("nonsense", False),
    ],
)
def test_only_addresses_of_the_public_network_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_no_notation_of_a_local_address_is_asked(url: str) -> None:
    with pytest.raises(OutwardError, match="private|no machine"):
        Outward().get(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "file:///etc/passwd",
        "http://",
        "x",
        "http://u:p@a.example/",
        "http://a b",
        "http://a.example:0/",
        "http://a.example:99999/",
        "http://a.example/\r\nX: y",
        "http://[::1",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(OutwardError) as caught:
        Outward(lookup=lambda host, port: ["93.184.216.34"]).check(url)
    assert "u:p" not in caught.value.message


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    mixed = Outward(lookup=lambda host, port: ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(OutwardError, match="private"):
        mixed.check("http://a.example/")


def test_the_connection_goes_to_the_address_that_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = iter([["93.184.216.34"], ["127.0.0.1"]])  # the name changes its meaning in between
    asked: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        asked.append(address)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(OutwardError, match="refused"):
        Outward(lookup=lambda host, port: next(names)).get("http://rebound.example:8080/x")
    assert asked == [("93.184.216.34", 8080)]


def test_an_answer_comes_whole_and_by_redirection(address: str) -> None:
    outward = Outward(local_too=True)
    assert outward.get(f"http://{address}/7").data == b"x" * 7
    assert outward.get(f"http://{address}/to//7").data == b"x" * 7
    assert outward.post(f"http://{address}/", b"{}", {}).status == 204


def test_a_redirection_is_judged_like_the_address_itself(address: str) -> None:
    host, port = address.split(":")

    def lookup(name: str, _: int) -> list[str]:
        return [host]

    class FirstIsPublic(Outward):
        def _addresses(self, parts):
            return [host] if parts.hostname == "a.example" else super()._addresses(parts)

    outward = FirstIsPublic(lookup=lookup)
    with pytest.raises(OutwardError, match="private"):
        outward.get(f"http://a.example:{port}/to/http://127.0.0.1:{port}/")
    with pytest.raises(OutwardError, match="too often"):
        outward.get(f"http://a.example:{port}/to//to//to//to//to//5")
    with pytest.raises(OutwardError, match="begins with http"):
        outward.get(f"http://a.example:{port}/to/file:///etc/passwd")


def test_an_answer_without_end_is_cut_off(address: str) -> None:
    with pytest.raises(OutwardError, match="more than 100 bytes"):
        Outward(local_too=True, most=100).get(f"http://{address}/100000")


def test_a_machine_that_says_nothing_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with pytest.raises(OutwardError, match="in time"):
            Outward(local_too=True, timeout=0.2).get(f"http://127.0.0.1:{port}/")
