"""Small weights files of every kind, whole but for their meaning."""

from __future__ import annotations

import json
import struct

CHECKPOINT = {"model.diffusion_model.input_blocks.0.0.weight": (2, 3)}
LORA = {"lora_unet_down_blocks_0.lora_down.weight": (2, 3)}
VAE = {"decoder.conv_in.weight": (2, 3)}
EMBEDDING = {"emb_params": (2, 3)}


def weights(shapes: dict[str, tuple[int, ...]], *, fill: bytes = b"\0") -> bytes:
    """A safetensors file with these tensors in fp32."""
    header: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * shape[0] * shape[1]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + fill * end
