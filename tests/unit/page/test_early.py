"""The page's first answer names what it needs; where nothing is found, it is as it was."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from modules.page import early


def test_the_files_of_the_kinds_are_found_and_are_there() -> None:
    names = early.gradio_files(("tabs", "html"))
    assert len(names) == len(set(names)) > 15
    assert any(name.startswith("HTML-") for name in names)
    assert any(name.startswith("Blocks-") for name in names)
    fewer = early.gradio_files(("tabs",))
    assert set(fewer) < set(names) and not any(name.startswith("HTML-") for name in fewer)
    assert set(early.gradio_files(("no such kind",))) < set(fewer)


def answered(path: str, body: bytes, links: str = "<link>") -> tuple[dict[bytes, bytes], bytes]:
    """What comes back of an answer `body`, sent in two pieces: headers, and the whole."""
    steps = []

    async def inner(scope, receive, send) -> None:
        steps.append("answered")
        headers = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body[:7], "more_body": True})
        await send({"type": "http.response.body", "body": body[7:]})

    sent = []

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "root_path": ""}
    ended = early.EarlyFiles(inner, lambda: links, lambda: steps.append("before"))(
        scope,
        None,  # type: ignore[arg-type]
        send,
    )
    # In a thread: where browser tests ran before, this one has a loop that goes on.
    with ThreadPoolExecutor() as pool:
        pool.submit(asyncio.run, ended).result()
    assert steps == (["before", "answered"] if path == "/" else ["answered"])
    return dict(sent[0]["headers"]), b"".join(each["body"] for each in sent[1:])


def test_the_links_are_put_into_the_page_s_head_and_its_length_is_true() -> None:
    page = b"<html><head><title>x</title></head><body></head></body></html>"
    headers, body = answered("/", page)
    assert body == page.replace(b"</head>", b"<link></head>", 1)
    assert headers[b"content-length"] == b"%d" % len(body)


def test_no_other_answer_is_touched() -> None:
    page = b"<html><head></head></html>"
    assert answered("/login", page)[1] == page
    assert answered("/", b'{"refused": 1}')[1] == b'{"refused": 1}'
