"""Adapter files: the parts that one holds for each module, and the files kept in memory.

Knows the names of parts, not what they mean or which modules there are.
"""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from modules.errors import CheckpointError
from modules.networks.weights import State, read_state

# Parts under another name; the rest are called here as in the file.
_RENAMED = {
    "up": r"(?:lora_up|lora_B|lora\.up|lora_linear_layer\.up)(?:\.default)?\.weight",
    "down": r"(?:lora_down|lora_A|lora\.down|lora_linear_layer\.down)(?:\.default)?\.weight",
    "mid": r"lora_mid\.weight",
    "magnitude": r"lora_magnitude_vector(?:\.default)?(?:\.weight)?",
}
_PARTS = (
    r"alpha|scale|dora_scale|bias|bias_indices|bias_values|bias_size"
    r"|hada_w[12]_[ab]|hada_t[12]|lokr_w[12](?:_[ab])?|lokr_t[12]|weight|on_input"
    r"|diff|diff_b|w_norm|b_norm|[ab][12]\.weight|oft_blocks|oft_diag|rescale"
)
_KEY = re.compile(
    r"(?P<module>.+?)\.(?:"
    + "|".join(f"(?P<{part}>{pattern})" for part, pattern in _RENAMED.items())
    + f"|(?P<other>{_PARTS}))"
)
# diffusers before 0.20: "attn1.processor.to_q_lora.down.weight".
_PROCESSOR = re.compile(r"\.processor\.(to_\w+)_lora\.(up|down)\.weight$")

Signature = tuple[int, int] | None


def signature(path: Path) -> Signature:
    """Changes whenever the file does; None while there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


class AdapterFile:
    """One file: `modules` holds, by the module's name in the file, the key of each part.

    CheckpointError where it can't be read or holds no adapter.
    """

    def __init__(self, state: State) -> None:
        self.path = state.path
        self.metadata = state.metadata
        self.shapes = state.shapes()
        self._state: Mapping[str, Tensor] = state
        self.modules: dict[str, dict[str, str]] = defaultdict(dict)
        for key in state:
            found = _KEY.fullmatch(_PROCESSOR.sub(r".\1.lora.\2.weight", key))
            if found:
                part = found["other"] or found.lastgroup
                assert part is not None
                self.modules[found["module"]][part] = key
        if not self.modules:
            raise CheckpointError(f"{self.path.name} holds no LoRA or other adapter")

    def read(self, key: str) -> Tensor:
        """The tensor under that key of the file, on the CPU in the file's dtype."""
        return self._state[key]

    def keep(self) -> None:
        """Hold the tensors themselves from now on, not only the way to them."""
        self._state = {key: tensor.clone() for key, tensor in self._state.items()}


class AdapterFiles:
    """Opens adapter files and keeps the tensors of the last `limit` of them in memory."""

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self._kept: OrderedDict[Path, tuple[Signature, AdapterFile]] = OrderedDict()

    def open(self, path: Path) -> AdapterFile:
        """The file's parts, read anew if it changed. CheckpointError as for `read_state`."""
        now = signature(path)
        known = self._kept.pop(path, None)
        if known is not None and known[0] == now:
            file = known[1]
        else:
            file = AdapterFile(read_state(path))
            if self.limit > 0:
                file.keep()
        if self.limit > 0:
            self._kept[path] = now, file
        while len(self._kept) > max(0, self.limit):
            self._kept.popitem(last=False)
        return file
