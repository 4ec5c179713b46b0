"""The adapters that are on a model: put on in order, taken off without trace.

Deltas are added to the weights one adapter after the other, rounded to the weights' precision each
time, which is what the original does (A1111 numerics: per-module delta). All files are opened and
held against the model's shapes before the first weight is touched.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from modules.errors import CheckpointError, OutOfMemoryError
from modules.networks.adapters.deltas import NUMBERS, DoesNotFitError, Kind, delta, kind_of
from modules.networks.adapters.file import AdapterFile, AdapterFiles, Signature, signature
from modules.networks.adapters.names import Names, Target
from modules.networks.adapters.originals import Originals
from modules.networks.attached import attached, changed_structure
from modules.networks.fp8 import FP8, narrowed, unrounded, widened
from modules.networks.offload import bring_home
from modules.networks.shortage import is_out_of_memory
from modules.networks.spec import Spec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Adapter:
    """A file and how strongly it acts on the text encoders and the U-Net.

    `rank` keeps that many of a LoRA's ranks (None: all).
    """

    name: str
    path: Path
    text: float = 1.0
    unet: float = 1.0
    rank: int | None = None


class Adaptable(Protocol):
    """What adapters need of a Model."""

    @property
    def spec(self) -> Spec: ...
    @property
    def unet(self) -> nn.Module: ...
    @property
    def text_encoders(self) -> Sequence[nn.Module]: ...


class _Record:
    """What is on a U-Net and its text encoders at present."""

    def __init__(self) -> None:
        self.originals = Originals()
        self.asked: tuple[tuple[Adapter, Signature], ...] | None = ()
        self.problems: dict[str, str] = {}


@dataclass(frozen=True, eq=False)
class _Step:
    """One adapter's change of one module."""

    adapter: Adapter
    file: AdapterFile
    kind: Kind
    keys: Mapping[str, str]  # part -> key in the file
    multiplier: float


class _UnusableError(Exception):
    """A file that turned out bad while its tensors were read."""

    def __init__(self, adapter: Adapter, why: str) -> None:
        super().__init__(why)
        self.adapter, self.why = adapter, why


