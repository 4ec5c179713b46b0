"""The `.yaml` file beside a checkpoint, which wins over what the weights say of themselves.

Read are what a configuration of the original can change of a network whose shapes are known: the
prediction, the moving average and the attention heads. All else in it is ignored. Knows no tensor.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from modules.errors import CheckpointError
from modules.networks.spec import Spec

log = logging.getLogger(__name__)

MOST_BYTES = 1_000_000  # of a file that has 3,000 in life
_READ = "parameterization, use_ema, scaling_config, num_heads, num_head_channels"


@dataclass(frozen=True)
class Sidecar:
    """What such a file says; None where it says nothing."""

    prediction: Literal["epsilon", "v"] | None = None
    use_ema: bool = False
    heads: int | None = None  # on each level
    head_width: int | None = None

    def applied(self, spec: Spec) -> Spec:
        """The spec as this file corrects it. CheckpointError for heads that divide no level."""
        unet = spec.unet
        if self.heads or self.head_width:
            heads = tuple(
                self.heads or max(1, width // (self.head_width or width))
                for width in unet.level_widths
            )
            if not all(n and w % n == 0 for n, w in zip(heads, unet.level_widths, strict=True)):
                raise CheckpointError(
                    f"the yaml file beside the checkpoint names {heads} attention heads, which do"
                    f" not divide the U-Net's widths {unet.level_widths}; mend or remove it"
                )
            unet = replace(unet, heads=heads)
        return replace(spec, unet=unet, prediction=self.prediction or spec.prediction)


def sidecar_path(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(".yaml")


def read_sidecar(checkpoint: Path) -> Sidecar:
    """The file of the checkpoint's name, all silence where there is none.

    CheckpointError where it can't be read as YAML.
    """
    path = sidecar_path(checkpoint)
    if not path.is_file():
        return Sidecar()
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CheckpointError(f"{path.name} is too long for a configuration; remove it")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise CheckpointError(
            f"{path.name} can't be read as YAML ({type(error).__name__}); mend or remove it"
        ) from error
    model = _at(content, "model", "params")
    if not model:
        log.warning("%s has no model.params, so nothing of it is used", path.name)
        return Sidecar()
    log.info("of %s only these are used, where they stand: %s", path.name, _READ)
    unet = _at(model, "unet_config", "params") or _at(model, "network_config", "params")
    return Sidecar(
        prediction=_prediction(model),
        use_ema=model.get("use_ema") is True,
        heads=_whole(unet.get("num_heads")),
        head_width=_whole(unet.get("num_head_channels")),
    )


def _prediction(model: Mapping[str, Any]) -> Literal["epsilon", "v"] | None:
    """From `parameterization`, whose default is epsilon, or from XL's kind of scaling."""
    scaling = _at(model, "denoiser_config", "params", "scaling_config").get("target")
    if isinstance(scaling, str):
        kind = scaling.rpartition(".")[2]
        return {"VScaling": "v", "EpsScaling": "epsilon"}.get(kind)  # type: ignore[return-value]
    if "denoiser_config" in model:
        return None
    return "v" if model.get("parameterization") == "v" else "epsilon"


def _at(content: Any, *path: str) -> Mapping[str, Any]:
    """The table at that path, empty where there is none."""
    for name in path:
        content = content.get(name) if isinstance(content, Mapping) else None
    return content if isinstance(content, Mapping) else {}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
