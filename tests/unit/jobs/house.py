"""A job for the tests, and all parts of the queue over one folder, with the fake worker."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modules.generation.request import Request
from modules.jobs.assignment import Desk
from modules.jobs.delivery import Delivery, Places
from modules.jobs.inputs import InputStore
from modules.jobs.job import JobView, NewJob
from modules.jobs.messages import Start
from modules.jobs.queue import JobQueue
from modules.jobs.store import Store
from modules.jobs.supervisor import Staff, Supervisor

ROOT = Path(__file__).resolve().parents[3]
FAKE = (sys.executable, "-m", "tests.unit.jobs.fake_worker")


def new_job(prompt: str = "a pear", count: int = 1, **fields: Any) -> NewJob:
    """A small job; `fields` are of Request, or of NewJob where that has them."""
    own = {name: fields.pop(name) for name in tuple(fields) if name in NewJob.__annotations__}
    fields = {"width": 16, "height": 16, "steps": 2, "seed": 100, "subseed": 0} | fields
    request = Request(prompt=prompt, n_iter=count, **fields)
    return NewJob(
        **{
            "kind": request.kind,
            "image_count": request.image_count,
            "request": request.to_record(),
            "settings": {},
            "keeps_images": request.save_images,
        }
        | own
    )


@dataclass
class House:
    """All parts of the queue over one data folder, without the App around them."""

    folder: Path
    devices: int = 1
    after_current: bool = True
    patience: int = 300
    tick: float = 1.0
    store: Store = field(init=False)
    inputs: InputStore = field(init=False)
    queue: JobQueue = field(init=False)
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.folder / "easel" / "jobs.sqlite")
        self.inputs = InputStore(self.folder / "easel" / "inputs")
        delivery = Delivery(
            self.store,
            Places(
                data_dir=self.folder,
                unsaved_dir=self.folder / "easel" / "unsaved",
                history_file=self.folder / "params.txt",
            ),
        )
        self.queue = JobQueue(self.store, delivery, stops_after_current=lambda: self.after_current)
        self.supervisor = Supervisor(
            Desk(self.store, self.queue, delivery, self.inputs),
            Staff(
                command=FAKE,
                starts=[Start(device=str(n)) for n in range(self.devices)],
                folder=ROOT,
                log_file=self.folder / "easel" / "logs" / "worker.log",
            ),
            patience=self.patience,
            tick=self.tick,
        )

    def close(self) -> None:
        self.supervisor.close()
        self.store.close()

    def path_of(self, job_id: str, index: int) -> Path:
        """Where a finished picture lies."""
        item = next(item for item in self.store.items(job_id) if item.index == index)
        return self.folder / item.file

    def pictures(self) -> list[Path]:
        """Every picture file in the output folders."""
        found = (self.folder / "outputs").rglob("*.png")
        return sorted(path for path in found if not path.name.startswith("grid-"))

    def until(self, job_id: str, seen: Callable[[JobView], bool], *, look: bool = False) -> JobView:
        """The first view of which `seen` holds."""
        deadline = time.monotonic() + 20
        while not seen(view := self.queue.view(job_id, look=look)):
            assert time.monotonic() < deadline, f"it never came: {view}"
            time.sleep(0.01)
        return view


def write_empty_checkpoint(path: Path) -> None:
    """A safetensors file without tensors: enough to be listed and named."""
    header = b'{"__metadata__":{}}'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(header).to_bytes(8, "little") + header)