class Adapters:
    """The adapters of a model. Used by one thread.

    Models that share their U-Net share what is on it, whichever Adapters put it there. `files`
    keeps files' tensors in memory; give the same one to all models.
    """

    def __init__(self, model: Adaptable, files: AdapterFiles | None = None) -> None:
        self._model = model
        self._files = AdapterFiles() if files is None else files
        self._record = attached(model.unet, _Record)
        self._names: Names | None = None

    @torch.no_grad()
    def use(self, wanted: Sequence[Adapter]) -> Mapping[str, str]:
        """Put exactly these on, in this order; by name why some could not be.

        The same again, with unchanged files, costs nothing. After OutOfMemoryError, and any other
        failure, the weights are the checkpoint's own.
        """
        record = self._record
        asked = tuple((adapter, signature(adapter.path)) for adapter in wanted)
        if asked == record.asked:
            return dict(record.problems)
        problems: dict[str, str] = {}
        plans: list[tuple[Adapter, dict[Target, _Step]]] = []
        for adapter in wanted:
            try:
                plans.append((adapter, self._plan(adapter)))
            except CheckpointError as error:
                problems[adapter.name] = error.message
        record.asked = None
        for network in (self._model.unet, *self._model.text_encoders):
            bring_home(network)
        rebuilt = record.originals.rebuilt
        try:
            self._apply_usable(plans, problems)
        except BaseException as error:
            record.originals.restore()
            if is_out_of_memory(error):
                raise OutOfMemoryError(
                    "The LoRAs do not fit into memory beside the checkpoint; use fewer of them or"
                    " close other programs"
                ) from error
            raise
        finally:
            if record.originals.rebuilt != rebuilt:
                changed_structure(self._model.unet)
        record.asked, record.problems = asked, problems
        return dict(problems)

    @property
    def state(self) -> Hashable:
        """What is on the model: as long as it is equal, so are the weights."""
        return self._record.asked or ()

    def clear(self) -> None:
        """Take all off: the weights are the checkpoint's own, bit for bit."""
        self.use(())

    def _plan(self, adapter: Adapter) -> dict[Target, _Step]:
        """What the file changes; CheckpointError where it is unreadable or for other models."""
        file = self._files.open(adapter.path)
        if self._names is None:
            model = self._model
            self._names = Names(model.unet, model.spec.unet, model.text_encoders, model.spec.texts)
        found: list[tuple[Target, _Step]] = []
        for name, keys in file.modules.items():
            target, kind = self._names.find(name), kind_of(keys.keys())
            if target is not None and kind is not None:
                multiplier = adapter.text if target.is_text else adapter.unet
                found.append((target, _Step(adapter, file, kind, keys, multiplier)))
        steps = dict(_whole_only(found))
        if not steps:
            raise self._stranger(file, f"none of its {len(file.modules)} modules is in")
        for target, step in steps.items():
            self._check(target, step)
        if len(steps) < len(file.modules):
            ignored = len(file.modules) - len(steps)
            log.info("%s: %d modules that fit nothing are ignored", file.path.name, ignored)
        return steps

    def _check(self, target: Target, step: _Step) -> None:
        """Compute the delta without numbers, to see whether its shape is the weight's."""
        shapes = step.file.shapes
        parts = {
            part: step.file.read(key)
            if part in NUMBERS
            else torch.empty(shapes[key], device="meta")
            for part, key in step.keys.items()
            if not part.startswith("bias_")
        }
        weight = widened(
            target.module, torch.empty_like(_parameter(target.module, "weight"), device="meta")
        )
        try:
            change, bias = delta(step.kind, parts, weight, latent_channels=target.latent_channels)
            if bias is not None and len(bias) != len(change):
                raise DoesNotFitError(f"{len(bias)} biases where {len(change)} are due")
        except (RuntimeError, ValueError, IndexError) as error:  # torch's words for wrong shapes
            why = str(error).splitlines()[0]
            raise self._stranger(step.file, f"at {target.path} ({why}) it does not fit") from error

    def _stranger(self, file: AdapterFile, what: str) -> CheckpointError:
        said = file.metadata.get("ss_base_model_version") or file.metadata.get(
            "modelspec.architecture"
        )
        family = f" ({said})" if said else ""
        return CheckpointError(
            f"{file.path.name} was made for another family of models{family}: {what} this"
            f" checkpoint ({self._model.spec.family})"
        )

    def _apply_usable(
        self, plans: list[tuple[Adapter, dict[Target, _Step]]], problems: dict[str, str]
    ) -> None:
        """Apply all plans; where a file breaks underway, begin anew without it."""
        while True:
            try:
                self._apply([plan for _, plan in plans])
                return
            except _UnusableError as error:
                self._record.originals.restore()
                problems[error.adapter.name] = error.why
                plans = [each for each in plans if each[0] is not error.adapter]

    def _apply(self, plans: Sequence[Mapping[Target, _Step]]) -> None:
        originals = self._record.originals
        changes: dict[Target, list[_Step]] = defaultdict(list)
        for plan in plans:
            for target, step in plan.items():
                if step.multiplier:
                    changes[target].append(step)
        changed: set[int] = set()

        def change(parameter: nn.Parameter, values: Tensor) -> None:
            originals.change(parameter, values)
            changed.add(id(parameter))

        def present(parameter: nn.Parameter) -> Tensor:
            # Two modules may share one parameter: the second adds to what the first made of it.
            return parameter.data if id(parameter) in changed else originals.of(parameter)

        for target, steps in changes.items():
            parameter = _parameter(target.module, "weight")
            before = present(parameter)
            wide = widened if id(parameter) in changed else unrounded
            weight = wide(target.module, before)
            dtype = weight.dtype
            for step in steps:
                added, bias = _read_delta(step, target, weight)
                weight = added.add_(weight).to(dtype)  # in place: weights are large
                if bias is not None:
                    biases = _parameter(target.module, "bias", originals)
                    old = present(biases)
                    change(biases, (old.to(bias.dtype) + bias).to(biases.dtype))
            change(parameter, narrowed(weight) if before.dtype == FP8 else weight)
        originals.restore(but=changed)


def _whole_only(found: Sequence[tuple[Target, _Step]]) -> Iterator[tuple[Target, _Step]]:
    """Leaves out attentions of OpenCLIP of which the file has not all four projections."""
    projections = defaultdict(int)
    for target, _ in found:
        projections[target.whole] += 1
    for target, step in found:
        if not target.whole or projections[target.whole] == 4:
            yield target, step


def _parameter(module: nn.Module, name: str, originals: Originals | None = None) -> nn.Parameter:
    """The module's weight or bias; a bias that it has not is made in `originals`."""
    parameter = getattr(module, name)
    if parameter is None:
        assert originals is not None
        return originals.give_bias(module, _parameter(module, "weight").data)
    assert isinstance(parameter, nn.Parameter)
    return parameter


def _read_delta(step: _Step, target: Target, weight: Tensor) -> tuple[Tensor, Tensor | None]:
    try:
        parts = {part: step.file.read(key) for part, key in step.keys.items()}
        return delta(
            step.kind,
            parts,
            weight,
            multiplier=step.multiplier,
            rank=step.adapter.rank,
            latent_channels=target.latent_channels,
        )
    except CheckpointError as error:
        raise _UnusableError(step.adapter, error.message) from error
    except (RuntimeError, ValueError, IndexError) as error:
        if is_out_of_memory(error):
            raise
        name = step.file.path.name
        raise _UnusableError(
            step.adapter, f"{name} is damaged at {target.path}: {error}"
        ) from error
