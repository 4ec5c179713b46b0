"""Reload UI: the page built anew, in the old one's place, while the server goes on.

Settings that decide which controls there are, and ui-config.json, are read when the page is built.
Jobs know nothing of the page, so none is disturbed; a page that is open elsewhere works again once
it is loaded anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import gradio as gr

from modules.page import widgets

Mount = Callable[[Any, "Reload"], gr.Blocks]


class Reload:
    """Knows the web application and how the page is mounted there (`mount`)."""

    def __init__(self, web: Any, mount: Mount) -> None:
        self._web = web
        self._mount = mount
        self._lock = asyncio.Lock()
        self._open = contextlib.AsyncExitStack()
        self._place: Any = None

    def start(self) -> None:
        """Put the first page there."""
        self._mount(self._web, self)
        self._place = self._web.router.routes[-1]

    def on(self, event: Callable[..., Any]) -> None:
        """The event builds the page anew and loads it."""
        done = event(self.now, None, None, **widgets.QUICK)
        done.then(None, None, None, js="() => EaselCalls.renewed()", **widgets.QUICK)

    async def now(self) -> None:
        """Build another page. The old one answers until it is there."""
        async with self._lock:
            routes, lifespan = self._web.router.routes, self._web.router.lifespan_context
            # A thread with no context: inside a handler's, Gradio makes no new components.
            loop = asyncio.get_running_loop()
            blocks = await loop.run_in_executor(None, self._mount, self._web, self)
            # Gradio puts it behind the old one, and into what happens at the server's start.
            found = routes.pop()
            self._web.router.lifespan_context = lifespan
            app = found.app
            await self._open.enter_async_context(app.router.lifespan_context(app))
            blocks.run_startup_events()
            await blocks.run_extra_startup_events()
            self._place.app = app
