"""From a `Run` to pictures: reads the job, has its checkpoints opened, drives the engine.

Lives in the worker process for as long as that does, so that checkpoints stay loaded between jobs.
How a picture is computed is the engine's business.
"""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import psutil
import torch

from modules.engine.checkpoints import Checkpoint
from modules.engine.engine import generate
from modules.engine.networks import Networks
from modules.errors import EaselError, OutOfMemoryError, WorkerError
from modules.flags import Flags, paths_of
from modules.generation import extras
from modules.generation.request import Request
from modules.generation.result import Summary
from modules.generation.tokens import load_tokenizer
from modules.jobs import messages
from modules.jobs.loop import JobControl
from modules.jobs.worker.batch import Made, PartControl, make_batch
from modules.jobs.worker.extras import make_extras
from modules.jobs.worker.shelf import Shelf
from modules.library.catalog import Catalog
from modules.library.folders import ModelFolders
from modules.library.hashes import Hasher
from modules.library.index import Index
from modules.library.networks import NetworkFiles
from modules.library.styles import StyleFiles
from modules.networks.economy import Economy
from modules.networks.model import PrecisionPolicy
from modules.networks.models import Models
from modules.networks.plans import Wish
from modules.networks.shortage import is_out_of_memory
from modules.networks.spec import Spec
from modules.networks.taesd import FOLDER, TaesdFiles
from modules.settings import Settings

log = logging.getLogger(__name__)


class PictureMaker:
    """The `Maker` of the real worker. FlagsError where the device is not there."""

    def __init__(self, start: messages.Start) -> None:
        flags = flags_of(start.flags)
        if flags.loglevel:
            logging.getLogger().setLevel(flags.loglevel)
        self._paths = paths_of(flags)
        policy = PrecisionPolicy(
            no_half=flags.no_half,
            no_half_vae=flags.no_half_vae,
            channels_last=flags.opt_channelslast,
            precision=flags.precision,  # type: ignore[arg-type] - the flag has the same choices
        )
        self._models = Models(start.device or None, policy)
        if self._models.device.type != "cpu":  # there everything is in main memory anyway
            self._models.economy = Economy(wish=partial(memory_wish, flags))
        index = Index(self._paths.easel_dir / "library.sqlite")
        hasher = Hasher(index, enabled=not flags.no_hashing)
        self._extra: tuple[
            str, ...
        ] = ()  # other programs' folders, as the job's settings name them
        folders = ModelFolders(self._paths, lambda: self._extra)
        self._shelf = Shelf(Catalog(self._paths, hasher, folders), hasher, self._models)
        self._tokenizer = load_tokenizer(self._paths.configs_dir)
        self._networks = Networks(
            NetworkFiles(self._paths, hasher, index, folders), self._tokenizer
        )
        approximate = self._paths.models_dir / FOLDER
        self._taesd = TaesdFiles(lambda: (approximate,))
        dtype = str(policy.network_dtype(self._models.device)).removeprefix("torch.")
        self.ready = messages.Ready(device=device_in_words(self._models.device), dtype=dtype)

    def make(
        self, run: messages.Run, control: JobControl, input_bytes: Callable[[str], bytes]
    ) -> Iterator[messages.Outcome]:
        """The summary, then each picture. EaselError where the job can't be done."""
        if run.kind == extras.KIND:
            yield from make_extras(run, control, input_bytes)
            return
        request = Request.from_record(run.request)
        settings = control.settings
        self._extra = settings.easel.easel_extra_models_dirs
        make = partial(self._make, run, input_bytes)
        if request.inputs:
            yield from make_batch(run, request, settings, control, make, self.explain)
        else:
            yield from make(request, settings, run.indexes, control)

    def _make(
        self,
        run: messages.Run,
        input_bytes: Callable[[str], bytes],
        request: Request,
        settings: Settings,
        indexes: Sequence[int],
        control: JobControl | PartControl,
    ) -> Iterator[Made]:
        """The summary and the pictures of one request, a part of `run`'s or all of it."""
        model, own = self._shelf.own(settings, control.status)

        def checkpoints(name: str, field: str) -> Checkpoint:
            return self._shelf.other(name, field, settings, control.status) if name else own

        summaries: list[Summary] = []
        outputs = generate(
            request,
            settings,
            model=model,
            tokenizer=self._tokenizer,
            input_bytes=input_bytes,
            indexes=indexes,
            control=control,
            sources=own.sources,
            checkpoints=checkpoints,
            networks=self._networks,
            taesd=self._taesd,
            styles=StyleFiles(self._paths.styles_files).by_name() if request.styles else {},
            on_summary=summaries.append,
            user=run.user,
        )
        del model  # another checkpoint may need its room
        for output in outputs:
            while summaries:
                yield messages.SummaryKnown(job=run.job, summary=summaries.pop().to_record())
            yield messages.Artifact(
                job=run.job,
                picture=output.picture.to_record(),
                complete=output.complete,
                blob=output.data,
            )
            for file in output.beside:
                yield messages.Beside(
                    job=run.job,
                    name=file.name,
                    mime=file.mime,
                    is_start=file.is_start,
                    blob=file.data,
                )

    def explain(self, error: Exception, run: messages.Run) -> EaselError:
        """Memory that did not suffice, with its remedy; all else is a fault of the program."""
        text = str(error)
        if not is_out_of_memory(error):
            return WorkerError(
                f"{type(error).__name__}: {text or 'no further word'}; this is a fault of Easel, "
                "its trace stands in worker.log"
            )
        self._give_memory_back(error)
        if run.kind == extras.KIND:
            return OutOfMemoryError(
                "the memory did not suffice to make the picture so large: ask for a smaller size"
            )
        request = Request.from_record(run.request)
        size = f"{request.width}x{request.height}" if request.width else "the checkpoint's size"
        batch = request.batch_size
        smaller = "the batch or the picture" if batch > 1 else "the picture"
        return OutOfMemoryError(
            f"the memory of {self.ready.device} did not suffice for {batch} at a time of {size}: "
            f"make {smaller} smaller, or close what else uses the device"
        )

    def answer(self, what: str) -> Mapping[str, Any]:
        """To "memory": A1111's record of it. "loaded": the model in memory and how wide its text
        encoders are. "unload", "reload": done, with the model's name.
        """
        if what == "unload":
            self._models.unload()
        elif what == "reload":
            self._shelf.reload()
        elif what == "memory":
            return memory_record(self._models.device)
        loaded = self._models.loaded
        if loaded is None:
            return {"loaded": None}
        return {
            "loaded": loaded.name,
            "embedding_width": sum(text.width for text in loaded.spec.texts),
        }

    # -------------------------------------------------------------------------- within

    def _give_memory_back(self, error: Exception) -> None:
        """Drop what the failed job held: its tensors hang on the frames of the error."""
        if error.__traceback__ is not None:
            traceback.clear_frames(error.__traceback__)
        gc.collect()
        self._models.unload_others()
        if self._models.device.type == "cuda":
            torch.cuda.empty_cache()


