"""Copies of networks that were laid out once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from modules.networks import build
from modules.networks.model import Model
from modules.networks.skeleton import slots, without_memory


def within(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every object below a network that somebody could change, with its place."""
    if isinstance(value, nn.Module):
        yield path, value
        for name, held in vars(value).items():
            yield from within(held, f"{path}.{name}")
    elif type(value).__name__ in ("dict", "OrderedDict", "list", "set"):
        yield path, value
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, held in pairs:
            yield from within(held, f"{path}[{name}]")


def test_two_networks_of_one_architecture_share_nothing_that_can_change(
    family_model: Callable[[str], Model],
) -> None:
    spec = family_model("sdxl").spec
    for one, other in (
        (build.empty_unet(spec.unet), build.empty_unet(spec.unet)),
        (build.empty_vae(spec.vae), build.empty_vae(spec.vae)),
        *((build.empty_text_encoder(t), build.empty_text_encoder(t)) for t in spec.texts),
    ):
        first, second = dict(within(one)), dict(within(other))
        assert first.keys() == second.keys() and len(first) > 100
        constants = (".config", "._internal_dict", "_plan", "_no_split_modules")
        shared = [
            place
            for place, value in first.items()
            if value is second[place] and not any(word in place for word in constants)
        ]
        assert shared == []


def test_a_module_that_has_two_places_has_them_in_a_copy_too(
    monkeypatch: pytest.MonkeyPatch, model: Model
) -> None:
    twice = nn.Linear(2, 2)
    monkeypatch.setattr(build, "_unet", lambda _: nn.Sequential(twice, twice))
    copy = build.empty_unet(model.spec.unet)
    assert isinstance(copy, nn.Sequential)
    assert copy[0] is copy[1] and copy[0] is not twice


def test_skeletons_have_shapes_and_no_numbers_and_torch_initialises_as_before() -> None:
    with without_memory():
        empty = nn.Sequential(nn.Conv2d(3, 5, 3), nn.GroupNorm(1, 5), nn.Embedding(7, 5))
    assert all(slot.tensor.is_meta for slot in slots(empty)) and len(list(slots(empty))) == 5
    assert nn.init.ones_(torch.empty(2)).tolist() == [1, 1]
