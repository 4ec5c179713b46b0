"""Gives the waiting jobs to free workers and passes orders on to them.

One thread does the giving; each worker has a `Station` with a thread of its own. Knows no torch, no
page, and nothing of what a job's pictures are.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.errors import EaselError, JobError, StorageError, WorkerError
from modules.flags import Flags
from modules.generation.wish import wish_from_record
from modules.jobs import messages
from modules.jobs.assignment import Assignment, Desk
from modules.jobs.delivery import Recipe
from modules.jobs.job import Job, JobState, Stopping
from modules.jobs.station import State, Station
from modules.jobs.worker_process import WorkerLog, WorkerProcess
from modules.settings import Settings

log = logging.getLogger(__name__)

_TICK = 1.0  # seconds
_HOUSEKEEPING = 3600.0  # seconds
_PATIENCE = 300  # ticks: importing torch from a cold disk can hold a worker still for long


@dataclass(frozen=True)
class WorkerStatus:
    """How the workers are, for the user. `message` "" when there is nothing to say."""

    state: State
    device: str
    message: str
    pid: int | None


@dataclass(frozen=True, kw_only=True)
class Staff:
    """Which workers there are: one for each Start message, all by the same command.

    `folder` is the program's folder, in which the command runs.
    """

    command: Sequence[str]
    starts: Sequence[messages.Start]
    folder: Path
    log_file: Path


class Supervisor:
    """`housekeep` is called at the start and then every hour. `tick` is in seconds, `patience` (how
    long a worker may be silent) in ticks.
    """

    def __init__(
        self,
        desk: Desk,
        staff: Staff,
        *,
        housekeep: Callable[[], None] = lambda: None,
        patience: int = _PATIENCE,
        tick: float = _TICK,
    ) -> None:
        self._desk = desk
        self._housekeep = housekeep
        self._tick = tick
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._log = WorkerLog(staff.log_file)

        def spawn() -> WorkerProcess:
            return WorkerProcess(staff.command, folder=staff.folder, output=self._log)

        self._stations = [
            Station(spawn=spawn, start=start, desk=desk, changed=self._wake.set, patience=patience)
            for start in staff.starts
        ]
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Bring the queue to order after the last end, then start the workers."""
        self._desk.delivery.recover()
        self._desk.store.recover()
        self._desk.queue.attach(self)
        for station in self._stations:
            station.open()
        self._thread.start()

    def close(self) -> None:
        """End the workers; what ran goes on at the next start."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        closers = [threading.Thread(target=station.close) for station in self._stations]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()
        self._log.close()

    def status(self) -> WorkerStatus:
        """The best that can be said: busy before ready before starting before failed."""
        order: tuple[State, ...] = ("busy", "ready", "starting", "failed")
        best = min(self._stations, key=lambda station: order.index(station.state))
        devices = dict.fromkeys(s.device for s in self._stations if s.device)
        return WorkerStatus(best.state, ", ".join(devices), best.message, best.pid)

    def ask(self, what: str, timeout: float) -> Mapping[str, Any]:
        """The first worker's answer. WorkerError where none comes in `timeout` seconds."""
        try:
            return self._stations[0].ask(what).result(timeout)
        except NoAnswer:
            raise WorkerError(f"the worker did not answer in {timeout:g} s: it is busy") from None

    # -------------------------------------------------------------------------- Orders

    def work(self) -> None:
        self._wake.set()

    def stop(self, job_id: str, *, after_current: bool) -> None:
        self._send(job_id, messages.Stop(job=job_id, after_current=after_current))

    def skip(self, job_id: str) -> None:
        for station in self._stations:
            if station.job_id == job_id:
                station.skip()

    def look(self, job_id: str, *, wanted: bool) -> None:
        self._send(job_id, messages.Look(job=job_id, wanted=wanted))

    def _send(self, job_id: str, message: messages.Message) -> None:
        for station in self._stations:
            if station.job_id == job_id:
                station.send(message)

    # -------------------------------------------------------------------------- the thread

    def _run(self) -> None:
        ticked = 0.0
        swept = float("-inf")
        while not self._closing.is_set():
            self._desk.queue.trouble = self._give_out()
            for job_id in self._desk.queue.looks_that_ended():
                self.look(job_id, wanted=False)
            now = time.monotonic()
            if now - ticked >= self._tick:
                ticked = now
                for station in self._stations:
                    station.tick()
            if now - swept >= _HOUSEKEEPING:
                swept = now
                self._keep_house()
            self._wake.wait(self._tick)
            self._wake.clear()

    def _give_out(self) -> str:
        """Give every free worker a job. Returns why jobs wait, "" where nothing is wrong."""
        try:
            self._desk.queue.settle()
            for station in self._stations:
                while station.free and not self._closing.is_set():
                    job = self._desk.queue.take()
                    if job is None:
                        return ""
                    self._begin(station, job)
        except StorageError as error:
            if error.message != self._desk.queue.trouble:
                log.error("%s", error)
            self._closing.wait(_TICK)
            return error.message
        status = self.status()
        return status.message if status.state in ("starting", "failed") else ""

    def _begin(self, station: Station, job: Job) -> None:
        queue = self._desk.queue
        try:
            recipe = read_recipe(job)
        except EaselError as error:
            queue.ended(job.id, JobState.FAILED, error)
            return
        try:
            missing = queue.missing(job)
        except StorageError:
            queue.gave_back(job.id)
            raise
        if job.stopping is Stopping.AFTER_CURRENT:  # the current batch was lost in a crash
            missing = missing[: recipe.request.batch_size]
        if job.stopping is Stopping.CANCEL:
            queue.ended(job.id, JobState.CANCELLED)
        elif job.stopping is Stopping.NOW or not missing:
            queue.ended(job.id, JobState.DONE)
        elif not station.give(Assignment(job, recipe, missing)):
            queue.gave_back(job.id)
        else:
            # A stop that came between taking and giving found no worker to tell.
            now = self._desk.store.get(job.id).stopping
            if now is not job.stopping:
                self.stop(job.id, after_current=now is Stopping.AFTER_CURRENT)

    def _keep_house(self) -> None:
        try:
            self._housekeep()
        except (EaselError, OSError) as error:
            log.warning("old jobs could not be tidied up: %s", error)


def read_recipe(job: Job) -> Recipe:
    """What the row says is to be made. JobError where it can't be read or contradicts itself."""
    try:
        request = wish_from_record(job.kind, json.loads(job.request))
        settings = Settings.from_record(json.loads(job.settings))
        if request.image_count != job.image_count:
            raise JobError(f"it asks for {request.image_count} pictures, not {job.image_count}")
    except (EaselError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise JobError(
            f"the stored record of this job can't be read ({error}): send the request again"
        ) from error
    return Recipe(request=request, settings=settings)


def starts_of(flags: Flags) -> list[messages.Start]:
    """What each worker is told at its start: one for each device of --devices, else one."""
    on_cpu = {"all", "sd"} & set(flags.use_cpu)
    alone = "cpu" if on_cpu else flags.device_id or ""
    devices = [part.strip() for part in flags.devices.split(",") if part.strip()] or [alone]
    record = flags.public()  # a worker needs no password
    return [messages.Start(flags=record, device=device) for device in devices]
