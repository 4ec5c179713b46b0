"""A yaml file beside a checkpoint wins over what the weights say."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
import yaml

from bench import layouts
from modules.errors import CheckpointError
from modules.networks import build
from modules.networks.models import Models
from modules.networks.sources import Source, open_file
from tests import tiny_families as families


def beside(tmp_path: Path, family: str, model: object, **extra: torch.Tensor) -> Path:
    path = families.write_tiny_family(tmp_path / "a.safetensors", family, extra=extra)
    path.with_suffix(".yaml").write_text(yaml.safe_dump({"model": {"params": model}}))
    return path


def xl(scaling: str) -> object:
    target = f"sgm.modules.diffusionmodules.denoiser_scaling.{scaling}"
    return {"denoiser_config": {"params": {"scaling_config": {"target": target}}}}


def unet_keys(source: Source) -> set[str]:
    shapes = build.parameter_shapes(build.empty_unet(source.spec.unet))
    return set(source.unet.keys(shapes).values())


@pytest.mark.parametrize(
    ("family", "model", "prediction"),
    [
        ("sd1", {"parameterization": "v"}, "v"),
        ("sd1", {"unet_config": {}}, "epsilon"),
        ("sd2", {"parameterization": "v"}, "v"),
        ("sdxl", xl("VScaling"), "v"),
        ("sdxl", xl("EpsScaling"), "epsilon"),
        ("sdxl", xl("EDMScaling"), "epsilon"),
    ],
)
def test_it_names_the_prediction(
    tmp_path: Path, family: str, model: object, prediction: str
) -> None:
    source = open_file(beside(tmp_path, family, model))
    assert source.spec.prediction == prediction and not source.probes_v


def test_without_a_parameterization_it_means_epsilon_and_the_unet_is_not_probed(
    tmp_path: Path,
) -> None:
    path = beside(tmp_path, "sd2-v", {"unet_config": {}})
    assert Models("cpu").get(path).spec.prediction == "epsilon"  # the original's default
    path.with_suffix(".yaml").unlink()
    assert Models("cpu").get(path).spec.prediction == "v"


def test_it_names_heads(tmp_path: Path) -> None:
    config = {"unet_config": {"params": {"num_heads": -1, "num_head_channels": 16}}}
    assert open_file(beside(tmp_path, "sd1", config)).spec.unet.heads == (2, 4)
    config = {"unet_config": {"params": {"num_heads": 4}}}
    assert open_file(beside(tmp_path, "sd1", config)).spec.unet.heads == (4, 4)
    config = {"unet_config": {"params": {"num_heads": 7}}}
    with pytest.raises(CheckpointError, match="do not divide"):
        open_file(beside(tmp_path, "sd1", config))


def test_moving_averages_are_read_only_when_it_says_so(tmp_path: Path) -> None:
    plain = unet_keys(open_file(beside(tmp_path, "sd1", {"use_ema": False})))
    averages = unet_keys(open_file(beside(tmp_path, "sd1", {"use_ema": True})))
    assert layouts.UNET + "input_blocks.1.0.in_layers.0.weight" in plain
    assert "model_ema.diffusion_modelinput_blocks10in_layers0weight" in averages
    assert not plain & averages


def test_what_it_does_not_read_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = beside(tmp_path, "sd1", {"base_learning_rate": 1})
    with caplog.at_level(logging.INFO):
        open_file(path)
    assert "only these are used" in caplog.text
    path.with_suffix(".yaml").write_text("- a list\n")
    open_file(path)
    assert "nothing of it is used" in caplog.text


@pytest.mark.parametrize("text", ["a: [", "!!python/object/apply:os.getcwd []", "\x00"])
def test_a_broken_or_hostile_one_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = beside(tmp_path, "sd1", {})
    path.with_suffix(".yaml").write_text(text)
    with pytest.raises(CheckpointError, match=r"a\.yaml can't be read"):
        open_file(path)


def test_a_changed_one_loads_the_checkpoint_again(tmp_path: Path) -> None:
    path, models = beside(tmp_path, "sd1", {"parameterization": "v"}), Models("cpu")
    assert models.get(path).spec.prediction == "v"
    path.with_suffix(".yaml").write_text("model: {params: {parameterization: eps}}\n")
    assert models.get(path).spec.prediction == "epsilon"
