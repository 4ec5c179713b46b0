"""Errors that say that memory did not suffice, in every device's words."""

from __future__ import annotations

import torch

_WORDS = ("out of memory", "can't allocate memory", "not enough memory")  # CUDA, MPS; the CPU


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory did not suffice, be it the device's or the machine's."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or any(words in str(error).lower() for words in _WORDS)
