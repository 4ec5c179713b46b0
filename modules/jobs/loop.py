"""The worker's side of the conversation: one main thread that works, one that listens.

Says Hello at once, has a `Maker` made (that imports what is heavy), then makes one job after the
other and sends what comes. It knows messages and orders; what is made, and with what, is the
maker's business.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NoReturn, Protocol

from modules.errors import EaselError, RequestError, WorkerError
from modules.generation.version import VERSION
from modules.jobs import messages
from modules.jobs.channel import Channel
from modules.jobs.messages import ProtocolError, Run
from modules.settings import Settings

log = logging.getLogger(__name__)

Word = Literal["go", "skip", "stop"]
AT_ONCE = ("memory", "loaded")  # questions that are answered beside a running job
_BEAT = 2.0  # seconds between heartbeats
_PREVIEW_PAUSE = 0.2  # seconds; more often nobody sees
_PROGRESS_PAUSE = 0.02  # seconds between the steps that are told; each costs both processes time


class Maker(Protocol):
    """What does the work. Its methods are called from the main thread."""

    @property
    def ready(self) -> messages.Ready: ...

    def make(
        self, run: Run, control: JobControl, input_bytes: Callable[[str], bytes]
    ) -> Iterator[messages.Outcome]:
        """The summary first, then each picture as it is ready."""
        ...

    def explain(self, error: Exception, run: Run) -> EaselError:
        """The error in words for the user; called for what is no EaselError."""
        ...

    def answer(self, what: str) -> Mapping[str, Any]:
        """To a question of `messages.Ask`; those of `AT_ONCE` from another thread, at any time."""
        ...


class JobControl:
    """What a running job hears and tells. `check`, `wants_preview`, `progress` are cheap: they are
    called at each step. settings: the job's.
    """

    def __init__(self, run: Run, channel: Channel) -> None:
        self.settings = Settings.from_record(run.settings)
        previews = self.settings.live_previews
        self._every = previews.show_progress_every_n_steps if previews.live_previews_enable else -1
        self._job = run.job
        self._channel = channel
        self._stop = False
        self._stop_after_current = False
        self._skip = False
        self._looking = False
        self._at = (-1, 0)  # batch and step
        self._previewed = (-1, 0)
        self._preview_time = 0.0
        self._told = (-1, 0.0)  # batch and time
        self.stopped = False  # whether "stop" was answered

    # what it hears, from the listening thread

    def stop(self, *, after_current: bool) -> None:
        if after_current:
            self._stop_after_current = True
        else:
            self._stop = True

    def skip(self) -> None:
        self._skip = True

    def look(self, wanted: bool) -> None:
        self._looking = wanted

    # what it is asked and tells, from the working thread

    def check(self, *, between: bool = False) -> Word:
        """What to do now. `between`: no batch is in work, the next is about to begin.

        A skip holds for the batch in work and is answered once.
        """
        if self._stop or (between and self._stop_after_current):
            self.stopped = True
            return "stop"
        skip, self._skip = self._skip, False
        return "skip" if skip and not between else "go"

    def progress(self, image_index: int, step: int, steps: int) -> None:
        """Told at a batch's first step and at the last, else where some time went by."""
        self._at = (image_index, step)
        if self._previewed[0] != image_index:
            self._previewed = (image_index, 0)
        batch, told = self._told
        now = time.monotonic()
        if batch == image_index and now - told < _PROGRESS_PAUSE and step < steps:
            return
        self._told = (image_index, now)
        self._channel.send(
            messages.Progress(job=self._job, image_index=image_index, step=step, steps=steps)
        )

    def status(self, message: str) -> None:
        self._channel.send(messages.Status(job=self._job, message=message))

    def wants_preview(self) -> bool:
        """Whether somebody looks, previews are on, and the last is long enough ago."""
        if not self._looking or self._every < 0:
            return False
        if time.monotonic() - self._preview_time < _PREVIEW_PAUSE:
            return False
        return self._at[1] - self._previewed[1] >= max(1, self._every)

    def preview(self, data: bytes, mime: str = "image/jpeg") -> None:
        self._previewed = self._at
        self._preview_time = time.monotonic()
        self._channel.send(messages.Preview(job=self._job, mime=mime, blob=data))


