"""What the page needs, named in its first answer, so that a browser fetches it all at once.

Left alone, Gradio's page asks for its files in four waves, each of which is known only when the one
before has run; ours come in the last. Nothing depends on the names: one that is missing or wrong is
fetched when it is asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_FOLDER = Path(gradio.__file__).parent / "templates" / "frontend"
_START = re.compile(r'src="\./assets/(index-[^"]+\.js)"')
# How its build writes which files a script may load: a list, and for each import places in it.
_LIST = re.compile(r"m\.f=\[([^\]]*)\]")
_COMPONENT = re.compile(r"[,{]component:\(\)=>\w+\(\(\)=>$")
_KIND = re.compile(r"[,{](\w+):\{")
_IMPORT = re.compile(r"import\(`\./([^`]+)`\)[^\[`]*\(\[([\d,]+)\]\)")


def gradio_files(kinds: Iterable[str]) -> list[str]:
    """Names of the files in Gradio's assets that a page with components of these `kinds` loads, as
    far as they are found.
    """
    page = _FOLDER / "index.html"
    start = _START.search(page.read_text("utf-8")) if page.is_file() else None
    if start is None:
        return []
    found: dict[str, None] = {start[1]: None}
    for stem in ("Index-", "Blocks-"):  # each is imported by one of those before
        found |= dict.fromkeys(_imported(found, lambda name, _, stem=stem: name.startswith(stem)))
    wanted = set(kinds)
    cores = [name for name in found if name.startswith("core-")]
    found |= dict.fromkeys(_imported(cores, lambda _, before: _kind_of(before) in wanted))
    return [name for name in found if (_FOLDER / "assets" / name).is_file()]


def _imported(scripts: Iterable[str], wanted: Callable[[str, str], bool]) -> Iterator[str]:
    """Names of the files that imports in `scripts` lead to, of those imports that are `wanted` by
    the name of their file and by what stands before them.
    """
    for script in [name for name in scripts if name.endswith(".js")]:
        text = (_FOLDER / "assets" / script).read_text("utf-8")
        listed = _LIST.search(text)
        names = [] if listed is None else [part.strip('"./') for part in listed[1].split(",")]
        for each in _IMPORT.finditer(text):
            if wanted(each[1], text[max(0, each.start() - 400) : each.start()]):
                yield each[1]
                places = map(int, each[2].split(","))
                yield from (names[place] for place in places if place < len(names))


def _kind_of(before: str) -> str:
    """The kind of component whose own import stands after this text; "" where none does."""
    if not _COMPONENT.search(before):
        return ""
    kinds = _KIND.findall(before)
    return kinds[-1] if kinds else ""


class EarlyFiles:
    """ASGI: adds what `links` gives to the head of the page at "/". `before` runs ahead of each
    page, aside of the loop.
    """

    def __init__(
        self, app: Any, links: Callable[[], str], before: Callable[[], None] = lambda: None
    ) -> None:
        self._app = app
        self._links = links
        self._before = before

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["method"] == "GET"
        path = str(scope.get("path", "")).removeprefix(scope.get("root_path", ""))
        if not is_page or path not in ("", "/"):
            await self._app(scope, receive, send)
            return
        await asyncio.to_thread(self._before)
        start: Message = {}
        body = bytearray()

        async def gather(message: Message) -> None:
            """Holds the answer back until it is whole: its length comes first."""
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            whole = bytes(body).replace(b"</head>", self._links().encode() + b"</head>", 1)
            headers = [
                (name, value) for name, value in start["headers"] if name != b"content-length"
            ]
            start["headers"] = [*headers, (b"content-length", str(len(whole)).encode())]
            await send(start)
            await send({"type": "http.response.body", "body": whole})

        await self._app(scope, receive, gather)


def links(files: Iterable[str], own: Sequence[str]) -> str:
    """For `EarlyFiles`: `gradio_files`, and addresses of `own` scripts and styles."""
    lines = []
    for name in files:
        address = escape(f"./assets/{name}")
        if name.endswith(".js"):
            lines.append(f'<link rel="modulepreload" crossorigin href="{address}">')
        else:
            lines.append(f'<link rel="preload" as="style" crossorigin href="{address}">')
    for address in own:
        kind = "script" if ".js?" in address else "style"
        lines.append(f'<link rel="preload" as="{kind}" href="{escape(address)}">')
    return "".join(lines)
