"""Writes a full-size checkpoint of random weights, so that speed and memory need no download.

    python -m bench.random_checkpoint sd15 OUT.safetensors [--dtype fp16] [--seed 0]

The file is the original single-file layout. It is written tensor by tensor: in memory is never more
than one of them. The same seed gives the same bytes. Its pictures show nothing, but signals keep
their size from layer to layer, so that no number overflows.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import zlib
from collections.abc import Mapping
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from bench.layouts import ARCHITECTURES, Shape

DTYPES = {
    "fp16": (torch.float16, "F16"),
    "bf16": (torch.bfloat16, "BF16"),
    "fp32": (torch.float32, "F32"),
}
RESOLUTIONS = {"sdxl": "1024x1024", "refiner": "1024x1024", "sd21": "768x768"}


def random_tensor(name: str, shape: Shape, seed: int) -> Tensor:
    """fp32, by name and seed alone. Weights are uniform with the variance 1 / fan-in."""
    # torch's CPU generator heeds the lower 32 bits alone.
    generator = torch.Generator().manual_seed(zlib.crc32(f"{seed} {name}".encode()))
    values = torch.rand(shape, generator=generator).mul_(2).sub_(1)  # variance 1/3
    if name.endswith("bias"):
        return values.mul_(0.03)
    if len(shape) <= 1:  # a normalisation's gain
        return values.mul_(0.03).add_(1)
    if "embedding" in name:
        return values.mul_(0.8)
    return values.mul_((3 / prod(shape[1:])) ** 0.5)


def size_of(shapes: Mapping[str, Shape], dtype: str) -> int:
    """Bytes of all tensors."""
    return sum(prod(shape) for shape in shapes.values()) * DTYPES[dtype][0].itemsize


def write_random_checkpoint(
    path: Path,
    shapes: Mapping[str, Shape],
    *,
    dtype: str = "fp16",
    seed: int = 0,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """A safetensors file of these tensors. It has its name only when it is whole."""
    torch_dtype, name_of_dtype = DTYPES[dtype]
    header: dict[str, object] = {"__metadata__": {"format": "pt", **(metadata or {})}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + prod(shape) * torch_dtype.itemsize
        header[name] = {"dtype": name_of_dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at whole words
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            tensor = random_tensor(name, shape, seed).to(torch_dtype)
            file.write(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return unfinished.replace(path)


def main(arguments: list[str] | None = None) -> None:
    """The command line. Exits with one line where the disk is too full."""
    parser = argparse.ArgumentParser(
        "python -m bench.random_checkpoint", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("architecture", choices=ARCHITECTURES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dtype", choices=DTYPES, default="fp16")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    shapes = ARCHITECTURES[asked.architecture]()
    wanted = size_of(shapes, asked.dtype)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(asked.out.parent).free
    if free < 1.1 * wanted:
        raise SystemExit(f"{asked.out} needs {wanted / 1e9:.1f} GB; {free / 1e9:.1f} GB are free")
    metadata = {
        "modelspec.title": f"Random {asked.architecture}",
        "modelspec.resolution": RESOLUTIONS.get(asked.architecture, "512x512"),
    }
    write_random_checkpoint(
        asked.out, shapes, dtype=asked.dtype, seed=asked.seed, metadata=metadata
    )
    print(f"{asked.out}: {wanted / 1e9:.2f} GB, {asked.dtype}")


if __name__ == "__main__":
    main()
