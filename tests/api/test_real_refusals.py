"""What can't be done is refused in words by the whole program, and the server goes on."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import png, text
from tests.api.real import CHECKPOINT, Server, wish
from tests.tiny_checkpoint import write_hostile_ckpt, write_truncated

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def server(real_server: Server) -> Iterator[Server]:
    """With damaged and hostile files among its models."""
    folder = real_server.folder
    models = folder / "models" / "Stable-diffusion"
    write_truncated(models / "cut.safetensors")
    write_truncated(models / "cut.ckpt")
    write_hostile_ckpt(models / "hostile.ckpt", folder / "MARKER")
    for name, header in hostile_headers().items():
        raw = json.dumps(header).encode()
        (models / name).write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(64))
    (models / "giant.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    whole_vae = (folder / "models" / "VAE" / "tiny-vae.safetensors").read_bytes()
    (folder / "models" / "VAE" / "damaged.safetensors").write_bytes(whole_vae[:5000])
    shutil.copy(models / CHECKPOINT, models / "deleted.safetensors")
    assert real_server.post("refresh-checkpoints").status_code == 200
    (models / "deleted.safetensors").unlink()
    yield real_server
    assert not (folder / "MARKER").exists(), "code of a checkpoint ran"
    for entry in models.iterdir():
        if entry.name not in (CHECKPOINT, "two.safetensors"):
            entry.unlink()
    real_server.post("refresh-checkpoints")


def tensors(*names: str, shape: list[int]) -> dict[str, Any]:
    """Header rows of small tensors in a row."""
    size = 2
    for side in shape:
        size *= side
    return {
        name: {"dtype": "F16", "shape": shape, "data_offsets": [size * at, size * (at + 1)]}
        for at, name in enumerate(names)
    }


def hostile_headers() -> dict[str, dict[str, Any]]:
    twice = {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]}
    lora = "lora_unet_down_blocks_0_attentions_0_proj_in.lora_"
    sdxl = "conditioner.embedders.1.model."
    first = "model.diffusion_model.input_blocks.0.0.weight"
    return {
        "overlap.safetensors": {"a": twice, "b": twice},
        "lora.safetensors": tensors(lora + "down.weight", lora + "up.weight", shape=[4, 4]),
        "sdxl.safetensors": tensors(sdxl + "ln_final.weight", first, shape=[16]),
    }


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("cut.safetensors", 422, "cut.safetensors is cut off"),
        ("cut.ckpt", 422, "download it again"),
        ("hostile.ckpt", 422, "Use a .safetensors version"),
        ("overlap.safetensors", 422, "overlaps another"),
        ("giant.safetensors", 422, "giant.safetensors is no safetensors file"),
        ("lora.safetensors", 422, "put it into models/Lora"),
        ("sdxl.safetensors", 422, "sdxl.safetensors"),
        ("deleted.safetensors", 404, "no checkpoint is called 'deleted.safetensors'"),
    ],
)
def test_an_unusable_checkpoint_is_named_and_the_next_picture_is_made(
    server: Server, name: str, status: int, said: str
) -> None:
    answer = server.post("txt2img", **wish(name, steps=1))
    assert (answer.status_code, said in answer.json()["errors"]) == (status, True), answer.text
    assert len(server.txt2img(steps=1)["images"]) == 1


def test_a_damaged_vae_is_named_and_the_next_picture_is_made(server: Server) -> None:
    server.post("refresh-vae")
    answer = server.post(
        "txt2img", **wish(steps=1, override_settings={"sd_vae": "damaged.safetensors"})
    )
    assert answer.status_code == 422
    assert "damaged.safetensors ends inside its header" in answer.json()["detail"]
    assert len(server.txt2img(steps=1)["images"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"sampler_name":"Nope"}', 404, "there is no sampler 'Nope'"),
        (b'{"width":0}', 422, "width 0 is outside 8..8192"),
        (b'{"height":100000}', 422, "height 100000 is outside 8..8192"),
        (b'{"width":NaN}', 422, "width is nan"),
        (b'{"width":"abc"}', 422, "width is 'abc'"),
        (b'{"cfg_scale":Infinity}', 422, "cfg_scale is inf"),
        (b'{"steps":1000000}', 422, "steps 1000000 is outside 1..1000"),
        (b'{"steps":1' + b"0" * 400 + b"}", 422, "outside 1..1000"),
        (b'{"steps":1' + b"0" * 9000 + b"}", 400, "can't be read"),
        (b'{"seed":18446744073709551616}', 422, "seed is 18446744073709551616"),
        (b'{"prompt":"a\\ud800"}', 422, "half a character"),
        (b'{"prompt":"' + b"x" * 1_000_001 + b'"}', 422, "at most 1000000"),
        (b'{"prompt":"\xff"}', 400, "not UTF-8"),
        (b'{"prompt":"a', 422, "no JSON"),
        (b"[1]", 422, "JSON object"),
        (b'{"a":' * 100_000, 400, "nested too deeply"),
        (b'{"script_args":' + b"[" * 500 + b"]" * 500 + b"}", 422, "script_args is nested deeper"),
        (b'{"override_settings":{"sd_vae":"gone.pt"}}', 404, "no VAE is called 'gone.pt'"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_unusable_body_is_refused_in_words(
    server: Server, body: bytes, status: int, said: str
) -> None:
    queued = len(server.jobs())
    answer = httpx.post(f"{server.url}/sdapi/v1/txt2img", content=body, headers=JSON, timeout=30)
    assert (answer.status_code, said in answer.json()["errors"]) == (status, True), answer.text
    assert len(server.jobs()) == queued
    assert server.status()["worker"] == "ready"


def test_a_body_of_another_type_is_refused_with_the_type_to_send(server: Server) -> None:
    plain = {"Content-Type": "text/plain"}
    answer = httpx.post(f"{server.url}/sdapi/v1/txt2img", content=b'{"steps":1}', headers=plain)
    assert (answer.status_code, "application/json" in answer.text) == (422, True)


def test_a_body_over_the_limit_is_refused_with_or_without_its_length(server: Server) -> None:
    whole = b'{"prompt":"' + b"a" * (65 * 2**20) + b'"}'
    parts = (whole[at : at + 2**20] for at in range(0, len(whole), 2**20))
    for body in (whole, parts):
        try:
            answer = httpx.post(
                f"{server.url}/sdapi/v1/txt2img", content=body, headers=JSON, timeout=60
            )
        except httpx.WriteError:
            continue  # the server hung up before everything was sent
        assert (answer.status_code, "easel_max_request_mb" in answer.text) == (413, True)
    assert server.status()["worker"] == "ready"


def hollow_png(width: int, height: int, packed: bytes) -> bytes:
    """A PNG file that claims a size, with that compressed content."""
    rows = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", packed),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in rows
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (png((300, 300))[:120], "damaged"),
        (b"noise" * 20, "no picture known here"),
        (hollow_png(50_000, 50_000, zlib.compress(bytes(10**7))), "make it smaller"),
        (hollow_png(9_000, 9_000, zlib.compress(bytes(10**6))), "9000x9000"),
    ],
    ids=["cut off", "noise", "bomb", "too large"],
)
def test_an_unusable_picture_is_refused_in_words(server: Server, data: bytes, said: str) -> None:
    for route, body in (
        ("img2img", wish(init_images=[text(data)])),
        ("png-info", {"image": text(data)}),
    ):
        answer = server.post(route, **body)
        if answer.status_code != 200:  # png-info reads no pixels
            wanted = 413 if "easel_max_pixels" in answer.text else 422
            assert (answer.status_code, said in answer.text) == (wanted, True), answer.text
        assert answer.status_code in (413, 422) or route == "png-info"


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"no_such_key": 1}, 422, "there is no setting 'no_such_key'"),
        ({"eta_ddim": "much"}, 422, "give a number from 0 to 1"),
        ({"CLIP_stop_at_last_layers": 99}, 422, "whole number from 1 to 12"),
        ({"samples_format": "xyz"}, 422, "give one of png"),
        ({"sd_model_checkpoint": "gone"}, 404, "no checkpoint is called 'gone'"),
        ({"sd_vae": "gone"}, 404, "no VAE is called 'gone'"),
        ({"eta_ddim": 0.5, "jpeg_quality": 0}, 422, "jpeg_quality"),
    ],
    ids=str,
)
def test_a_bad_setting_changes_nothing(
    server: Server, change: dict[str, Any], status: int, said: str
) -> None:
    with server.client as client:
        before = client.get("/sdapi/v1/options").json()
        answer = client.post("/sdapi/v1/options", json=change)
        assert (answer.status_code, said in answer.text) == (status, True), answer.text
        assert client.get("/sdapi/v1/options").json() == before


def test_a_hostile_file_name_is_only_a_name(server: Server) -> None:
    for name in ("../../../etc/passwd", "a\0b", "/etc/passwd"):
        assert server.post("txt2img", **wish(name)).status_code == 404
    assert not list(Path(server.folder).glob("MARKER"))
