"""A second process that computes gradients of the same loss and never holds up the first.

Small networks waste a second thread on waiting at every operation; a second process does not. The
helper reads the newest weights, works on a batch of its own and leaves its gradient; the trainer
adds what lies there when it takes its next step. A gradient may so be a step old, and a run with
a helper does not repeat to the last bit.
"""

import copy
import multiprocessing
import os
import time
from typing import Protocol

import torch
from torch import Tensor, nn

from modules.training.builtin.loop import step_generator


class Teaching(Protocol):
    """What a helper is sent: it can be pickled, holds a module and computes a loss of it."""

    module: nn.Module

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]: ...


def _work(lesson: Teaching, gradients: list[Tensor], waiting, seed: int, parent: int) -> None:
    os.nice(19)  # only what nobody else wants of the processor
    torch.set_num_threads(1)
    shared: list[Tensor] = list(lesson.module.parameters())
    lesson.module = copy.deepcopy(lesson.module).train()
    own: list[Tensor] = list(lesson.module.parameters())
    count = 0
    while os.getppid() == parent:
        if waiting.is_set():
            time.sleep(0.002)
            continue
        with torch.no_grad():
            torch._foreach_copy_(own, shared)  # pyright: ignore[reportPrivateImportUsage]
        value, _ = lesson.loss(count, step_generator(seed, f"helper/{os.getpid()}", count))
        lesson.module.zero_grad(set_to_none=True)
        value.backward()
        for parameter, gradient in zip(own, gradients, strict=True):
            gradient.copy_(parameter.grad if parameter.grad is not None else torch.zeros(()))
        count += 1
        waiting.set()


class Helper:
    """Starts the helper process. The lesson's module moves into shared memory and stays there."""

    def __init__(self, lesson: Teaching, seed: int) -> None:
        lesson.module.share_memory()
        context = multiprocessing.get_context("spawn")
        self._gradients = [torch.zeros_like(p).share_memory_() for p in lesson.module.parameters()]
        self._waiting = context.Event()
        self._process = context.Process(
            target=_work,
            args=(lesson, self._gradients, self._waiting, seed, os.getpid()),
            daemon=True,
        )
        self._process.start()

    def take(self) -> list[Tensor] | None:
        """The helper's finished gradient, by parameter, or None if it is still at work."""
        if not self._waiting.is_set():
            return None
        taken = [gradient.clone() for gradient in self._gradients]
        self._waiting.clear()
        return taken

    def stop(self) -> None:
        self._process.terminate()
        self._process.join()
