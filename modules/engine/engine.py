"""The one road to a picture: a Request, settings and a loaded model in, finished picture files out.

Makes the wanted pictures in batches, tells of progress, obeys stop and skip between steps, and
encodes each file on a thread beside the next picture. A picture depends on the request and its
index alone, never on which others are made. It knows no queue, no file names and no other process.
"""

from __future__ import annotations

import collections
import logging
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol

from PIL import Image
from torch import Tensor

from modules.diffusion.steps import Step
from modules.engine.approximate import Approximations
from modules.engine.beside import Beside, Drawn, files_beside, start_file, wanted
from modules.engine.checkpoints import Checkpoint, Turns
from modules.engine.fields import Sources, extra_fields, infotext_of, picture_of, summary_of
from modules.engine.making import Making
from modules.engine.networks import JobNetworks, Networks
from modules.engine.plan import Others, Plan, make_plan
from modules.generation.request import Request
from modules.generation.result import Picture, Summary
from modules.generation.styles import Style
from modules.generation.tokens import Tokenizer
from modules.networks.model import Model
from modules.networks.shortage import is_out_of_memory
from modules.networks.taesd import TaesdFiles
from modules.pictures.metadata import encode, open_image
from modules.settings import Settings

log = logging.getLogger(__name__)

Word = Literal["go", "skip", "stop"]
MOST_PENDING = 8  # pictures that wait to be encoded: each holds its pixels in memory


class Control(Protocol):
    """What a running job hears and tells; all but `preview`, which another thread calls, are called
    at every step.
    """

    def check(self, *, between: bool = False) -> Word:
        """What to do now. `between`: the next batch is about to begin."""
        ...

    def progress(self, image_index: int, step: int, steps: int) -> None: ...

    def wants_preview(self) -> bool: ...

    def preview(self, data: bytes, mime: str = "image/jpeg") -> None: ...

    def status(self, message: str) -> None:
        """A line for the user, called now and then."""
        ...


@dataclass(frozen=True)
class Output:
    """A finished file. `complete` False: it was stopped or skipped in the middle of its steps.
    `beside`: what else is to be saved with it.
    """

    picture: Picture
    data: bytes
    complete: bool = True
    beside: tuple[Beside, ...] = ()


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
    checkpoints: Callable[[str, str], Checkpoint] | None = None,
    networks: Networks | None = None,
    taesd: TaesdFiles | None = None,
    on_summary: Callable[[Summary], None] | None = None,
    user: str = "",
) -> Iterator[Output]:
    """The pictures of `indexes` (0-based over n_iter * batch_size), in order, each when it is
    ready.

    Batches are made of the wanted indexes, `request.batch_size` at a time. `input_bytes(sha256)`
    gives a stored picture's file. `checkpoints(name, field)` finds another checkpoint for the
    request's field, and the job's own under the name ""; without it a job has but `model`, which
    the caller must not keep, lest there be no room for the others. `networks` are put on the
    checkpoints as the prompts ask; without them what is on these stays. `taesd` stands in for their
    VAEs where the settings want it. `on_summary` is called once, before the first picture. `user`
    is who asks, for infotext. Raises EaselError kinds; what was yielded before stays good.
    """
    others = _others(request, checkpoints)
    plan = make_plan(
        request,
        settings,
        model.spec,
        alphas_cumprod=model.alphas_cumprod,
        on_cuda=model.device.type == "cuda",
        styles=styles or {},
        others=others,
    )
    own = checkpoints("", "") if checkpoints else None
    worn = JobNetworks(networks, settings)
    approximations = Approximations(taesd, settings, plan)
    making = Making(plan, settings, Turns(model, own), tokenizer, worn, approximations)
    job = _Job(request, settings, plan, making, worn, approximations, control, sources, user)
    del model
    try:
        job.start_from(input_bytes)
        for number, output in enumerate(job.outputs(indexes)):
            if number == 0 and on_summary is not None:  # by then the checkpoint's hash is known
                warnings = (*worn.warnings, *approximations.warnings, *job.warnings)
                on_summary(summary_of(plan, job.extra, sources, warnings))
            yield output
    finally:
        job.close()


def _others(
    request: Request, checkpoints: Callable[[str, str], Checkpoint] | None
) -> Others | None:
    """The checkpoints that the request names. UnknownNameError where one is not there."""
    hires = request.hires.other_checkpoint if request.hires else None
    if not (hires or request.refiner):
        return None
    assert checkpoints is not None, "nobody told where to find another checkpoint"
    return Others(
        own_key=checkpoints("", "").key,
        hires=checkpoints(hires, "hr_checkpoint_name") if hires else None,
        refiner=checkpoints(request.refiner, "refiner_checkpoint") if request.refiner else None,
    )


