"""What each kind of adapter adds to a weight: one small function a kind, and the table of kinds.

A function takes the parts that the file holds for one module and the module's present weight, and
gives the delta as (rows, rest), to be shaped like the weight. Scale, bias and DoRA come on top, the
same for all kinds (A1111 numerics: LoRA family). Knows no file and no module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

Parts = Mapping[str, Tensor]

NUMBERS = {"alpha", "scale", "on_input"}  # parts that are single numbers
_SPARSE = {"bias_indices", "bias_values", "bias_size"}


class DoesNotFitError(ValueError):
    """The delta has another shape than the weight."""


@dataclass(frozen=True)
class Kind:
    """A row of the table: which parts make a module be of this kind, and what they add up to."""

    name: str
    matches: Callable[[Set[str]], bool]
    delta: Callable[[Parts, Tensor, int | None], Tensor]  # parts, weight, rank to keep
    dim: Callable[[Parts], int | None] = lambda parts: None  # None: alpha has no say
    bias: str = ""  # the part that is added to the module's bias


def _low_rank(parts: Parts, weight: Tensor, rank: int | None) -> Tensor:
    up, down = parts["up"].flatten(1), parts["down"].flatten(1)  # (out, r), (r, in * kernel)
    if "mid" in parts:  # a core between them, as in a CP decomposition
        return torch.einsum("nmkl,in,mj->ijkl", parts["mid"], up, down)
    return up[:, :rank] @ down[:rank]


def _tucker(core: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """core (r, s, *kernel), a (r, out), b (s, in) -> (out, in, *kernel)."""
    return torch.einsum("rs...,ro,si->oi...", core, a, b)


def _product(parts: Parts, name: str, core: str) -> Tensor:
    """A factor that is whole, or a product of two, or of two with a Tucker core."""
    if name in parts:
        return parts[name]
    a, b = parts[f"{name}_a"], parts[f"{name}_b"]
    return _tucker(parts[core], a, b) if core in parts else a @ b.flatten(1)


def _hadamard(parts: Parts, weight: Tensor, rank: int | None) -> Tensor:
    first = _product(parts, "hada_w1", "hada_t1")
    return first * _product(parts, "hada_w2", "hada_t2")


def _kronecker(parts: Parts, weight: Tensor, rank: int | None) -> Tensor:
    first = _product(parts, "lokr_w1", "lokr_t1")
    second = _product(parts, "lokr_w2", "lokr_t2")
    return torch.kron(first.reshape(*first.shape, *[1] * (second.ndim - 2)), second.contiguous())


def _kronecker_dim(parts: Parts) -> int | None:
    for name in ("lokr_w2_b", "lokr_w1_b"):
        if name in parts:
            return parts[name].shape[0]
    return None  # both factors are whole: alpha is ignored


def _per_channel(parts: Parts, weight: Tensor, rank: int | None) -> Tensor:
    along_input = bool(parts["on_input"].item())
    rest = [1] * (weight.ndim - 2)
    return weight * parts["weight"].reshape([1, -1, *rest] if along_input else [-1, 1, *rest])


def _newer_glora(parts: Parts) -> bool:
    """Whether LyCORIS 2 or later wrote it, which counts the factors the other way round."""
    rows, columns = parts["b1.weight"].flatten(1).shape
    return rows > columns  # the rank is the smaller of them


def _generalised(parts: Parts, weight: Tensor, rank: int | None) -> Tensor:
    first, second = ("2", "1") if _newer_glora(parts) else ("1", "2")
    a1, b1 = (parts[f"{letter}{first}.weight"].flatten(1) for letter in "ab")  # (r, in)
    a2, b2 = (parts[f"{letter}{second}.weight"].flatten(1) for letter in "ab")  # (in or out, r)
    turned = (weight.transpose(1, -1) @ a2 @ a1).transpose(1, -1)  # on the input channels
    return (b2 @ b1).reshape(weight.shape) + turned


def _generalised_dim(parts: Parts) -> int | None:
    return parts["b2.weight"].shape[0] if _newer_glora(parts) else None


def _rotation(parts: Parts, weight: Tensor, rank: int | None) -> Tensor:
    """Orthogonal finetuning: blocks of output rows are rotated among themselves.

    `oft_blocks` (k, n, n) are made orthogonal by the Cayley transform, `oft_diag` are rotations as
    they stand; (m, k, n, n) are the m stages of a butterfly.
    """
    if "oft_diag" in parts:
        turned = _by_block(parts["oft_diag"].transpose(1, 2), weight)
    else:
        blocks = parts["oft_blocks"].to(torch.float32)
        limit = parts["alpha"].item() * len(weight) if "alpha" in parts else 0.0
        rotations = _cayley(blocks, limit).to(weight.dtype)
        if rotations.ndim == 4:
            turned = _butterfly(rotations, weight)
        else:
            turned = _by_block(rotations.transpose(1, 2), weight)
    if "rescale" in parts:
        turned = turned * parts["rescale"].reshape(-1, *[1] * (weight.ndim - 1))
    return turned - weight


def _cayley(blocks: Tensor, limit: float) -> Tensor:
    """(I + Q)(I - Q)^-1 of each block's skew part Q, their common norm at most `limit`, 0: any."""
    skew = blocks - blocks.mT
    if limit:
        norm = skew.norm()
        skew = skew * ((norm.clamp(max=limit) + 1e-8) / (norm + 1e-8))
    one = torch.eye(blocks.shape[-1], dtype=blocks.dtype, device=blocks.device)
    return (one + skew) @ torch.linalg.inv(one - skew)


