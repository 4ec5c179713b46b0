"""One training loop for every stage: cosine rate, weight averages, checkpoints, resume, progress.

A step's random numbers come from (seed, stage, step) alone, so a resumed run goes on as if it had
not stopped. Knows nothing of what a stage trains.
"""

import logging
import math
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from modules.training.builtin.board import Curves

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where and how a run computes. `half` is the autocast type, None for full precision."""

    folder: Path
    device: torch.device
    half: torch.dtype | None
    seed: int = 1
    save_every: float = 90.0
    """Seconds between checkpoints."""
    until: float | None = None
    """The time (time.monotonic) after which a stage saves and raises TimeUp."""

    def autocast(self) -> torch.autocast:
        on = self.half is not None
        return torch.autocast(self.device.type, self.half or torch.bfloat16, enabled=on)


class TimeUp(Exception):
    """The run's time is over; all is saved and a resumed run goes on."""


@dataclass(frozen=True)
class Schedule:
    """Steps and rates of one stage. Evaluation happens every `look_every` steps and at the end."""

    steps: int
    rate: float
    warmup: int = 50
    final_rate: float = 0.02
    """Share of the rate that is left at the end of the cosine."""
    betas: tuple[float, float] = (0.9, 0.99)
    decay: float = 0.01
    clip: float = 1.0
    average: float = 0.0
    """Weight average's decay per step; 0 keeps none."""
    look_every: int = 500

    def rate_at(self, step: int) -> float:
        progress = min(step / max(self.steps, 1), 1.0)
        cosine = 0.5 * (1.0 + math.cos(math.pi * progress))
        return self.rate * min(1.0, (step + 1) / self.warmup) * (
            self.final_rate + (1.0 - self.final_rate) * cosine
        )  # fmt: skip


Loss = Callable[[int, torch.Generator], tuple[Tensor, dict[str, float]]]
Look = Callable[[int], dict[str, float]]


def step_generator(seed: int, stage: str, step: int) -> torch.Generator:
    """The random numbers of one step, the same however often the run was stopped."""
    name = zlib.crc32(f"{seed}/{stage}/{step}".encode())
    return torch.Generator().manual_seed(name)


class Stage:
    """A module in training: its optimiser, its weight average, its curves, its checkpoint file."""

    def __init__(self, name: str, module: nn.Module, schedule: Schedule, place: Place) -> None:
        self.name, self.module, self.schedule, self.place = name, module, schedule, place
        self.step = 0
        self.curves = Curves()
        self.take_gradient: Callable[[], list[Tensor] | None] | None = None
        """Where a helper's gradient of the same loss may lie ready."""
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.parameters, schedule.rate, betas=schedule.betas, weight_decay=schedule.decay,
            fused=True,
        )  # fmt: skip
        self.averages = [p.detach().clone() for p in self.parameters] if schedule.average else []
        self.path = place.folder / f"{name}.pt"

    def resume(self) -> bool:
        """Takes up the checkpoint in the run's folder, if there is one."""
        if not self.path.exists():
            return False
        held = torch.load(self.path, map_location=self.place.device, weights_only=True)
        self.module.load_state_dict(held["module"])
        self.optimiser.load_state_dict(held["optimiser"])
        self.averages = held["averages"]
        self.step = held["step"]
        self.curves = Curves(held["curves"])
        return True

    def save(self) -> None:
        held = {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "averages": self.averages,
            "step": self.step,
            "curves": self.curves.rows,
        }
        whole = self.path.with_suffix(".part")
        torch.save(held, whole)
        os.replace(whole, self.path)

    def swap_averages(self) -> None:
        """Exchanges the weights with their averages; calling it twice changes nothing."""
        with torch.no_grad():
            for parameter, average in zip(self.parameters, self.averages, strict=False):
                kept = parameter.clone()
                parameter.copy_(average)
                average.copy_(kept)

    def train(self, loss: Loss, look: Look | None = None, stop_at: int | None = None) -> None:
        """Runs to the schedule's end (or `stop_at`); saves now and then and at the end. TimeUp."""
        last = min(self.schedule.steps, stop_at or self.schedule.steps)
        began, first, saved = time.monotonic(), self.step, time.monotonic()
        while self.step < last:
            metrics = self._one_step(loss)
            done = self.step - first
            if self.step % 50 == 0 or self.step == last:
                self.curves.add(self.step, metrics)
                pace = (time.monotonic() - began) / done
                self._report(metrics, pace)
            if look and (self.step % self.schedule.look_every == 0 or self.step == last):
                self._look(look)
            if time.monotonic() - saved > self.place.save_every:
                self.save()
                saved = time.monotonic()
            if self.place.until is not None and time.monotonic() > self.place.until:
                self.save()
                raise TimeUp(f"{self.name} stopped at step {self.step} of {self.schedule.steps}")
        self.save()

    def _one_step(self, loss: Loss) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        self.module.train()
        value, metrics = loss(self.step, step_generator(self.place.seed, self.name, self.step))
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()
        taken = self.take_gradient() if self.take_gradient else None
        if taken is not None:
            for parameter, other in zip(self.parameters, taken, strict=True):
                if parameter.grad is not None:
                    parameter.grad.add_(other).mul_(0.5)
            metrics["helped"] = 1.0
        norm = nn.utils.clip_grad_norm_(self.parameters, self.schedule.clip)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.step += 1
        if self.averages:
            # the average follows fast at first, so that early looks show something
            decay = min(self.schedule.average, self.step / (self.step + 10))
            for average, parameter in zip(self.averages, self.parameters, strict=True):
                average.lerp_(parameter.detach(), 1 - decay)
        return {"loss": float(value.detach()), **metrics}

    def _look(self, look: Look) -> None:
        self.module.eval()
        self.swap_averages()
        with torch.no_grad():
            seen = look(self.step)
        self.swap_averages()
        self.curves.add(self.step, seen)
        self.curves.draw(self.place.folder / "log" / f"{self.name}-curves.png")
        log.info(
            "%s %d: %s", self.name, self.step, ", ".join(f"{k} {v:.4g}" for k, v in seen.items())
        )

    def _report(self, metrics: dict[str, float], pace: float) -> None:
        left = (self.schedule.steps - self.step) * pace
        figures = " ".join(f"{key} {value:.4f}" for key, value in metrics.items())
        log.info(
            "%s %d/%d  %.0f ms a step, %d:%02d left  %s",
            self.name, self.step, self.schedule.steps, 1000 * pace, left // 60, left % 60, figures,
        )  # fmt: skip
