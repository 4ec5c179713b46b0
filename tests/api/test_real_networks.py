"""LoRAs and embeddings of the whole program: used from their folders, told, and found again."""

from __future__ import annotations

import io
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save_file

from modules.generation import infotext
from tests.api.real import Server, account_of, bytes_of

KEY = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
WIDTH, CONTEXT = 32, 16  # of the tiny checkpoint's U-Net and its text encoder


def pixels(answer: dict[str, Any]) -> bytes:
    return Image.open(io.BytesIO(bytes_of(answer)[0])).tobytes()


def test_networks_are_used_told_and_found_after_they_were_renamed(real_server: Server) -> None:
    loras, embeddings = real_server.folder / "models/Lora", real_server.folder / "embeddings"
    loras.mkdir(parents=True, exist_ok=True)
    embeddings.mkdir(exist_ok=True)
    made = torch.Generator().manual_seed(1)
    tensors = {
        f"{KEY}.lora_up.weight": torch.randn(WIDTH, 2, generator=made),
        f"{KEY}.lora_down.weight": torch.randn(2, CONTEXT, generator=made),
    }
    save_file(tensors, loras / "ink.safetensors")
    save_file({"emb_params": torch.randn(2, CONTEXT, generator=made)}, embeddings / "zorp.pt")
    body: dict[str, Any] = {"seed": 9, "negative_prompt": "zorp"}

    inked = real_server.txt2img(prompt="a pear<lora:ink:1>", **body)
    (text,) = account_of(inked)["infotexts"]
    fields = infotext.parse(text).fields
    assert fields["Lora hashes"].startswith("ink: ") and fields["TI hashes"].startswith("zorp: ")
    assert account_of(inked)["warnings"] == []

    missing = real_server.txt2img(prompt="a pear<lora:gone:1>", **body)
    assert account_of(missing)["extra_generation_params"]["Missing networks"] == "gone"
    assert any("gone" in line for line in account_of(missing)["warnings"])
    assert pixels(missing) != pixels(inked)

    (loras / "ink.safetensors").rename(loras / "wash.safetensors")
    with real_server.client as client:
        client.post("/sdapi/v1/refresh-loras")
    again = real_server.post("txt2img", infotext=text).json()
    assert account_of(again)["prompt"] == "a pear<lora:wash:1>"
    assert pixels(again) == pixels(inked)
