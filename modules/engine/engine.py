"""The one road to a picture: a Request, settings and a loaded model in, finished picture files out.

Makes the wanted pictures in batches, tells of progress, obeys stop and skip between steps, and
encodes each file on a thread beside the next picture. A picture depends on the request and its
index alone, never on which others are made. It knows no queue, no file names and no other process.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from PIL import Image
from torch import Tensor

from modules.diffusion.guidance import LatentMask
from modules.diffusion.steps import Step
from modules.engine import preview
from modules.engine.conditioning import Conditioner, TextEncoder, Timeline
from modules.engine.enlarge import decoded, enlarge
from modules.engine.fields import Sources, extra_fields, infotext_of, picture_of, summary_of
from modules.engine.passes import Beginning, Running
from modules.engine.plan import Plan, make_plan
from modules.engine.start import Start, prepare
from modules.generation.request import Request
from modules.generation.result import Picture, Summary
from modules.generation.styles import Style
from modules.generation.tokens import Tokenizer
from modules.networks.model import Model
from modules.pictures import edit
from modules.pictures.metadata import encode, open_image
from modules.settings import Settings

Word = Literal["go", "skip", "stop"]


class Control(Protocol):
    """What a running job hears and tells; all but `preview` are called at every step."""

    def check(self, *, between: bool = False) -> Word:
        """What to do now. `between`: the next batch is about to begin."""
        ...

    def progress(self, image_index: int, step: int, steps: int) -> None: ...

    def wants_preview(self) -> bool: ...

    def preview(self, data: bytes, mime: str = "image/jpeg") -> None: ...


@dataclass(frozen=True)
class Output:
    """A finished file. `complete` False: it was stopped or skipped in the middle of its steps."""

    picture: Picture
    data: bytes
    complete: bool = True


def generate(
    request: Request,
    settings: Settings,
    *,
    model: Model,
    tokenizer: Tokenizer,
    input_bytes: Callable[[str], bytes],
    indexes: Sequence[int],
    control: Control,
    sources: Sources,
    styles: Mapping[str, Style] | None = None,
    on_summary: Callable[[Summary], None] | None = None,
) -> Iterator[Output]:
    """The pictures of `indexes` (0-based over n_iter * batch_size), in order, each when it is
    ready.

    Batches are made of the wanted indexes, `request.batch_size` at a time. `input_bytes(sha256)`
    gives a stored picture's file. `on_summary` is called once, before the first picture. Raises
    EaselError kinds; what was yielded before stays good.
    """
    plan = make_plan(
        request,
        settings,
        model.spec,
        alphas_cumprod=model.alphas_cumprod,
        on_cuda=model.device.type == "cuda",
        styles=styles or {},
    )
    job = _Job(request, settings, plan, model, tokenizer, control, sources)
    try:
        job.start_from(input_bytes)
        for number, output in enumerate(job.outputs(indexes)):
            if number == 0 and on_summary is not None:  # by then the checkpoint's hash is known
                on_summary(summary_of(plan, job.extra, sources))
            yield output
    finally:
        job.close()


class _Job:
    """One request's plan at work."""

    def __init__(
        self,
        request: Request,
        settings: Settings,
        plan: Plan,
        model: Model,
        tokenizer: Tokenizer,
        control: Control,
        sources: Sources,
    ) -> None:
        self.extra: Mapping[str, object] = {}
        self._request = request
        self._settings = settings
        self._plan = plan
        self._model = model
        self._control = control
        self._sources = sources
        self._encoder = TextEncoder(model, tokenizer, settings)
        self._start: Start | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._pending: collections.deque[Future[Output]] = collections.deque()

    def start_from(self, input_bytes: Callable[[str], bytes]) -> None:
        """Prepare img2img's start, and know all fields of infotext."""
        most = self._settings.easel.easel_max_pixels

        def open_picture(name: str, field: str) -> Image.Image:
            return open_image(input_bytes(name), max_pixels=most, field=field)

        init = self._plan.init
        if init is not None:
            with self._making():
                self._start = prepare(init, self._plan, self._settings, self._model, open_picture)
        fields = self._start.fields if self._start else {}
        self.extra = extra_fields(self._request, self._settings, self._plan, fields)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def outputs(self, indexes: Sequence[int]) -> Iterator[Output]:
        size = self._plan.batch_size
        try:
            for first in range(0, len(indexes), size):
                if self._control.check(between=True) == "stop":
                    break
                word = yield from self._batch(list(indexes[first : first + size]))
                if word == "stop":
                    break
        except Exception:  # whatever it is: pictures that were finished before it are not lost
            yield from self._rest()
            raise
        yield from self._rest()

    def _batch(self, batch: list[int]) -> Generator[Output, None, Word]:
        """Make one batch; the word that it ended with is returned."""
        word: Word = "go"
        latent: Tensor | None = None
        done = 0
        for number in range(len(self._plan.passes)):
            with self._making():
                running = self._running(number, batch, latent)
                steps = iter(running)
            while (word := self._control.check()) == "go":
                with self._making():
                    step = next(steps, None)
                    if step is None:
                        break
                    done += 1
                    self._tell(batch[0], done, step)
                yield from self._ready()
            latent = running.latent
            if word != "go":
                break
        if latent is not None:
            yield from self._finish(batch, latent, complete=word == "go")
        return word

    def _making(self) -> contextlib.ExitStack:
        """What holds while tensors are made. Never around a yield: it would reach the caller."""
        stack = contextlib.ExitStack()
        stack.enter_context(torch.inference_mode())
        if self._plan.tiling:
            stack.enter_context(self._model.tiling())
        return stack

    def _running(self, number: int, batch: list[int], latent: Tensor | None) -> Running:
        plan, settings = self._plan, self._settings
        step = plan.passes[number]
        timeline = Timeline(
            plan.passes[0].walk.total_steps,
            step.hires_steps,
            old=settings.compatibility.use_old_scheduling,
        )
        return Running(
            step,
            plan,
            self._model,
            batch,
            Conditioner(step.texts, self._encoder, timeline, settings, len(batch)),
            begin=self._first_begin(batch) if number == 0 else self._second_begin(batch, latent),
            quantize=settings.sd.enable_quantization,
            sgm_multiplier=settings.sampler_params.sgm_noise_multiplier,
        )

    def _first_begin(self, batch: list[int]) -> Beginning | None:
        start = self._start
        if start is None:
            return None
        latents = start.latents(batch)
        regenerate = start.regenerate
        mask = None if regenerate is None else LatentMask(latents, regenerate)
        return Beginning(latents, mask, dtype=self._model.vae.dtype)

    def _second_begin(self, batch: list[int], latent: Tensor | None) -> Beginning:
        enlarging = self._plan.enlarging
        assert latent is not None and enlarging is not None
        seeds = [self._plan.seeds[index] for index in batch]
        in_latent_space = enlarging.in_latent_space
        larger = enlarge(latent, enlarging, self._model, seeds)
        dtype = torch.float32 if in_latent_space else self._model.vae.dtype
        return Beginning(larger, dtype=dtype)

    def _tell(self, index: int, done: int, step: Step) -> None:
        self._control.progress(index, done, max(done, self._plan.expected_steps))
        if self._control.wants_preview():
            grid = self._settings.live_previews.show_progress_grid
            self._control.preview(preview.jpeg(step.denoised, self._model.spec, grid=grid))

    def _finish(self, batch: list[int], latent: Tensor, *, complete: bool) -> Iterator[Output]:
        for place, index in enumerate(batch):
            with self._making():
                image = self._image(index, latent[place : place + 1])
            self._pending.append(self._pool.submit(self._output, index, image, complete))
            yield from self._ready()

    def _image(self, index: int, latent: Tensor) -> Image.Image:
        """Decoded (1, C, h, w), in the start picture's colours and under its overlay where these
        are wanted.
        """
        image = edit.to_image(decoded(latent, self._model)[0])
        slot = self._start.slot(index) if self._start else None
        if slot is not None and slot.colours is not None:
            image = edit.match_colours(image, slot.colours)
        if slot is not None and slot.overlay is not None:
            image = slot.overlay.apply(image)
        return image

    def _output(self, index: int, image: Image.Image, complete: bool) -> Output:
        """On the encoding thread, which may wait for the checkpoint's hash."""
        text = infotext_of(index, self._plan, self.extra, self._sources, self._settings)
        wanted = text if self._settings.infotext.enable_pnginfo else None
        data, mime = encode(image, wanted, self._settings)
        return Output(picture_of(index, self._plan, image.size, text, mime), data, complete)

    def _rest(self) -> Iterator[Output]:
        while self._pending:
            yield self._pending.popleft().result()

    def _ready(self) -> Iterator[Output]:
        while self._pending and self._pending[0].done():
            yield self._pending.popleft().result()