def _by_block(rotations: Tensor, weight: Tensor) -> Tensor:
    """rotations (k, n, n) onto weight (k * n, ...), block by block."""
    rows = weight.reshape(rotations.shape[0], rotations.shape[1], -1)
    return (rotations @ rows).reshape(weight.shape)


def _butterfly(rotations: Tensor, weight: Tensor) -> Tensor:
    """Stage i of (m, k, n, n) pairs rows that lie 2^i * n/2 apart before rotating blocks."""
    half = rotations.shape[2] // 2
    for stage, rotation in enumerate(rotations):
        apart = 2**stage * half
        mixed = weight.unflatten(0, (-1, 2, apart)).transpose(1, 2)
        mixed = _by_block(rotation, mixed.reshape(weight.shape))
        weight = mixed.unflatten(0, (-1, apart, 2)).transpose(1, 2).reshape(weight.shape)
    return weight


def _factor(name: str, parts: Set[str]) -> bool:
    return name in parts or {f"{name}_a", f"{name}_b"} <= parts


_HADAMARD = {"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"}
_GENERALISED = {"a1.weight", "a2.weight", "b1.weight", "b2.weight"}

KINDS: tuple[Kind, ...] = (  # the first that matches is it
    Kind("LoRA", {"up", "down"}.issubset, _low_rank, lambda parts: parts["down"].shape[0]),
    Kind("LoHa", _HADAMARD.issubset, _hadamard, lambda parts: parts["hada_w1_b"].shape[0]),
    Kind("IA3", {"weight", "on_input"}.issubset, _per_channel),
    Kind(
        "LoKr",
        lambda parts: _factor("lokr_w1", parts) and _factor("lokr_w2", parts),
        _kronecker,
        _kronecker_dim,
    ),
    Kind("full", {"diff"}.issubset, lambda parts, weight, rank: parts["diff"], bias="diff_b"),
    Kind("norm", {"w_norm"}.issubset, lambda parts, weight, rank: parts["w_norm"], bias="b_norm"),
    Kind("GLoRA", _GENERALISED.issubset, _generalised, _generalised_dim),
    Kind("OFT", lambda parts: bool({"oft_blocks", "oft_diag"} & parts), _rotation),
)


def kind_of(parts: Set[str]) -> Kind | None:
    """Which kind these parts of one module make; None where they make none."""
    return next((kind for kind in KINDS if kind.matches(parts)), None)


