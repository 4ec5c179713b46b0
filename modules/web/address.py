"""The address the server listens on: bound before anything slow, so that a busy port is known at
once.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Mapping

from modules.errors import FlagsError
from modules.flags import Flags

log = logging.getLogger("easel")

_TRIES = 100  # ports above the default that are tried
_DESKTOPS = {"DISPLAY", "WAYLAND_DISPLAY"}  # what tells of one on Linux


def bind(flags: Flags) -> socket.socket:
    """A bound socket. Without --port the next free port after the default is taken.

    FlagsError where the port that was asked for is taken or the host name is not of this machine.
    """
    host = flags.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first = flags.effective_port
    last = first if flags.port is not None else first + _TRIES
    for port in range(first, last + 1):
        # The protocol by name: only then does asyncio send an answer's body without waiting for the
        # receipt of its head, which the other side may hold back for 40 ms.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name != "nt":  # on Windows this option would let two servers share one port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
            bound.listen(128)
        except OSError as error:
            bound.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES) and port < last:
                continue
            raise _in_words(error, host, port) from error
        else:
            return bound
    raise FlagsError(f"no free port from {first} to {last}; give one with --port", field="port")


def _in_words(error: OSError, host: str, port: int) -> FlagsError:
    if error.errno == errno.EADDRINUSE:
        return FlagsError(f"port {port} is taken; give another with --port", field="port")
    if error.errno == errno.EACCES:
        return FlagsError(f"port {port} needs more rights; give one above 1023", field="port")
    return FlagsError(
        f"can't listen on {host}:{port}: {error.strerror or error}", field="server_name"
    )


def url_of(flags: Flags, bound: socket.socket) -> str:
    """The address for a browser on this machine, or by name where one was given."""
    port = bound.getsockname()[1]
    host = flags.server_name or "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    scheme = "https" if flags.tls_keyfile and flags.tls_certfile else "http"
    path = f"/{flags.subpath.strip('/')}/" if flags.subpath else ""
    return f"{scheme}://{host}:{port}{path}"


def announce(
    flags: Flags, bound: socket.socket, chosen: str, environment: Mapping[str, str]
) -> None:
    """Say where the page is, and open a browser there if a flag or the setting `chosen`
    (auto_launch_browser) asks for it.
    """
    address = url_of(flags, bound)
    log.info("Easel is at %s", address)
    if flags.autolaunch or _opens_by_itself(flags, bound, chosen, environment):
        threading.Timer(1.0, webbrowser.open, [address]).start()


def _opens_by_itself(
    flags: Flags, bound: socket.socket, chosen: str, environment: Mapping[str, str]
) -> bool:
    """A service, a container or a remote shell has no desktop to show a browser on."""
    if flags.nowebui or chosen == "Disable" or not sys.stdout.isatty():
        return False
    if sys.platform.startswith("linux") and not _DESKTOPS & environment.keys():
        return False
    return chosen == "Remote" or ipaddress.ip_address(bound.getsockname()[0]).is_loopback