class _Job:
    """One request's plan at work."""

    def __init__(
        self,
        request: Request,
        settings: Settings,
        plan: Plan,
        making: Making,
        networks: JobNetworks,
        approximations: Approximations,
        control: Control,
        sources: Sources,
        user: str,
    ) -> None:
        self.extra: Mapping[str, object] = {}
        self._request = request
        self._settings = settings
        self._plan = plan
        self._control = control
        self._sources = sources
        self._making = making
        self._networks = networks
        self._approximations = approximations
        self._user = user if settings.infotext.add_user_name_to_info else ""
        self._wanted = wanted(request, settings)
        self._starts: dict[str, Beside] = {}  # start pictures that are to be saved, by their sums
        self._before_hires: dict[int, Callable[[], Drawn]] = {}
        self.warnings: list[str] = []
        self._done = 0  # steps of the batch in work
        self._submitted: set[int] = set()  # pictures that are on their way out
        self._expected = plan.expected_steps
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._pending: collections.deque[Future[Output]] = collections.deque()
        self._shown: Future[None] | None = None  # the preview on its way

    def start_from(self, input_bytes: Callable[[str], bytes]) -> None:
        """Prepare what the job starts from, and know all fields of infotext."""
        most = self._settings.easel.easel_max_pixels

        def open_picture(name: str, field: str) -> Image.Image:
            data = input_bytes(name)
            image = open_image(data, max_pixels=most, field=field)
            if self._wanted.start and field == "init_images":
                self._starts[name] = start_file(image, data)
            return image

        while True:
            try:
                with self._making.held():
                    self._making.prepare(open_picture)
                break
            except Exception as error:
                if not self._relieved(error):
                    raise
        start_fields = self._making.start_fields
        self.extra = extra_fields(self._request, self._settings, self._plan, start_fields)
        if self._user:
            self.extra = {**self.extra, "User": self._user}
        if self._starts:
            *_, last = self._starts.values()
            self.extra = {**self.extra, "Init image hash": last.name}

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
        """Make one batch; the word that it ended with is returned.

        Where memory does not suffice, what is missing of it is made again with less, if the
        checkpoint at work can do with less: a picture depends on the request and its index alone.
        """
        while True:
            try:
                return (yield from self._attempt(batch))
            except Exception as error:
                if not self._relieved(error):
                    raise
            batch = [index for index in batch if index not in self._submitted]

    def _relieved(self, error: Exception) -> bool:
        """Whether the error was a want of memory, and less of it will be used from now on."""
        if not is_out_of_memory(error):
            return False
        traceback.clear_frames(error.__traceback__)  # the tensors of the attempt hang on them
        words = self._making.relieve()
        if words is None:
            return False
        line = f"The device's memory did not suffice; from now on {words}"
        log.warning("%s", line)
        self._control.status(line)
        self.warnings.append(line)
        return True

    def _attempt(self, batch: list[int]) -> Generator[Output, None, Word]:
        word: Word = "go"
        latent: Tensor | None = None
        self._done = 0
        for number in self._plan.passes_run:
            word, latent = yield from self._pass(number, batch, latent)
            if word != "go":
                break
            if self._wanted.before_hires and number != self._plan.passes_run[-1]:
                self._keep(batch, latent)
        if self._shown is not None:  # it does not come after its picture, nor after the job
            self._shown.result()
            self._shown = None
        if latent is not None:
            yield from self._finish(batch, latent, complete=word == "go")
        return word

    def _pass(
        self, number: int, batch: list[int], latent: Tensor | None
    ) -> Generator[Output, None, tuple[Word, Tensor | None]]:
        """Run one pass from what the last one made. The word that it ended with, and its result."""
        with self._making.held():
            running = self._making.running(number, batch, latent)
            steps = iter(running)
        word: Word | None = None
        while word is None:
            with self._making.held():
                word = self._walk(steps, batch[0])
            yield from self._ready()
        return word, running.latent

    def _walk(self, steps: Iterator[Step], index: int) -> Word | None:
        """Step after step, up to the end of the pass ("go") or to another word; None where a
        picture of an earlier batch became ready on the way.
        """
        while (word := self._control.check()) == "go":
            step = next(steps, None)
            if step is None:
                break
            self._done += 1
            self._tell(index, step)
            if self._pending and self._pending[0].done():
                return None
        return word

    def _tell(self, index: int, step: Step) -> None:
        self._control.progress(index, self._done, max(self._done, self._expected))
        if self._shown is not None and self._shown.done():
            self._shown.result()
            self._shown = None
        if self._shown is None and self._control.wants_preview():
            data = self._making.preview(step.denoised)
            self._shown = self._pool.submit(lambda: self._control.preview(*data()))

    def _keep(self, batch: list[int], latent: Tensor | None) -> None:
        """What hires fix enlarges, as a picture."""
        assert latent is not None
        with self._making.held():
            for place, index in enumerate(batch):
                self._before_hires[index] = self._making.drawn(index, latent[place : place + 1])

    def _finish(self, batch: list[int], latent: Tensor, *, complete: bool) -> Iterator[Output]:
        self.extra = extra = {
            **self.extra,
            **self._making.refiner_fields,
            **self._networks.fields,
            **self._approximations.fields,
        }
        for place, index in enumerate(batch):
            with self._making.held():
                drawn = self._making.drawn(index, latent[place : place + 1], complete=complete)
            self._pending.append(self._pool.submit(self._output, index, drawn, extra, complete))
            self._submitted.add(index)
            yield from self._ready()
            while len(self._pending) > MOST_PENDING:
                yield self._pending.popleft().result()

    def _output(
        self,
        index: int,
        make: Callable[[], Drawn],
        extra: Mapping[str, object],
        complete: bool,
    ) -> Output:
        """On the encoding thread, which may wait for the device and for the checkpoint's hash."""
        drawn = make()
        image = drawn.image
        text = infotext_of(index, self._plan, extra, self._sources, self._settings)
        written = text if self._settings.infotext.enable_pnginfo else None
        data, mime = encode(image, written, self._settings)
        picture = picture_of(index, self._plan, image.size, text, mime)
        before = self._before_hires.pop(index, None)
        if not (complete or self._settings.saving_images.save_incomplete_images):
            return Output(picture, data, complete)
        beside = files_beside(
            drawn,
            data,
            mime,
            written,
            self._wanted,
            self._settings,
            before_hires=before().image if before else None,
        )
        starts, self._starts = self._starts, {}  # with the first picture that is saved
        return Output(picture, data, complete, (*starts.values(), *beside))

    def _rest(self) -> Iterator[Output]:
        while self._pending:
            yield self._pending.popleft().result()

    def _ready(self) -> Iterator[Output]:
        while self._pending and self._pending[0].done():
            yield self._pending.popleft().result()
