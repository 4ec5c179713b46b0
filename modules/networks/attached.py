"""What was done to a network, kept with the network itself.

Two Models may share a U-Net and differ only in the VAE; a record held by either would not know what
the other did. Knows nothing of what is recorded.
"""

from __future__ import annotations

from typing import TypeVar

from torch import nn

T = TypeVar("T")


def attached(network: nn.Module, kind: type[T]) -> T:
    """The one object of this class that belongs to the network, made when first asked for."""
    name = f"easel_{kind.__module__}.{kind.__qualname__}"  # two modules may choose one name
    found = vars(network).get(name)
    if found is None:
        found = kind()
        vars(network)[name] = found
    assert isinstance(found, kind)
    return found


class _Structure:
    """Counts how often the network's structure, or where its weights lie, changed."""

    changes = 0


def changed_structure(network: nn.Module) -> None:
    """What was recorded of the network's calls before holds no more."""
    attached(network, _Structure).changes += 1


def structure(network: nn.Module) -> int:
    """A number that is another one after every change."""
    return attached(network, _Structure).changes