def delta(
    kind: Kind,
    parts: Parts,
    weight: Tensor,
    *,
    multiplier: float = 1.0,
    rank: int | None = None,
    latent_channels: int = 0,
) -> tuple[Tensor, Tensor | None]:
    """What to add to the weight, a new tensor of its shape, and to its bias (None: nothing).

    `rank` keeps that many of a LoRA's ranks. `latent_channels`: the module is the input convolution
    of a U-Net with so many latent channels before others; a delta for these alone is padded with
    zeros. DoesNotFitError where the delta has another shape.
    """
    # A LoRA's factors are held in the networks' precision, other kinds' in the file's, but never
    # in less than the weight's.
    dtype, tensors = weight.dtype, {n: p for n, p in parts.items() if n not in NUMBERS | _SPARSE}
    if kind.name != "LoRA":
        for part in tensors.values():
            if part.is_floating_point() and part.element_size() > 1:
                dtype = torch.promote_types(dtype, part.dtype)
    moved = {
        name: part.to(device=weight.device, dtype=dtype if part.is_floating_point() else None)
        for name, part in tensors.items()
    }
    parts = {**parts, **moved}
    weight = weight.to(dtype)
    change = kind.delta(parts, weight, rank)
    added = _added(parts, weight)
    if added is not None:
        change = change.reshape(added.shape) + added
    change, scale = _shaped(change, weight, latent_channels), _scale(kind, parts)
    change = change if scale == 1.0 else change * scale
    change = _decomposed(change, parts, weight) * multiplier
    bias = parts.get(kind.bias)
    return change, None if bias is None else bias * multiplier


def _scale(kind: Kind, parts: Parts) -> float:
    if kind.name == "OFT":
        return 1.0
    if "scale" in parts:
        return parts["scale"].item()
    dim = kind.dim(parts)
    return parts["alpha"].item() / dim if dim and "alpha" in parts else 1.0


def _added(parts: Parts, weight: Tensor) -> Tensor | None:
    """What old LyCORIS files add to the delta, dense or sparse."""
    if "bias_values" not in parts:
        return parts.get("bias")
    size = parts["bias_size"].long().tolist()
    if prod(size) != weight.numel():
        raise DoesNotFitError(f"{size} where {list(weight.shape)} is due")
    dense = torch.zeros(size)
    dense[tuple(parts["bias_indices"].long())] = parts["bias_values"].to(dense.dtype)
    return dense.to(weight)


def _shaped(change: Tensor, weight: Tensor, latent_channels: int) -> Tensor:
    rows, kernel = len(weight), weight.shape[2:]
    if len(change) == rows and change.numel() == weight.numel():
        return change.reshape(weight.shape)
    narrow = rows * latent_channels * kernel.numel()
    if len(change) == rows and latent_channels and change.numel() == narrow:
        change = change.reshape(rows, latent_channels, *kernel)
        missing = weight.shape[1] - latent_channels
        return torch.nn.functional.pad(change, (0, 0) * len(kernel) + (0, missing))
    raise DoesNotFitError(f"{list(change.shape)} where {list(weight.shape)} is due")


def _decomposed(change: Tensor, parts: Parts, weight: Tensor) -> Tensor:
    """DoRA: the changed weight's direction, with lengths of its own.

    Lengths are of all that one input reads (`dora_scale` (1, in, ...), as the original has it); of
    all that one output gives where the file says so: LyCORIS' (out, 1, ...), PEFT's `magnitude`.
    """
    if "dora_scale" not in parts and "magnitude" not in parts:
        return change
    lengths = parts["dora_scale"] if "dora_scale" in parts else parts["magnitude"].flatten()
    kept = 0 if len(lengths) == len(weight) == lengths.numel() else 1
    shape = [1] * weight.ndim
    shape[kept] = weight.shape[kept]
    merged = weight + change
    norm = merged.transpose(0, kept).flatten(1).norm(dim=1).reshape(shape)
    return merged * (lengths.reshape(shape) / norm) - weight
