"""The weights as they were before anything was put onto them, of touched weights only.

On the CPU a changed weight is a new tensor in the same Parameter, never written over in place:
weights may be views into a memory-mapped file. There the old tensor itself is kept, which for a
mapped file costs no memory. Other devices' weights are written over, so that recorded calls find
them where they were; a copy of the old ones is kept in the CPU's memory, so that the device holds
each weight once. Reading the checkpoint again instead would save that copy but cost seconds
at every change, and the file may be gone by then.
"""

from __future__ import annotations

from collections.abc import Container

from torch import Tensor, nn


class Originals:
    """What changed parameters held before. Undoing is bit-exact and allocates no device memory."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[nn.Parameter, Tensor]] = {}
        self._given_biases: list[nn.Module] = []
        self.rebuilt = 0  # how often a module got or lost a bias

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, parameter: nn.Parameter) -> Tensor:
        """The untouched values, on the parameter's device. Not to be written to."""
        kept = self._kept.get(id(parameter))
        return parameter.data if kept is None else kept[1].to(parameter.device)

    def change(self, parameter: nn.Parameter, values: Tensor) -> None:
        """Give the parameter other values of the same shape and dtype."""
        assert values.shape == parameter.shape and values.dtype == parameter.dtype
        if id(parameter) not in self._kept:
            old = parameter.data
            self._kept[id(parameter)] = parameter, old if old.device.type == "cpu" else old.cpu()
        if parameter.device.type == "cpu":
            parameter.data = values
        else:
            parameter.data.copy_(values)

    def give_bias(self, module: nn.Module, rows: Tensor) -> nn.Parameter:
        """Make a bias of zeros, like `rows`, for a module without one; undone as all else."""
        self.rebuilt += 1
        module.register_parameter("bias", nn.Parameter(rows.new_zeros(len(rows)), False))
        self._given_biases.append(module)
        assert isinstance(module.bias, nn.Parameter)
        return module.bias

    def restore(self, but: Container[int] = ()) -> None:
        """Undo all changes except those of the parameters with these ids."""
        for key in [key for key in self._kept if key not in but]:
            parameter, old = self._kept[key]
            if old.device == parameter.device:
                parameter.data = old
            else:
                parameter.data.copy_(old)  # our own tensor, so that no memory is asked for
            del self._kept[key]
        for module in [m for m in self._given_biases if id(m.bias) not in but]:
            self.rebuilt += 1
            module.register_parameter("bias", None)
            self._given_biases.remove(module)
