"""The writer of random checkpoints: same bytes for the same seed, whole files, tame numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from bench import random_checkpoint as writer
from bench.layouts import ARCHITECTURES, UNET
from modules.networks.models import Models
from modules.networks.weights import read_state
from tests import tiny_families as families
from tests.unit.networks.chunks import chunk


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    shapes = {UNET + "a.weight": (8, 4, 3, 3), UNET + "a.bias": (8,), "logit_scale": ()}
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        writer.write_random_checkpoint(path, shapes, seed=seed)
    one, same, other = (path.read_bytes() for path in paths)
    assert one == same != other and len(one) == len(other)


@pytest.mark.parametrize("dtype", writer.DTYPES)
def test_a_file_has_the_layouts_names_shapes_and_dtype(tmp_path: Path, dtype: str) -> None:
    shapes = families.sdxl()
    path = writer.write_random_checkpoint(
        tmp_path / "a.safetensors", shapes, dtype=dtype, metadata={"modelspec.title": "x"}
    )
    state = read_state(path)  # checks that the tensors cover the file exactly
    assert state.shapes() == shapes and state.metadata["modelspec.title"] == "x"
    assert state[UNET + "out.2.bias"].dtype == writer.DTYPES[dtype][0]
    assert path.stat().st_size > writer.size_of(shapes, dtype)
    assert not list(tmp_path.glob("*.part"))


def test_weights_have_the_variance_of_one_over_fan_in_and_are_bounded() -> None:
    weight = writer.random_tensor("x.weight", (300, 40, 3, 3), 0)
    assert weight.var().item() == pytest.approx(1 / 360, rel=0.05)
    assert weight.abs().max() <= (3 / 360) ** 0.5
    gain, bias = (writer.random_tensor(f"n.{kind}", (300,), 0) for kind in ("weight", "bias"))
    assert (gain - 1).abs().max() <= 0.03 and bias.abs().max() <= 0.03


def test_signals_keep_their_size(tmp_path: Path) -> None:
    path = writer.write_random_checkpoint(tmp_path / "a.safetensors", families.sdxl())
    model = Models("cpu").get(path)
    encoded = model.encode_text([[chunk(320, 2368)]])
    assert encoded.pooled is not None
    vector = torch.cat([encoded.pooled[0], model.size_vector([64.0] * 6)])
    answer = model.predict(
        torch.randn(1, 4, 8, 8),
        torch.tensor([500.0]),
        cross_attention=encoded.tokens,
        vector=vector[None],
    )
    pixels = model.decode(torch.randn(1, 4, 8, 8))
    for result in (encoded.tokens, answer, pixels):
        assert 0.05 < result.std() < 5, result.std()


def test_a_full_disk_is_told_in_one_line_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(SystemExit, match=r"needs 6\.9 GB; 1\.0 GB are free"):
        writer.main(["sdxl", str(tmp_path / "out.safetensors")])
    assert not list(tmp_path.iterdir())


def test_the_layouts_have_the_published_numbers_of_weights() -> None:
    """Millions of weights of the U-Nets."""
    counts = {}
    for name, layout in ARCHITECTURES.items():
        unet = {key: shape for key, shape in layout().items() if key.startswith(UNET)}
        counts[name] = writer.size_of(unet, "fp16") / 2e6
    assert {name: round(count, 2) for name, count in counts.items()} == {
        "sd15": 859.52,
        "sd21": 865.91,
        "sdxl": 2567.46,
        "refiner": 2259.53,
    }