def memory_wish(flags: Flags, spec: Spec) -> Wish:
    """What the flags say of a checkpoint's weights. Without any: what fits best is chosen."""
    if flags.lowvram:
        return "stream"
    if flags.medvram or (flags.medvram_sdxl and spec.family.startswith("sdxl")):
        return "turns"
    return "auto"


def flags_of(record: Mapping[str, Any]) -> Flags:
    """The flags that `Flags.public` told of; passwords are not among them."""
    known = {entry.name for entry in fields(Flags)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in record.items()
        if name in known
    }
    return Flags(**values)


def device_in_words(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def memory_record(device: torch.device) -> dict[str, Any]:
    """RAM and device memory in bytes, in the shape of A1111's API (interface 16.4)."""
    process, machine = psutil.Process().memory_info().rss, psutil.virtual_memory()
    ram = {"free": machine.available, "used": process, "total": machine.total}
    if device.type != "cuda":
        return {"ram": ram, "cuda": {"error": "no CUDA device is used"}}
    free, total = torch.cuda.mem_get_info(device)
    stats = torch.cuda.memory_stats(device)

    def both(name: str) -> dict[str, int]:
        return {
            "current": stats.get(f"{name}.all.current", 0),
            "peak": stats.get(f"{name}.all.peak", 0),
        }

    return {
        "ram": ram,
        "cuda": {
            "system": {"free": free, "used": total - free, "total": total},
            "active": both("active_bytes"),
            "allocated": both("allocated_bytes"),
            "reserved": both("reserved_bytes"),
            "inactive": both("inactive_split_bytes"),
            "events": {
                "retries": stats.get("num_alloc_retries", 0),
                "oom": stats.get("num_ooms", 0),
            },
        },
    }
