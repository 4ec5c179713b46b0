"""OpenCLIP's fused weights, seen as the separate ones that transformers' CLIP modules have.

Attention keeps query, key and value in one matrix, and the text projection is kept transposed.
Knows nothing of what is done with them.
"""

from __future__ import annotations

from torch import Tensor

from modules.networks.weights import State

_THIRDS = {"[q]": 0, "[k]": 1, "[v]": 2}
_TRANSPOSED = "[T]"


def with_parts(state: State) -> State:
    """The same tensors, and besides "...in_proj_weight[q]", "[k]", "[v]" (the same of biases) and
    "...text_projection[T]". Parts share the whole's memory."""
    shapes = state.shapes()
    for name, shape in state.shapes().items():
        if name.endswith((".attn.in_proj_weight", ".attn.in_proj_bias")) and shape[0] % 3 == 0:
            shapes.update({name + part: (shape[0] // 3, *shape[1:]) for part in _THIRDS})
        elif name.endswith("text_projection") and len(shape) == 2:
            shapes[name + _TRANSPOSED] = (shape[1], shape[0])

    def read(name: str) -> Tensor:
        if name.endswith(_TRANSPOSED):
            return state[name.removesuffix(_TRANSPOSED)].T.contiguous()
        whole, part = name[:-3], _THIRDS.get(name[-3:])
        return state[name] if part is None else state[whole].chunk(3)[part]

    return State(state.path, shapes, read, state.metadata)
