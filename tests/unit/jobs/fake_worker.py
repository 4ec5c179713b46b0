"""A worker without torch: the real loop and protocol, and pictures painted from seed and index.

Run as `python -m tests.unit.jobs.fake_worker`. Its prompt orders faults, several divided by ";":

    slow 0.2            each step takes so many seconds (else none)
    crash at 2          the process dies before picture 2 is sent, each time
    crash once at 2 F   the same, but only while the file F does not exist; it makes F
    refuse at 1         an EaselError;   boom at 1: any other error;   memory at 1: a MemoryError
    hang at 1           the whole process stands still, heartbeat too
    print at 0          prints to standard output, as a careless library does
    needs               asks for the request's input pictures and paints their size
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from modules.errors import EaselError, OutOfMemoryError, RequestError, WorkerError
from modules.generation import extras
from modules.generation.request import Request
from modules.generation.result import Picture, Summary
from modules.jobs import messages
from modules.jobs.channel import over_standard_streams
from modules.jobs.loop import JobControl, Loop
from modules.jobs.worker.batch import Made, PartControl, make_batch
from modules.jobs.worker.extras import make_extras
from modules.pictures.metadata import encode, open_image
from modules.settings import Settings


def paint(
    request: Request, index: int, settings: Settings, note: str = ""
) -> tuple[Picture, bytes]:
    """The picture of (recipe, index): one colour drawn from prompt, seed and index."""
    width, height = request.width or 512, request.height or 512
    seed = request.seed + index
    digest = hashlib.sha256(f"{request.prompt}|{seed}".encode()).digest()
    image = Image.new("RGB", (width, height), tuple(digest[:3]))
    infotext = (
        f"{request.prompt}{note}\nSteps: {request.steps}, "
        f"Sampler: {request.sampler_name or 'Euler'}, CFG scale: {request.cfg_scale:g}, "
        f"Seed: {seed}, Size: {width}x{height}, Model: fake"
    )
    data, mime = encode(image, infotext, settings)
    picture = Picture(
        index=index,
        seed=seed,
        subseed=request.subseed,
        width=width,
        height=height,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        infotext=infotext,
        mime=mime,
    )
    return picture, data


class FakeMaker:
    def __init__(self, start: messages.Start) -> None:
        if os.environ.get("FAKE_WORKER_FAILS"):
            raise WorkerError("no device for the fake worker: plug one in")
        device = f"Fake device {start.device}".strip()
        self.ready = messages.Ready(device=device, dtype="float32")

    def make(
        self, run: messages.Run, control: JobControl, input_bytes: Callable[[str], bytes]
    ) -> Iterator[messages.Outcome]:
        if run.kind == extras.KIND:
            yield from make_extras(run, control, input_bytes)
            return
        request = Request.from_record(run.request)
        settings = Settings.from_record(run.settings)
        make = partial(self._make, run.job, input_bytes)
        if request.inputs:
            yield from make_batch(run, request, settings, control, make, self.explain)
        else:
            yield from make(request, settings, run.indexes, control)

    def _make(
        self,
        job: str,
        input_bytes: Callable[[str], bytes],
        request: Request,
        settings: Settings,
        indexes: Sequence[int],
        control: JobControl | PartControl,
    ) -> Iterator[Made]:
        if isinstance(control, PartControl):  # an input that is no picture is refused
            for name in request.images_needed:
                open_image(input_bytes(name), max_pixels=1 << 24)
        orders = [order.strip() for order in request.prompt.split(";")]
        pause = sum(float(order[5:]) for order in orders if order.startswith("slow "))
        note = ""
        if "needs" in orders:
            note = " " + " ".join(str(len(input_bytes(name))) for name in request.images_needed)
        control.status("Loading fake model")
        yield messages.SummaryKnown(job=job, summary=_summary(request).to_record())
        for first in range(0, len(indexes), request.batch_size):
            if control.check(between=True) == "stop":
                return
            batch = indexes[first : first + request.batch_size]
            word, steps_done = self._steps(request, control, batch[0], pause)
            if steps_done == 0:
                continue
            for index in batch:
                for order in orders:
                    self._obey(order, index)
                picture, data = paint(request, index, settings, note)
                yield messages.Artifact(
                    job=job, picture=picture.to_record(), complete=word == "go", blob=data
                )
                if "beside" in orders:
                    for name, is_start in (("-mask", False), ("0123abc", True)):
                        yield messages.Beside(
                            job=job, name=name, mime="image/png", is_start=is_start, blob=data
                        )
            if word == "stop":
                return

    def _steps(
        self, request: Request, control: JobControl | PartControl, index: int, pause: float
    ) -> tuple[str, int]:
        for step in range(request.steps):
            word = control.check()
            if word != "go":
                return word, step
            time.sleep(pause)
            control.progress(index, step + 1, request.steps)
            if control.wants_preview():
                control.preview(f"preview of step {step + 1}".encode())
        return "go", request.steps

    def _obey(self, order: str, index: int) -> None:
        words = order.split()
        if not words or "at" not in words or index != int(words[words.index("at") + 1]):
            return
        if words[0] == "crash":
            if words[1] == "once":
                marker = Path(words[4])
                if marker.exists():
                    return
                marker.touch()
            sys.stderr.write(f"fake worker crashes at {index}\n")
            sys.stderr.flush()
            os._exit(9)
        if words[0] == "refuse":
            raise RequestError(f"picture {index} is refused: ask for another", field="prompt")
        if words[0] == "boom":
            raise ZeroDivisionError("boom")
        if words[0] == "memory":
            raise MemoryError
        if words[0] == "hang":
            os.kill(os.getpid(), signal.SIGSTOP)
        if words[0] == "print":
            print("a stray print")  # noqa: T201 - that is the point
            os.write(1, b"and a stray write\n")

    def explain(self, error: Exception, run: messages.Run) -> EaselError:
        if isinstance(error, MemoryError):
            return OutOfMemoryError("no memory: make it smaller")
        return WorkerError(f"{type(error).__name__}: {error}")

    def answer(self, what: str) -> Mapping[str, Any]:
        return {"what": what}


def _summary(request: Request) -> Summary:
    return Summary(
        sampler_name=request.sampler_name or "Euler",
        scheduler="Automatic",
        steps=request.steps,
        cfg_scale=request.cfg_scale,
        width=request.width or 512,
        height=request.height or 512,
        model_name="fake",
        model_hash=None,
        warnings=("this is a fake",) if "warn" in request.prompt else (),
    )


if __name__ == "__main__":
    Loop(over_standard_streams(), FakeMaker).serve()