class Loop:
    """`make_maker` imports what is heavy; its errors are told to the user."""

    def __init__(self, channel: Channel, make_maker: Callable[[messages.Start], Maker]) -> None:
        self._channel = channel
        self._make_maker = make_maker
        self._tasks: queue.SimpleQueue[messages.Start | Run | messages.Ask] = queue.SimpleQueue()
        self._inputs: queue.SimpleQueue[messages.InputBytes] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._controls: dict[str, JobControl] = {}  # of jobs that came and did not end yet
        self._maker: Maker | None = None

    def serve(self) -> NoReturn:
        """Work until the web process is gone."""
        hello = messages.Hello(pid=os.getpid(), version=VERSION)
        self._channel.send(hello)
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        start = self._tasks.get()
        if not isinstance(start, messages.Start) or start.protocol != messages.PROTOCOL:
            self._give_up(WorkerError("the web process speaks another protocol: restart Easel"))
        try:
            maker = self._make_maker(start)
        except Exception as error:  # boundary: what can't start says so and ends
            log.exception("the worker can't get ready")
            self._give_up(_in_words(error))
        self._maker = maker
        self._channel.send(maker.ready)
        while True:
            task = self._tasks.get()
            if isinstance(task, Run):
                self._work(maker, task)
            elif isinstance(task, messages.Ask):
                self._answer(maker, task)

    # -------------------------------------------------------------------------- the working thread

    def _work(self, maker: Maker, run: Run) -> None:
        with self._lock:
            control = self._controls[run.job]
        try:
            for message in maker.make(run, control, self._input_bytes):
                self._channel.send(message)
            last = messages.Finished(job=run.job, stopped=control.stopped)
        except EaselError as error:
            log.warning("job %s: %s", run.job, error)
            last = messages.Failed(job=run.job, error=error.to_record())
        except Exception as error:  # boundary: a failed job must not take the worker with it
            log.exception("job %s failed", run.job)
            explained = maker.explain(error, run)
            last = messages.Failed(job=run.job, error=explained.to_record())
        with self._lock:
            del self._controls[run.job]
        self._channel.send(last)

    def _input_bytes(self, sha256: str) -> bytes:
        """The stored picture's bytes, asked of the web process."""
        self._channel.send(messages.NeedInput(sha256=sha256))
        answer = self._inputs.get()
        assert answer.sha256 == sha256, "inputs are asked for one at a time"
        if not answer.found:
            raise RequestError(
                f"the picture {sha256[:12]} of this request is not stored any more: send it again",
                field="init_images",
            )
        return answer.blob

    def _answer(self, maker: Maker, ask: messages.Ask) -> None:
        try:
            answer = maker.answer(ask.what)
        except Exception as error:  # boundary, as for a job
            log.exception("the question %r failed", ask.what)
            answer = {"error": str(error)}
        self._channel.send(messages.Answer(question=ask.question, answer=answer))

    def _give_up(self, error: EaselError) -> NoReturn:
        self._channel.send(messages.Failed(job="", error=error.to_record()))
        os._exit(3)

    # -------------------------------------------------------------------------- the other threads

    def _listen(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                self._hear(message)
                if isinstance(message, messages.Quit):
                    break
        except ProtocolError:
            log.exception("the web process says what can't be understood")
        # At once, in the middle of whatever the other thread does: nobody is there to take it.
        os._exit(0)

    def _hear(self, message: messages.Message) -> None:
        match message:
            case messages.Run():
                with self._lock:
                    self._controls[message.job] = JobControl(message, self._channel)
                self._tasks.put(message)
            case messages.Ask() if message.what in AT_ONCE and self._maker is not None:
                self._answer(self._maker, message)
            case messages.Start() | messages.Ask():
                self._tasks.put(message)
            case messages.InputBytes():
                self._inputs.put(message)
            case messages.Stop() | messages.Skip() | messages.Look():
                with self._lock:
                    control = self._controls.get(message.job)
                if control is None:
                    return  # it came too late
                if isinstance(message, messages.Stop):
                    control.stop(after_current=message.after_current)
                elif isinstance(message, messages.Skip):
                    control.skip()
                else:
                    control.look(message.wanted)

    def _beat(self) -> None:
        while self._channel.send(messages.Heartbeat()):
            time.sleep(_BEAT)


def _in_words(error: Exception) -> EaselError:
    if isinstance(error, EaselError):
        return error
    return WorkerError(f"the worker can't get ready ({type(error).__name__}: {error})")
