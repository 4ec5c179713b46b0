"""One worker's place: the process is started, read, missed when it dies, and started again.

What it sends about its job goes to the queue (how it goes), the delivery (pictures) and the store.
Which job it gets is the supervisor's business.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Literal

from modules.errors import EaselError, StorageError, WorkerError, from_record
from modules.generation.request import Request
from modules.generation.result import Picture, Summary
from modules.jobs import messages
from modules.jobs.assignment import Assignment, Desk
from modules.jobs.job import JobState
from modules.jobs.live import Live
from modules.jobs.messages import Message, ProtocolError
from modules.jobs.worker_process import WorkerProcess

log = logging.getLogger(__name__)

State = Literal["starting", "ready", "busy", "failed"]
DEATHS_ALLOWED = 2  # with no picture in between; then the job is to blame
_FAILURES_SHOWN = 3  # starts that came to nothing before the worker counts as failed
_LONGEST_PAUSE = 30.0  # seconds between two starts that come to nothing


class Station:
    """`spawn` starts a process; `changed` is called, from this station's thread, when it may have
    become free. `patience` counts the ticks without a sign of life after which a worker is killed.
    """

    def __init__(
        self,
        *,
        spawn: Callable[[], WorkerProcess],
        start: messages.Start,
        desk: Desk,
        changed: Callable[[], None],
        patience: int,
    ) -> None:
        self._spawn = spawn
        self._start = start
        self._desk = desk
        self._changed = changed
        self._patience = patience
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._process: WorkerProcess | None = None
        self._assignment: Assignment | None = None
        self._questions: dict[int, Future[Mapping[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._silent_ticks = 0
        self._handling = False
        self._failures = 0
        self._excuse = ""  # what the worker said before it gave up
        self.state: State = "starting"
        self.message = "starting"
        self.device = ""
        self._thread = threading.Thread(target=self._live, name="worker-station", daemon=True)

    # -------------------------------------------------------------------------- from other threads

    def open(self) -> None:
        self._thread.start()

    @property
    def free(self) -> bool:
        return self.state == "ready" and self._assignment is None

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process else None

    @property
    def job_id(self) -> str:
        assignment = self._assignment
        return assignment.job.id if assignment else ""

    def give(self, assignment: Assignment) -> bool:
        """Let the worker make these pictures; False where it is not free (any more)."""
        job = assignment.job
        request = assignment.recipe.request
        with self._lock:  # a worker that dies now is missed before or after, not in between
            if self._process is None or not self.free:
                return False
            self._assignment = assignment
            self.state = "busy"
            live = Live(assignment.indexes, job.image_count, request.batch_size)
            self._desk.queue.began(job.id, live)
        if assignment.recipe.settings.system.enable_console_prompts and isinstance(
            request, Request
        ):
            log.info("job %s: %s", job.id, request.prompt)
        self.send(
            messages.Run(
                job=job.id,
                kind=job.kind,
                request=request.to_record(),
                settings=assignment.recipe.settings.to_record(),
                indexes=assignment.indexes,
                user=job.owner,
            )
        )
        return True

    def send(self, message: Message) -> bool:
        """False when there is no process: whoever reads notices that."""
        process = self._process
        return process is not None and process.send(message)

    def skip(self) -> None:
        if (assignment := self._assignment) is not None:
            assignment.skipped = True
            self.send(messages.Skip(job=assignment.job.id))

    def ask(self, what: str) -> Future[Mapping[str, Any]]:
        """The worker's answer, sooner or later; WorkerError in the future if it dies over it."""
        answer: Future[Mapping[str, Any]] = Future()
        with self._lock:
            number = next(self._numbers)
            self._questions[number] = answer
        if not self.send(messages.Ask(question=number, what=what)):
            self._no_answers("the worker is not running")
        return answer

    def tick(self) -> None:
        """Once a second. Ticks are counted, not seconds: a machine that slept kills no worker."""
        self._silent_ticks = 0 if self._handling else self._silent_ticks + 1
        process = self._process
        if process is not None and self._silent_ticks > self._patience:
            log.error("worker %d gave no sign of life for %d s", process.pid, self._patience)
            self._silent_ticks = 0
            process.kill()

    def close(self) -> None:
        """End the worker; its job stays in the store as running and goes on at the next start."""
        self._closing.set()
        with self._lock:
            process = self._process
        if process is not None:
            process.quit()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    # -------------------------------------------------------------------------- the thread

    def _live(self) -> None:
        while not self._closing.is_set():
            try:
                how = self._one_life()
            except WorkerError as error:
                how = error.message
                self._failures += 1
            if self._closing.is_set():
                return
            self._mourn(how)
            pause = min(_LONGEST_PAUSE, 0.25 * 2.0**self._failures) if self._failures else 0.0
            self._closing.wait(pause)

    def _one_life(self) -> str:
        """From start to end of one process; how it ended, in words."""
        self._starting("starting")
        with self._lock:
            if self._closing.is_set():
                return ""
            process = self._process = self._spawn()
        self._silent_ticks = 0
        self._excuse = ""
        process.send(self._start)
        was_ready = False
        try:
            while (message := process.receive()) is not None:
                self._silent_ticks = 0
                self._handling = True
                self._handle(message)
                self._handling = False
                was_ready = was_ready or isinstance(message, messages.Ready)
        except ProtocolError as error:
            log.error("worker %d is ended: %s", process.pid, error)
        except Exception:  # boundary: without this thread the queue would stand still
            log.exception("a message of worker %d could not be handled", process.pid)
        finally:
            self._handling = False
            process.kill()
        how = process.reap()
        self._failures = 0 if was_ready else self._failures + 1
        if self._excuse or (not was_ready and process.last_lines):
            how += ": " + (self._excuse or process.last_lines[-1])
        return how

    def _mourn(self, how: str) -> None:
        """The process is gone: its job waits again or fails, its questions stay unanswered."""
        log.error("the worker %s", how)
        with self._lock:
            self._process = None
            assignment, self._assignment = self._assignment, None
            self.state = "starting"
        self._no_answers(f"the worker {how}")
        if self._failures >= _FAILURES_SHOWN:
            self._become("failed", f"the worker can't start: it {how}; see worker.log")
        else:
            self._become("starting", f"starting again: the worker {how}")
        if assignment is None:
            return
        job_id = assignment.job.id
        if assignment.failure is not None:
            self._desk.queue.ended(job_id, JobState.FAILED, assignment.failure)
            return
        error = WorkerError(
            f"the worker died {DEATHS_ALLOWED} times over this job (last: {how}): make the picture "
            "or the batch smaller, and see worker.log for the reason"
        )
        self._desk.queue.orphaned(job_id, error, limit=DEATHS_ALLOWED)

    def _starting(self, message: str) -> None:
        """A worker that failed several times counts as failed until it is ready."""
        if self._failures < _FAILURES_SHOWN:
            self._become("starting", message)

    def _become(self, state: State, message: str) -> None:
        self.state, self.message = state, message
        self._changed()

    def _no_answers(self, why: str) -> None:
        with self._lock:
            questions, self._questions = self._questions, {}
        for question in questions.values():
            question.set_exception(WorkerError(f"no answer: {why}"))

    # -------------------------------------------------------------------------- messages

    def _handle(self, message: Message) -> None:
        match message:
            case messages.Heartbeat():
                pass
            case messages.Hello():
                if message.protocol != messages.PROTOCOL:
                    raise ProtocolError(f"the worker speaks protocol {message.protocol}")
                self._starting("loading libraries")
            case messages.Ready():
                self.device = message.device
                self._become("ready", "")
            case messages.NeedInput():
                self._send_input(message.sha256)
            case messages.Answer():
                with self._lock:
                    question = self._questions.pop(message.question, None)
                if question is not None:
                    question.set_result(message.answer)
            case messages.Failed(job=""):
                self._excuse = message.error.get("message", "")
            case _:
                self._handle_job(message)

    def _handle_job(self, message: Message) -> None:
        assignment = self._assignment
        job_id = getattr(message, "job", "")
        if assignment is None or assignment.job.id != job_id:
            log.warning("a %s of a job that is not here is dropped", type(message).__name__)
            return
        queue = self._desk.queue
        match message:
            case messages.Status():
                queue.update(job_id, lambda live: setattr(live, "message", message.message))
            case messages.Progress():
                at = (message.image_index, message.step, message.steps)
                queue.update(job_id, lambda live: live.progressed(*at))
            case messages.Preview():
                queue.previewed(job_id, message.mime, message.blob)
            case messages.SummaryKnown():
                assignment.summary = Summary.from_record(message.summary)
                self._guarded(
                    assignment, lambda: self._desk.store.set_summary(job_id, message.summary)
                )
            case messages.Artifact():
                self._guarded(assignment, lambda: self._deliver(assignment, message))
            case messages.Beside():
                self._guarded(assignment, lambda: self._deliver_beside(assignment, message))
            case messages.Unusable():
                self._guarded(assignment, lambda: self._note_unusable(assignment, message))
            case messages.Finished():
                self._end(assignment, message.stopped)
            case messages.Failed():
                self._end(assignment, True, from_record(dict(message.error)))
            case _:
                raise ProtocolError(f"a worker sends no {type(message).__name__}")

    def _guarded(self, assignment: Assignment, work: Callable[[], None]) -> None:
        """A full disk fails the job, not the queue: the worker is told to stop."""
        if assignment.failure is not None:
            return
        try:
            work()
        except StorageError as error:
            log.error("job %s: %s", assignment.job.id, error)
            assignment.failure = error
            self.send(messages.Stop(job=assignment.job.id))

    def _deliver(self, assignment: Assignment, artifact: messages.Artifact) -> None:
        if assignment.summary is None and isinstance(assignment.recipe.request, Request):
            raise ProtocolError("a picture came before its summary")
        picture = Picture.from_record(artifact.picture)
        assignment.last = self._desk.delivery.deliver(
            assignment.job,
            assignment.recipe,
            assignment.summary,
            picture,
            artifact.blob,
            complete=artifact.complete,
        )
        if not assignment.delivered and assignment.summary is not None:
            self._desk.delivery.remember_infotext(picture.infotext)
        assignment.delivered += 1
        if assignment.recipe.settings.system.samples_log_stdout:
            log.info("%s", picture.infotext)

    def _deliver_beside(self, assignment: Assignment, file: messages.Beside) -> None:
        delivery = self._desk.delivery
        if assignment.last is None:
            return
        if file.is_start:
            delivery.deliver_start(assignment.recipe, file.name, file.mime, file.blob)
        else:
            delivery.deliver_beside(
                assignment.job, assignment.last, file.name, file.mime, file.blob
            )

    def _note_unusable(self, assignment: Assignment, message: messages.Unusable) -> None:
        self._desk.store.note_unusable(assignment.job.id, message.indexes, message.error)
        assignment.unusable += len(message.indexes)
        assignment.excuse = assignment.excuse or message.error.get("message", "")

    def _end(self, assignment: Assignment, stopped: bool, error: EaselError | None = None) -> None:
        """The run is over: work out what that makes of the job."""
        job_id = assignment.job.id
        error = assignment.failure or error
        state = JobState.DONE
        if error is None:
            try:
                state, error = assignment.verdict(stopped, self._desk)
            except StorageError as trouble:
                error = trouble
        state = JobState.FAILED if error else state
        self._assignment = None
        log.info("%s", assignment.in_words(state))
        if state is JobState.DONE and assignment.wants_grid(self._desk):
            self._become("ready", "")  # the worker need not wait for the sheet
            assignment.make_grid(self._desk)
            self._desk.queue.ended(job_id, state)
        else:
            self._desk.queue.ended(job_id, state, error)
            self._become("ready", "")

    def _send_input(self, sha256: str) -> None:
        try:
            data = self._desk.inputs.get(sha256)
        except EaselError as error:
            log.warning("%s", error)
            self.send(messages.InputBytes(sha256=sha256, found=False))
            return
        self.send(messages.InputBytes(sha256=sha256, found=True, blob=data))
