"""Small files that change a checkpoint's weights: LoRA and its kin, put on and taken off exactly.

`names` says which module a file's key means, `file` reads the files, `deltas` holds one function
for each kind of change, `originals` keeps what the weights were, `applied` joins them.
"""

from modules.networks.adapters.applied import Adapter, Adapters
from modules.networks.adapters.file import AdapterFiles

__all__ = ["Adapter", "AdapterFiles", "Adapters"]
