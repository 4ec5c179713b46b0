"""A weights file's kind is told from its tensors' names."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from modules.errors import CheckpointError
from modules.library.weights_kind import kind_of_file
from tests.unit.library.weights import CHECKPOINT, EMBEDDING, LORA, VAE, weights


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        (CHECKPOINT, "checkpoint"),
        ({**CHECKPOINT, "first_stage_model.decoder.conv_in.weight": (1, 1)}, "checkpoint"),
        (LORA, "lora"),
        ({"transformer.x.lora_A.weight": (1, 1)}, "lora"),
        ({"unet.x.hada_w1_a": (1, 1)}, "lora"),
        (VAE, "vae"),
        ({"first_stage_model.decoder.conv_in.weight": (1, 1)}, "vae"),
        (EMBEDDING, "embedding"),
        ({"clip_l": (2, 768), "clip_g": (2, 1280)}, "embedding"),
    ],
)
def test_each_kind_is_known_by_its_tensors(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], kind: str
) -> None:
    path = tmp_path / "part"
    path.write_bytes(weights(shapes))
    assert kind_of_file(path, "a.safetensors") == kind


@pytest.mark.parametrize(
    ("shapes", "word"),
    [
        ({"control_model.x": (1, 1), "cond_stage_model.y": (1, 1)}, "a ControlNet"),
        ({"down_blocks.0.x": (1, 1)}, "diffusers folder"),
        ({"double_blocks.0.x": (1, 1)}, "transformer"),
        ({"something": (1, 1)}, "no tensor"),
    ],
)
def test_other_weights_are_refused_with_a_word(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], word: str
) -> None:
    path = tmp_path / "part"
    path.write_bytes(weights(shapes))
    with pytest.raises(CheckpointError, match=word):
        kind_of_file(path, "a.safetensors")


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(weights(CHECKPOINT)[:-1])
    with pytest.raises(CheckpointError, match="cut off"):
        kind_of_file(path, "a.safetensors")


def test_a_pickle_without_tensors_is_refused_and_nothing_in_it_runs(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    path = tmp_path / "part"
    path.write_bytes(pickle.dumps({"state_dict": Hostile()}))
    with pytest.raises(CheckpointError, match="no tensor"):
        kind_of_file(path, "a.ckpt")
    assert not (tmp_path / "ran").exists()
