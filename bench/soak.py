"""Whether memory stays flat over many jobs of all kinds: `python -m bench.soak [--jobs 300]`.

A real server with its worker makes tiny pictures: txt2img, img2img, a mask, hires fix with another
checkpoint, the refiner, a batch, LoRA, embedding, another VAE, another checkpoint, tiling, Extras,
wishes that are refused. Anonymous memory of both processes is noted as it goes; the last third of
the jobs is held against the third before, when all kinds have been made several times.
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
import torch
from PIL import Image
from safetensors.torch import save_file

from bench.harness import Figure, anonymous, median, parser, report
from tests.api.real import Server, free_port, wish
from tests.tiny_checkpoint import write_tiny_checkpoint, write_tiny_vae

FLAT = 1.03
_KEY = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"


def furnish(folder: Path) -> None:
    """The models that the jobs name."""
    models = folder / "models"
    for seed, name in enumerate(("one", "two", "three")):
        write_tiny_checkpoint(models / f"Stable-diffusion/{name}.safetensors", seed=seed)
    write_tiny_vae(models / "VAE/other.safetensors")
    (models / "Lora").mkdir(parents=True)
    (folder / "embeddings").mkdir()
    lora = {
        f"{_KEY}.lora_up.weight": torch.ones(32, 2),
        f"{_KEY}.lora_down.weight": torch.ones(2, 16),
    }
    save_file(lora, models / "Lora/ink.safetensors")
    save_file({"emb_params": torch.ones(2, 16)}, folder / "embeddings/zorp.safetensors")


def _png(mode: str, colour: Any) -> str:
    file = io.BytesIO()
    Image.new(mode, (64, 64), colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def kinds() -> Sequence[tuple[str, dict[str, Any], int]]:
    """Route, body and the answer's status."""
    start = {"init_images": [_png("RGB", (200, 30, 60))], "denoising_strength": 0.5}
    hires = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.5}
    vae = {"override_settings": {"sd_vae": "other.safetensors"}}
    return (
        ("txt2img", wish("one.safetensors"), 200),
        ("txt2img", wish("two.safetensors", batch_size=2, n_iter=2), 200),
        ("img2img", wish("one.safetensors", **start), 200),
        ("txt2img", wish("one.safetensors", prompt="a barn<lora:ink:0.7>, zorp"), 200),
        ("txt2img", wish("three.safetensors", **hires, hr_checkpoint_name="two"), 200),
        ("img2img", wish("one.safetensors", **start, mask=_png("L", 255)), 200),
        ("txt2img", wish("one.safetensors", refiner_checkpoint="two", refiner_switch_at=0.5), 200),
        ("txt2img", wish("one.safetensors", **vae), 200),
        ("txt2img", wish("two.safetensors", tiling=True, width=72), 200),
        ("extra-single-image", {"image": _png("RGB", (1, 2, 3)), "upscaler_1": "Lanczos"}, 200),
        ("txt2img", wish("one.safetensors", sampler_name="no such sampler"), 404),
        ("txt2img", wish("one.safetensors", prompt="(a [cat|dog]:1.3) AND b", steps=4), 200),
    )


def soak(server: Server, jobs: int) -> dict[str, list[int]]:
    """Anonymous bytes of server and worker after each job."""
    assert server.process is not None
    (worker,) = psutil.Process(server.process.pid).children()
    found: dict[str, list[int]] = {"server": [], "worker": []}
    table = kinds()
    with httpx.Client(base_url=server.url, timeout=600) as client:
        for number in range(jobs):
            route, body, status = table[number % len(table)]
            answer = client.post(f"/sdapi/v1/{route}", json=body)
            if answer.status_code != status:
                raise SystemExit(f"{route} answered {answer.status_code}: {answer.text[:500]}")
            found["server"].append(anonymous(server.process.pid))
            found["worker"].append(anonymous(worker.pid))
            if number % 25 == 0:
                sizes = ", ".join(f"{k} {v[-1] / 1e6:.1f} MB" for k, v in found.items())
                print(f"{number} jobs: {sizes}", file=sys.stderr, flush=True)
    return found


def figures(found: dict[str, list[int]]) -> list[Figure]:
    """The last third of each process's sizes against the third before."""
    told = []
    for process, sizes in found.items():
        third = len(sizes) // 3
        before, last = median(sizes[third : 2 * third]), median(sizes[-third:])
        note = f"{before / 1e6:.1f} MB, then {last / 1e6:.1f} MB, at most {max(sizes) / 1e6:.1f} MB"
        name = f"{process}: anonymous memory, last third of {len(sizes)} jobs / second third"
        told.append(Figure(name, last / before, "x", bound=FLAT, note=note))
    return told


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--jobs", type=int, default=300)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        furnish(Path(name))
        server = Server(Path(name), free_port())
        try:
            server.start("--api", seconds=600)
            found = soak(server, given.jobs)
        finally:
            server.stop()
    report(figures(found), given.json)


if __name__ == "__main__":
    main()
