"""Networks without weights: made by their constructors once, copied as often as they are wanted.

A network's constructors take longer than giving it its weights does, so each architecture is laid
out once in a process. Knows modules and their tensors' places, no architecture.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Network = TypeVar("Network", bound=nn.Module)


class _Uninitialised(TorchFunctionMode):
    """Inside it torch's initialisers leave tensors as they are."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


@contextmanager
def without_memory() -> Iterator[None]:
    """Modules made inside it have shapes and no numbers."""
    with torch.device("meta"), _Uninitialised():
        yield


@dataclass(frozen=True, eq=False)
class Slot:
    """A parameter or buffer of a network: its name there, and where its module keeps it."""

    name: str
    key: str
    place: dict[str, Any]

    @property
    def tensor(self) -> Tensor:
        return self.place[self.key]

    def move(self, tensor: Tensor) -> None:
        """The same numbers lie there from now on; a parameter stays the same object."""
        if isinstance(self.place[self.key], nn.Parameter):
            self.place[self.key].data = tensor
        else:
            self.place[self.key] = tensor

    def put(self, tensor: Tensor) -> None:
        """Something new stands in its place; a parameter learns nothing."""
        is_parameter = isinstance(self.place[self.key], nn.Parameter)
        self.place[self.key] = nn.Parameter(tensor, requires_grad=False) if is_parameter else tensor


def slots(network: nn.Module) -> Iterator[Slot]:
    """Of everything that a file must give."""
    for prefix, module in network.named_modules():
        before = prefix + "." if prefix else ""
        passing = module._non_persistent_buffers_set
        for place in (module._parameters, module._buffers):
            for key, tensor in place.items():
                if tensor is not None and key not in passing:
                    yield Slot(before + key, key, cast(dict[str, Any], place))


def buffers(network: nn.Module) -> Iterator[Slot]:
    """Of the constants that no file holds."""
    for prefix, module in network.named_modules():
        for key in module._non_persistent_buffers_set:
            if module._buffers.get(key) is not None:
                name = f"{prefix}.{key}" if prefix else key
                yield Slot(name, key, cast(dict[str, Any], module._buffers))


def copied(skeleton: Network) -> Network:
    """The same modules anew, around the same tensors.

    What a module keeps in tables of its own (children, hooks, lists) is the copy's own, too; all
    other attributes are taken to be constants.
    """
    return cast(Network, _copied(skeleton, {}))


def _copied(module: nn.Module, made: dict[int, nn.Module]) -> nn.Module:
    if id(module) in made:  # one that has two places
        return made[id(module)]
    copy = made[id(module)] = module.__class__.__new__(module.__class__)
    attributes = {name: _own(value) for name, value in vars(module).items()}
    children: Mapping[str, nn.Module | None] = module._modules
    attributes["_modules"] = {
        name: None if child is None else _copied(child, made) for name, child in children.items()
    }
    vars(copy).update(attributes)
    return copy


def _own(value: Any) -> Any:
    return value.copy() if type(value) in (dict, OrderedDict, list, set) else value
