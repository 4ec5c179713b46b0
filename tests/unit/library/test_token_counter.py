"""The page's counter counts an embedding as many tokens as it has vectors."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from modules.flags import parse, paths_of
from modules.library.hashes import Hasher
from modules.library.index import Index
from modules.library.networks import NetworkFiles
from modules.library.token_counter import TokenCounter
from modules.settings import Settings


def test_a_new_embedding_is_counted_by_its_vectors(tmp_path: Path) -> None:
    paths = paths_of(parse(["--data-dir", str(tmp_path)], {}))
    index = Index(paths.easel_dir / "library.sqlite")
    counter = TokenCounter(paths.configs_dir, NetworkFiles(paths, Hasher(index), index))
    assert counter.count("a Zorp pear", Settings()) == (4, 75)

    entry = {"dtype": "F32", "shape": [5, 8], "data_offsets": [0, 160]}
    header = json.dumps({"emb_params": entry}).encode()
    paths.embeddings_dir.mkdir()
    file = paths.embeddings_dir / "zorp.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(160))
    assert counter.count("a Zorp pear", Settings()) == (7, 75)
