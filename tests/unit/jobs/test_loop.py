"""What a worker's job tells while it works."""

from __future__ import annotations

import io

from modules.generation.request import Request
from modules.jobs import messages
from modules.jobs.channel import Channel
from modules.jobs.loop import JobControl
from modules.settings import Settings


def told(out: io.BytesIO) -> list[tuple[int, int]]:
    """(image, step) of every message of progress so far."""
    out.seek(0)
    found = []
    while (message := messages.read(out)) is not None:
        assert isinstance(message, messages.Progress)
        found.append((message.image_index, message.step))
    return found


def test_quick_steps_are_not_told_one_by_one_but_the_first_and_the_last_always_are() -> None:
    out = io.BytesIO()
    run = messages.Run(
        job="a",
        kind="txt2img",
        request=Request().to_record(),
        settings=Settings().to_record(),
        indexes=(0, 1),
    )
    control = JobControl(run, Channel(io.BytesIO(), out))
    for image in range(2):
        for step in range(1, 1001):
            control.progress(image, 1000 * image + step, 2000 if image else 1000)
    steps = told(out)
    assert {(0, 1), (0, 1000), (1, 1001), (1, 2000)} <= set(steps)
    assert len(steps) < 500  # a thousand steps take some milliseconds
