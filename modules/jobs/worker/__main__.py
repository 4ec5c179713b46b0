"""The worker's beginning: it says Hello before anything heavy is imported."""

from __future__ import annotations

import gc
import logging
import sys

from modules.jobs.channel import over_standard_streams
from modules.jobs.loop import Loop, Maker
from modules.jobs.messages import Start


def make_maker(start: Start) -> Maker:
    """Everything heavy, imported only now: torch alone takes seconds."""
    gc.disable()  # what is imported stays: nothing of it is worth being looked for
    try:
        from modules.jobs.worker.maker import PictureMaker

        return PictureMaker(start)
    finally:
        gc.freeze()  # nor later, whenever a checkpoint leaves
        gc.enable()


if __name__ == "__main__":
    channel = over_standard_streams()
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    Loop(channel, make_maker).serve()
