"""The refiner: when another checkpoint takes over in the middle of a pass.

Pure: it says when, and what is told of it; the engine opens the checkpoint and encodes the prompts
again. Rules: A1111 numerics, refiner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from modules.diffusion.noise_schedule import SigmaTable
from modules.diffusion.steps import TimestepPlan
from modules.engine.checkpoints import Checkpoint
from modules.engine.walks import Walk
from modules.generation.request import Request
from modules.settings import Settings

LAST_TIMESTEP = 999
SECOND_PASS = "second pass"


@dataclass(frozen=True, kw_only=True, eq=False)
class Refiner:
    """switch_at: the share of the way, 0..1, after which the checkpoint takes over.

    table: the refiner's own noise levels. by_steps: the way is counted in model calls, not in
    timesteps. `fields` are the infotext fields of a picture for which it did.
    """

    checkpoint: Checkpoint
    table: SigmaTable
    switch_at: float
    by_steps: bool
    fields: Mapping[str, Any]

    def takes_over(self, walk: Walk, call: int, level: Tensor) -> bool:
        """Whether it does so before the 0-based model call at `level`: sigma, or the DDIM family's
        timestep.
        """
        if self.by_steps:
            return call / walk.total_calls >= self.switch_at
        if isinstance(walk.levels, TimestepPlan):
            timestep = int(level)
        else:  # of LCM's fifty levels the index counts as well, as in the original
            timestep = int((walk.table.sigmas - level).abs().argmin())
        return (LAST_TIMESTEP - timestep) / 1000 >= self.switch_at


def make_refiner(
    checkpoint: Checkpoint, table: SigmaTable, request: Request, settings: Settings
) -> Refiner | None:
    """None where the request lets it begin at the very end, which is never reached."""
    switch_at = 0.0 if request.refiner_switch_at is None else request.refiner_switch_at
    if switch_at >= 1:
        return None
    fields: dict[str, Any] = {"Refiner": checkpoint.sources.short_title}
    if request.refiner_switch_at is not None:
        fields["Refiner switch at"] = request.refiner_switch_at
    passes = settings.sd.hires_fix_refiner_pass
    if request.hires is not None and passes != SECOND_PASS:
        fields = {"Hires refiner": passes} | fields
    return Refiner(
        checkpoint=checkpoint,
        table=table,
        switch_at=switch_at,
        by_steps=settings.compatibility.refiner_switch_by_sample_steps,
        fields=fields,
    )


def refines_pass(request: Request, settings: Settings, *, second: bool) -> bool:
    """Whether the refiner works in the first or the second pass of hires fix."""
    if request.hires is None:
        return True
    return settings.sd.hires_fix_refiner_pass in (
        "both passes",
        f"{'second' if second else 'first'} pass",
    )
