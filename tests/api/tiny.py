"""A data folder with tiny checkpoints, for tests that run the whole program."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_checkpoint import write_tiny_checkpoint, write_tiny_vae


def install_tiny_models(data_folder: Path, *names: str) -> Path:
    """Writes `names` (default: tiny) into the folder's models/Stable-diffusion, each with its own
    weights, and a VAE `tiny-vae`. Pictures that name no size are 64x64. Returns the data folder."""
    for seed, name in enumerate(names or ("tiny",)):
        file = data_folder / "models" / "Stable-diffusion" / f"{name}.safetensors"
        write_tiny_checkpoint(file, seed=seed)
    write_tiny_vae(data_folder / "models" / "VAE" / "tiny-vae.safetensors")
    return data_folder
