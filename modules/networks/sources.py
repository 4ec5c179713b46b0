"""Opens checkpoint and VAE files: which State each network is filled from, under which keys.

Only headers are read here (pickles excepted), so that a bad file is refused before anything
loaded has to make room.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from modules.errors import CheckpointError
from modules.networks import keymaps
from modules.networks.architecture import VAE, diffusers_vae_spec, vae_spec
from modules.networks.detect import TextPlace, detect, names_v, text_places
from modules.networks.open_clip import with_parts
from modules.networks.sidecar import read_sidecar
from modules.networks.spec import Spec, VaeSpec
from modules.networks.weights import Read, State, read_state

Keys = Callable[[Iterable[str]], Mapping[str, str]]


@dataclass(frozen=True, eq=False)
class Part:
    """One network's weights: where they lie and how they are called there."""

    state: State
    keys: Keys


@dataclass(frozen=True, eq=False)
class VaeSource:
    spec: VaeSpec
    part: Part


@dataclass(frozen=True, eq=False)
class Source:
    """A checkpoint ready to be built.

    `alphas_cumprod` is the file's own noise schedule, if any. `probes_v`: nothing says whether the
    U-Net predicts v, so that it must be measured once it is built.
    """

    path: Path
    spec: Spec
    unet: Part
    texts: tuple[Part, ...]  # one per text encoder of the spec
    vae: Part
    alphas_cumprod: Tensor | None = field(default=None)
    probes_v: bool = False


def open_file(path: Path, vae: VaeSource | None = None, read: Read = read_state) -> Source:
    """A single-file checkpoint; `vae` takes the place of its own."""
    state, sidecar = read(path), read_sidecar(path)
    shapes = state.shapes()
    spec = detect(shapes, state.metadata, vae=vae.spec if vae else None, name=path.name)
    unknown = spec.family == "sd2" and spec.image_inputs == "none"  # eps and v look alike
    spec = sidecar.applied(spec)
    inner = Part(state, functools.partial(keymaps.vae_keys, spec=spec.vae))
    return Source(
        path,
        spec,
        unet=Part(state, functools.partial(_unet_keys, spec=spec, ema=sidecar.use_ema)),
        texts=tuple(_text_part(state, place) for place in text_places(shapes, spec.family)),
        vae=vae.part if vae else inner,
        alphas_cumprod=_own_schedule(state) if spec.family in ("sd1", "sd2") else None,
        probes_v=unknown and sidecar.prediction is None and not names_v(shapes, state.metadata),
    )


def _unet_keys(names: Iterable[str], *, spec: Spec, ema: bool) -> dict[str, str]:
    keys = keymaps.unet_keys(names, spec.unet)
    return {name: keymaps.ema_key(key) for name, key in keys.items()} if ema else keys


def _text_part(state: State, place: TextPlace) -> Part:
    if place.kind == "clip":
        return Part(state, functools.partial(keymaps.clip_keys, prefix=place.prefix))
    return Part(with_parts(state), functools.partial(keymaps.open_clip_keys, prefix=place.prefix))


def open_vae(path: Path, read: Read = read_state) -> VaeSource:
    """A VAE file: latent-diffusion keys, `first_stage_model.` before them or not, or diffusers'."""
    return vae_source(read(path))


def vae_source(state: State) -> VaeSource:
    """The VAE in a state of either layout; CheckpointError where there is none."""
    name, shapes = state.path.name, state.shapes()
    if "encoder.down_blocks.0.resnets.0.conv1.weight" in state:
        spec = diffusers_vae_spec(shapes, state.metadata, name=name)
        old = "decoder.mid_block.attentions.0.query.weight" in state
        rename = keymaps.old_vae_name if old else str
        return VaeSource(spec, Part(state, lambda names: {n: rename(n) for n in names}))
    prefix = "" if "decoder.conv_in.weight" in state else VAE
    if prefix + "decoder.conv_in.weight" not in state:
        raise CheckpointError(f"{name} holds no VAE; choose another SD VAE")
    spec = vae_spec(shapes, state.metadata, prefix=prefix, name=name)
    keys = functools.partial(keymaps.vae_keys, spec=spec, prefix=prefix)
    return VaeSource(spec, Part(state, keys))


def _own_schedule(state: State) -> Tensor | None:
    """The buffer that the original registers, and so takes from the file (A1111 numerics 1.1)."""
    if "alphas_cumprod" not in state:
        return None
    alphas = state["alphas_cumprod"].to(torch.float32).clone()
    usable = alphas.ndim == 1 and len(alphas) == 1000 and bool(((alphas > 0) & (alphas < 1)).all())
    if not usable:
        raise CheckpointError(
            f"{state.path.name}: its alphas_cumprod are not 1000 numbers between 0 and 1; it is"
            " damaged, download it again"
        )
    return alphas
