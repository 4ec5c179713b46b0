"""Hypernetworks: small networks that change what attention reads its keys and values from.

For each context width a file holds two, one for keys and one for values; each adds its answer to
the context of every attention of that width, before the projection (A1111 numerics: hypernetworks).
Knows files and the U-Net's attentions, no prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from modules.errors import CheckpointError, OutOfMemoryError
from modules.networks.adapters.file import Signature, signature
from modules.networks.attached import attached, changed_structure
from modules.networks.offload import device_of
from modules.networks.weights import read_pickle

Pair = tuple[nn.Module, nn.Module]  # for keys, for values

# Over the batch, which is what torch takes for three dimensions when no dimension is named.
_OVER_BATCH = {"softmax": nn.Softmax, "softmin": nn.Softmin, "logsoftmax": nn.LogSoftmax}
# By the names in files: torch's own in lower case, and two of the original's.
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "swish": nn.Hardswish,
    **{
        kind.__name__.lower(): kind
        for kind in (
            nn.CELU,
            nn.ELU,
            nn.GELU,
            nn.GLU,
            nn.Hardshrink,
            nn.Hardsigmoid,
            nn.Hardswish,
            nn.Hardtanh,
            nn.LeakyReLU,
            nn.LogSigmoid,
            nn.Mish,
            nn.PReLU,
            nn.RReLU,
            nn.ReLU,
            nn.ReLU6,
            nn.SELU,
            nn.SiLU,
            nn.Sigmoid,
            nn.Softmax2d,
            nn.Softplus,
            nn.Softshrink,
            nn.Softsign,
            nn.Tanh,
            nn.Tanhshrink,
        )
    },
    **{name: partial(kind, dim=0) for name, kind in _OVER_BATCH.items()},
}
_LAYER = re.compile(r"linear\.(\d+)\.(weight|bias)")
_OLD_LAYERS = {"linear1.": "linear.0.", "linear2.": "linear.1."}


def load_hypernetwork(path: Path) -> dict[int, Pair]:
    """The file's networks in fp32 by context width; each maps (B, T, width) to the same shape.

    CheckpointError where the file is unreadable, could run code, or is no hypernetwork.
    """
    content = read_pickle(path)
    widths = [key for key in content if isinstance(key, int)] if isinstance(content, dict) else []
    if not widths:
        raise CheckpointError(f"{path.name} holds no hypernetwork")
    activation = content.get("activation_func") or "linear"
    if not isinstance(activation, str) or activation.lower() not in ACTIVATIONS:
        raise CheckpointError(f"{path.name} asks for the activation {activation!r}, unknown here")
    activate_output = bool(content.get("activate_output", True))
    nets: dict[int, Pair] = {}
    for width in widths:
        try:
            for_keys, for_values = (
                _network(state, ACTIVATIONS[activation.lower()], activate_output)
                for state in content[width]
            )
            for net in (for_keys, for_values):
                if net(torch.zeros(1, 1, width)).shape != (1, 1, width):
                    raise ValueError(width)
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"{path.name}: its networks for width {width} are damaged or of a form unknown here"
            ) from error
        nets[width] = for_keys, for_values
    return nets


def _network(
    state: Mapping[str, Tensor], activation: Callable[[], nn.Module], activate_output: bool
) -> nn.Module:
    """Linear, activation, norm and again, as the tensors' places and shapes tell.

    Places in the file that hold no tensor were activations or dropout, which is idle.
    """
    places: dict[int, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        for old, new in _OLD_LAYERS.items():
            name = name.replace(old, new)
        found = _LAYER.fullmatch(name)
        if not found:
            raise ValueError(name)
        places.setdefault(int(found[1]), {})[found[2]] = tensor.detach().to(torch.float32)
    last = max(place for place, tensors in places.items() if tensors["weight"].ndim == 2)
    layers: list[nn.Module] = []
    for place in sorted(places):
        tensors = places[place]
        shape = tensors["weight"].shape
        if len(shape) == 2:
            layers.append(_filled(nn.Linear(shape[1], shape[0], device="meta"), tensors))
            if place != last or activate_output:
                layers.append(activation())
        elif "bias" in tensors:
            layers.append(_filled(nn.LayerNorm(list(shape), device="meta"), tensors))
        else:  # the slope of the activation before it
            _filled(layers[-1], tensors)
    return nn.Sequential(*layers).requires_grad_(False).eval()


def _filled(layer: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    layer.load_state_dict(tensors, strict=True, assign=True)
    return layer


class HasUNet(Protocol):
    """What hypernetworks need of a Model."""

    @property
    def unet(self) -> nn.Module: ...


Wanted = tuple[str, Path, float]  # name, file, multiplier


class _Record:
    """What is on a U-Net at present."""

    def __init__(self) -> None:
        self.asked: tuple[tuple[Wanted, Signature], ...] | None = ()
        self.problems: dict[str, str] = {}
        self.loaded: dict[tuple[Path, Signature], dict[int, Pair]] = {}
        self.handles: list[RemovableHandle] = []

    def take_off(self) -> None:
        while self.handles:
            self.handles.pop().remove()


class Hypernetworks:
    """The hypernetworks of a model, as hooks before its attentions' projections.

    Models that share their U-Net share what is on it.
    """

    def __init__(self, model: HasUNet) -> None:
        self._unet = model.unet
        self._record = attached(model.unet, _Record)

    def use(self, wanted: Sequence[Wanted]) -> Mapping[str, str]:
        """Put exactly these on, in this order; by name why some could not be.

        The same again, with unchanged files, costs nothing. After OutOfMemoryError none is on.
        """
        record = self._record
        asked = tuple((each, signature(each[1])) for each in wanted)
        if asked == record.asked:
            return dict(record.problems)
        changed_structure(self._unet)
        record.take_off()
        record.asked, before, record.loaded = None, record.loaded, {}
        problems: dict[str, str] = {}
        ready: list[tuple[dict[int, Pair], float]] = []
        for (name, path, multiplier), now in asked:
            try:
                nets = before.get((path, now)) or self._load(path)
            except CheckpointError as error:
                problems[name] = error.message
                continue
            except (torch.OutOfMemoryError, MemoryError) as error:
                raise OutOfMemoryError(
                    f"{path.name} does not fit into memory beside the checkpoint; use fewer"
                    " hypernetworks or close other programs"
                ) from error
            record.loaded[path, now] = nets
            if multiplier:
                ready.append((nets, multiplier))
        self._put_on(ready)
        record.asked, record.problems = asked, problems
        return dict(problems)

    def clear(self) -> None:
        """Take all off: the U-Net computes what the checkpoint alone does."""
        self.use(())

    def _load(self, path: Path) -> dict[int, Pair]:
        nets = load_hypernetwork(path)
        widths = {projection.in_features for _, projection in self._projections()}
        if not widths & nets.keys():
            raise CheckpointError(
                f"{path.name} was made for another family of models: it is for contexts of"
                f" {sorted(nets)} numbers, this checkpoint has {sorted(widths)}"
            )
        device = device_of(self._unet)
        return {
            width: (for_keys.to(device), for_values.to(device))
            for width, (for_keys, for_values) in nets.items()
            if width in widths
        }

    def _projections(self) -> Iterator[tuple[int, nn.Linear]]:
        """Every attention's projection of keys (0) and of values (1)."""
        for module in self._unet.modules():
            for place, name in enumerate(("to_k", "to_v")):
                projection = getattr(module, name, None)
                if isinstance(projection, nn.Linear):
                    yield place, projection

    def _put_on(self, ready: Sequence[tuple[dict[int, Pair], float]]) -> None:
        for place, projection in self._projections():
            width = projection.in_features
            nets = [(each[width][place], m) for each, m in ready if width in each]
            if nets:
                hook = projection.register_forward_pre_hook(partial(_changed, nets))
                self._record.handles.append(hook)


@torch.no_grad()
def _changed(
    nets: Sequence[tuple[nn.Module, float]], module: nn.Module, arguments: tuple[Any, ...]
) -> tuple[Any, ...]:
    """The projection's arguments with the context (B, T, width) changed by each net in order."""
    context, *others = arguments
    for net, multiplier in nets:
        context = (context + net(context.to(torch.float32)) * multiplier).to(context.dtype)
    return context, *others
