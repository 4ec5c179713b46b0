"""Blocks of main memory, and how much of it there is."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
import torch

from modules.networks import memory
from modules.networks.memory import Block, Spares


def test_a_block_is_idle_when_no_tensor_lies_in_it_any_more() -> None:
    block = Block(4096)
    assert block.is_idle and len(block) == 4096
    part = block.lend()[64:128].view(torch.float32)
    part.fill_(7)
    kept = torch.nn.Parameter(part.view(4, 4)).data
    del part
    assert not block.is_idle
    del kept
    assert block.is_idle and block.lend()[64:68].view(torch.float32) == 7


def test_spare_blocks_serve_those_that_they_fit_and_no_others() -> None:
    small, large, busy = Block(1000), Block(4000), Block(2000)
    tensor = busy.lend()
    spares = Spares()
    spares.offer([small, large, busy], [990, 2000, 100])
    assert spares.take(2000) is not busy and spares.take(100) is not small
    assert spares.take(990) is small and spares.take(990) is not small
    spares.offer([large], [4100])
    assert spares.take(3990) is not large  # nobody had asked for it, so it was let go
    assert len(tensor) == 2000


def test_too_large_a_block_is_a_lack_of_memory() -> None:
    with pytest.raises(MemoryError, match="bytes can't be had"):
        Block(2**62)


def test_a_containers_limit_counts_where_it_is_the_narrower_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    assert memory.total() == psutil.virtual_memory().total
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.total() == psutil.virtual_memory().total
    (tmp_path / "memory.max").write_text("50000000\n")
    (tmp_path / "memory.current").write_text("45000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 3000000\nactive_file 1000000\n")
    assert (memory.total(), memory.free()) == (50_000_000, 9_000_000)
