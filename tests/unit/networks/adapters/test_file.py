"""The keys of adapter files, as training programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from modules.errors import CheckpointError
from modules.networks.adapters.file import AdapterFile
from modules.networks.weights import read_state

Q = "unet.mid_block.attentions.0.transformer_blocks.0.attn1"


@pytest.mark.parametrize(
    ("key", "module", "part"),
    [
        ("lora_unet_conv_in.lora_up.weight", "lora_unet_conv_in", "up"),
        ("lora_unet_conv_in.lora_down.weight", "lora_unet_conv_in", "down"),
        ("lora_unet_conv_in.lora_mid.weight", "lora_unet_conv_in", "mid"),
        ("lora_unet_conv_in.alpha", "lora_unet_conv_in", "alpha"),
        ("lora_unet_conv_in.hada_w1_a", "lora_unet_conv_in", "hada_w1_a"),
        ("lora_unet_conv_in.hada_t2", "lora_unet_conv_in", "hada_t2"),
        ("lora_unet_conv_in.lokr_w1", "lora_unet_conv_in", "lokr_w1"),
        ("lora_unet_conv_in.lokr_w2_b", "lora_unet_conv_in", "lokr_w2_b"),
        ("lora_unet_conv_in.diff_b", "lora_unet_conv_in", "diff_b"),
        ("lora_unet_conv_in.weight", "lora_unet_conv_in", "weight"),
        ("lora_unet_conv_in.a1.weight", "lora_unet_conv_in", "a1.weight"),
        ("oft_unet_conv_in.oft_blocks", "oft_unet_conv_in", "oft_blocks"),
        ("lora_unet_conv_in.dora_scale", "lora_unet_conv_in", "dora_scale"),
        (f"{Q}.to_q.lora_A.weight", f"{Q}.to_q", "down"),
        (f"{Q}.to_q.lora_B.default.weight", f"{Q}.to_q", "up"),
        (f"{Q}.to_q.lora.down.weight", f"{Q}.to_q", "down"),
        (f"{Q}.to_q.lora_magnitude_vector", f"{Q}.to_q", "magnitude"),
        (f"{Q}.processor.to_q_lora.up.weight", f"{Q}.to_q", "up"),
        (f"{Q}.processor.to_out_lora.down.weight", f"{Q}.to_out", "down"),
        (
            "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.up.weight",
            "text_encoder.text_model.encoder.layers.0.self_attn.q_proj",
            "up",
        ),
    ],
)
def test_a_key_is_split_into_module_and_part(tmp_path: Path, key: str, module: str, part: str):
    path = tmp_path / "a.safetensors"
    save_file({key: torch.ones(1)}, path)
    assert AdapterFile(read_state(path)).modules == {module: {part: key}}


def test_a_pickle_is_read_and_a_file_without_any_part_is_refused(tmp_path: Path):
    path = tmp_path / "a.pt"
    torch.save({"lora_unet_conv_in.lora_up.weight": torch.ones(2, 1)}, path)
    file = AdapterFile(read_state(path))
    assert torch.equal(file.read("lora_unet_conv_in.lora_up.weight"), torch.ones(2, 1))
    torch.save({"emb_params": torch.ones(2, 1)}, path)
    with pytest.raises(CheckpointError, match=r"a\.pt holds no LoRA"):
        AdapterFile(read_state(path))
