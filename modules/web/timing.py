"""Says how long each answer took: in a header, and with --api-log in the log.

Plain ASGI on purpose: behind Starlette's function middleware a route can't see that its client has
hung up.
"""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("easel.http")


class Timing:
    """ASGI middleware; the time runs until the answer begins."""

    def __init__(self, app: ASGIApp, *, log_requests: bool) -> None:
        self._app = app
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - start
                header = (b"x-process-time", f"{seconds:.4f}".encode())
                message = {**message, "headers": [*message.get("headers", ()), header]}
                if self._log_requests and scope["path"].startswith(("/sdapi", "/easel")):
                    log.info(
                        "%s %s %d %.3f s",
                        scope["method"],
                        scope["path"],
                        message["status"],
                        seconds,
                    )
            await send(message)

        await self._app(scope, receive, timed)
