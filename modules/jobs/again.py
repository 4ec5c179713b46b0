"""Wishes that begin from what another job made. Pure functions of records."""

from __future__ import annotations

from dataclasses import replace

from modules.generation.request import Hires, Request
from modules.jobs.job import ItemView


def enlarged(made: Request, item: ItemView, first: str, hires: Hires) -> Request:
    """Hires fix's second pass alone over the picture `item` that `made` led to, with all else as it
    was. `first`: the sum of the picture's stored file.
    """
    return replace(
        made,
        seed=item.seed,
        subseed=item.subseed,
        width=item.width,
        height=item.height,
        batch_size=1,
        n_iter=1,
        script_name=None,
        script_args=(),
        hires=replace(hires, firstpass_image=first),
    )
