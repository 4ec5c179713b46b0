"""Loads checkpoints and keeps the last used ones, so that switching back costs next to nothing.

Used by one thread. Knows paths, not names: which file a request means is decided elsewhere.
"""

from __future__ import annotations

import gc
import logging
import re
import time
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn

from modules.diffusion.noise_schedule import alphas_cumprod, zero_terminal_snr
from modules.errors import CheckpointError, FlagsError, OutOfMemoryError
from modules.networks import build, memory
from modules.networks.economy import Economy, Storage, coming_weights, offload
from modules.networks.folder import open_folder
from modules.networks.kept import Held, Limits, leaving
from modules.networks.model import Model, PrecisionPolicy, predicts_v
from modules.networks.placement import Placement, block_bytes, blocks_of
from modules.networks.plans import ALL, MemoryPlan, Wish
from modules.networks.sidecar import sidecar_path
from modules.networks.sources import Part, Source, open_file, open_vae
from modules.networks.spec import Spec
from modules.networks.vae import Rescues, Vae
from modules.networks.weights import Read, read_state

log = logging.getLogger(__name__)

Signature = tuple[tuple[str, int, int], ...]  # name, size, mtime of each file
_LAST_RESORTS: tuple[Wish, ...] = ("turns", "stream")  # where a checkpoint did not fit


def choose_device(name: str | None = None) -> torch.device:
    """The device of that name ("cpu", "cuda", "cuda:1", "1", "mps"), or the best one there is.

    FlagsError where the machine has no such device.
    """
    if name in (None, "", "auto"):
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    assert name is not None
    text = f"cuda:{name}" if name.isdecimal() else name
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", text):
        raise FlagsError(f"device {name!r} is unknown; use cpu, mps, cuda or a GPU's number")
    device = torch.device(text)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise FlagsError(f"device {name!r} is not here: {torch.cuda.device_count()} GPUs are found")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise FlagsError("device 'mps' is not here; use cpu")
    return torch.device("cuda:0") if text == "cuda" else device


@dataclass(frozen=True, eq=False)
class _Due:
    """A network and the weights that it has yet to get, in that precision."""

    network: nn.Module
    weights: Mapping[str, Tensor]
    dtype: torch.dtype


class Models:
    """The checkpoints of one device. One is at work; which others stay loaded, `limits` tell.

    `economy`: how those got from now on use the device's memory. `on_device`: how many of them stay
    on the device itself, the others in main memory.
    `vae_rescues`: the precisions that the VAE of each one got from now on may go to.
    `vaes_kept`: how many VAE files stay loaded besides. `read`: how their files are read.
    """

    def __init__(
        self,
        device: str | torch.device | None = None,
        policy: PrecisionPolicy | None = None,
        *,
        limits: Limits | None = None,
    ) -> None:
        self.device = device if isinstance(device, torch.device) else choose_device(device)
        self.policy = policy or PrecisionPolicy()
        self.limits = limits or Limits()
        self.economy = Economy()
        self.on_device = 1
        self.vae_rescues: Rescues = (torch.float32,)
        self.vaes_kept = 0
        self.read: Read = read_state
        self._placement = Placement(self.device)
        self._loaded: OrderedDict[Path, tuple[Signature, Model]] = OrderedDict()
        self._vaes: OrderedDict[Path, tuple[Signature, AutoencoderKL]] = OrderedDict()
        if self.device.type == "cuda":
            # Else streams, page-locked memory and libraries would be the first card's.
            torch.cuda.set_device(self.device)
            # As the original does (A1111 numerics: precision policy).
            torch.backends.cuda.matmul.allow_tf32 = True
            torch.backends.cudnn.allow_tf32 = True

    @property
    def loaded(self) -> Model | None:
        """The checkpoint used last."""
        return next(reversed(self._loaded.values()))[1] if self._loaded else None

    def get(self, checkpoint: Path, vae: Path | None = None) -> Model:
        """The checkpoint with that VAE (None: its own) on the device, loaded unless it already is.

        CheckpointError and NotBuiltError leave the loaded checkpoints as they were, unless the
        file breaks while its tensors are read; they can be got again in any case.
        """
        model = self._try_to_get(checkpoint, vae)
        if model is None and self._loaded:  # the others may be in its way
            self.unload()
            model = self._try_to_get(checkpoint, vae)
        for wish in _LAST_RESORTS if self.device.type != "cpu" else ():
            if model is None:
                self.unload()
                model = self._try_to_get(checkpoint, vae, wish)
        if model is None:
            self.unload()
            raise OutOfMemoryError(
                f"{checkpoint.name} does not fit into the memory of {self.device}; close other"
                " programs or choose a smaller checkpoint"
            )
        model.vae_rescues = self.vae_rescues
        return model

    def has(self, checkpoint: Path, vae: Path | None = None) -> bool:
        """Whether getting it takes no time. CheckpointError where a file can't be read."""
        known = self._loaded.get(checkpoint)
        if known is None or known[0] != _pair_signature(checkpoint, vae):
            return False
        return self._is_as_wished(known[1])

    def look(self, checkpoint: Path, vae: Path | None = None) -> tuple[Spec, Tensor]:
        """Spec and noise schedule (1000,) of a checkpoint that need not be loaded for it.

        CheckpointError and NotBuiltError as in `get`; what only a loaded one tells, as the
        prediction of some SD 2, may still be another in the spec of the model.
        """
        known = self._loaded.get(checkpoint)
        if known is not None and known[0] == _pair_signature(checkpoint, vae):
            return known[1].spec, known[1].alphas_cumprod
        source = _open(checkpoint, vae, self.read)
        return source.spec, _schedule(source)

    def unload(self) -> None:
        """Forget every checkpoint and give its memory back."""
        self._vaes.clear()
        self._drop(list(self._loaded))

    def unload_others(self) -> None:
        """Forget all but the checkpoint used last."""
        self._drop(list(self._loaded)[:-1])

    # -------------------------------------------------------------------------- within

    def _try_to_get(
        self, checkpoint: Path, vae: Path | None, wish: Wish | None = None
    ) -> Model | None:
        """As `get`; None where memory did not suffice. By then nothing holds what was begun."""
        try:
            signature, known = _pair_signature(checkpoint, vae), self._loaded.get(checkpoint)
            if known is not None and known[0] == signature and self._is_as_wished(known[1]):
                self._make_room(checkpoint)
                model = known[1]
            else:
                del known  # it may have to make room
                begun = time.perf_counter()
                model = self._load(checkpoint, vae, wish)
                self._loaded[checkpoint] = (signature, model)
                log.info("Loaded %s in %.1f s", checkpoint.name, time.perf_counter() - begun)
            self._loaded.move_to_end(checkpoint)
            model.bring()
            for _, autoencoder in self._vaes.values():
                if autoencoder is not model.vae:
                    self._placement.park(autoencoder)
            return model
        except (torch.OutOfMemoryError, MemoryError):
            return None
        finally:
            self._placement.reuse((), ())  # nobody else comes

    def _load(self, checkpoint: Path, vae: Path | None, wish: Wish | None) -> Model:
        source = _open(checkpoint, vae, self.read)
        spec, known = source.spec, self._unchanged(checkpoint)
        dtype = self.policy.network_dtype(self.device)
        due: list[_Due] = []
        if known is not None:  # only the VAE differs
            unet, text_encoders = known.unet, known.text_encoders
            spec = replace(spec, prediction=known.spec.prediction)
        else:
            unet = build.empty_unet(spec.unet)
            text_encoders = tuple(build.empty_text_encoder(text) for text in spec.texts)
            due.append(_Due(unet, _weights(unet, source.unet), dtype))
            for encoder, part in zip(text_encoders, source.texts, strict=True):
                due.append(_Due(encoder, _weights(encoder, part), dtype))
        autoencoder = self._kept_vae(vae)
        if autoencoder is None:
            autoencoder = build.empty_vae(spec.vae)
            weights = _weights(autoencoder, source.vae)
            due.append(_Due(autoencoder, weights, self.policy.vae_dtype(self.device)))
        plan = ALL if known else self._plan(spec, text_encoders, unet, autoencoder, wish)
        self._make_room(checkpoint, due, at_home=plan != ALL)
        for each in due:
            self._placement.fill(each.network, each.weights, each.dtype, at_home=plan != ALL)
            if self.policy.channels_last and plan == ALL:
                laid_out: Any = each.network  # torch's stubs know no memory format
                laid_out.to(memory_format=torch.channels_last)
        storage: Storage = (
            known.storage if known else self.economy.narrow(spec, [unet, *text_encoders])
        )
        if known is None and source.probes_v and predicts_v(unet, dtype):
            spec = replace(spec, prediction="v")
        self._keep_vae(vae, autoencoder)
        return Model(
            path=checkpoint,
            vae_path=vae,
            spec=spec,
            unet=unet,
            text_encoders=text_encoders,
            vae=Vae(autoencoder, spec.latent_scale, rescues=self.vae_rescues),
            alphas_cumprod=_schedule(source),
            policy=self.policy,
            placement=self._placement,
            offload=offload(plan, self.device, texts=text_encoders, unet=unet, vae=autoencoder),
            storage=storage,
        )

    def _plan(
        self,
        spec: Spec,
        texts: Sequence[nn.Module],
        unet: nn.Module,
        vae: nn.Module,
        wish: Wish | None,
    ) -> MemoryPlan:
        item = self.policy.network_dtype(self.device).itemsize
        weights = coming_weights(
            texts,
            unet,
            vae,
            item_bytes=item if self.economy.storage(spec) == "plain" else 1,
            vae_item_bytes=self.policy.vae_dtype(self.device).itemsize,
        )
        economy = self.economy if wish is None else replace(self.economy, wish=lambda _: wish)
        plan = economy.plan(spec, weights, self.device, item)
        if plan != ALL:
            log.info("Of the device's memory: %s", plan.words())
        return plan

    def _unchanged(self, checkpoint: Path) -> Model | None:
        """The loaded model whose networks, but for the VAE, are those that the file holds now, and
        may have another VAE.
        """
        known, now = self._loaded.get(checkpoint), _signature(checkpoint)
        if known is None or known[0][: len(now)] != now or known[1].plan != ALL:
            return None
        return known[1] if known[1].storage == self.economy.storage(known[1].spec) else None

    def _kept_vae(self, path: Path | None) -> AutoencoderKL | None:
        known = self._vaes.get(path) if path is not None else None
        return known[1] if known is not None and path and known[0] == _signature(path) else None

    def _keep_vae(self, path: Path | None, module: AutoencoderKL) -> None:
        if path is not None and self.vaes_kept:
            self._vaes[path] = (_signature(path), module)
            self._vaes.move_to_end(path)
        while len(self._vaes) > self.vaes_kept:
            self._vaes.popitem(last=False)

    def _is_as_wished(self, model: Model) -> bool:
        return model.storage == self.economy.storage(model.spec)

    def _make_room(
        self, checkpoint: Path, due: Sequence[_Due] = (), *, at_home: bool = False
    ) -> None:
        """Let others go, and off the device, so that what is `due` for this one fits beside
        them."""
        on_cpu = self.device.type == "cpu" or at_home
        sizes = [block_bytes(each.weights, each.dtype) for each in due if on_cpu]
        others = [path for path in self._loaded if path != checkpoint]
        count = 0
        if others:  # to ask the system takes as long as a step
            count = leaving(
                [self._held(self._loaded[path][1]) for path in others],
                self.limits,
                coming=sum(sizes),
                free=memory.free(),
                total=memory.total(),
            )
        changed = checkpoint in self._loaded and self._unchanged(checkpoint) is None
        self._drop([*others[:count], *[checkpoint] * changed], sizes)
        for path in others[count : len(others) + 1 - self.on_device]:
            self._loaded[path][1].park()

    def _held(self, model: Model) -> Held:
        """Of main memory, where it is or will be if it has to leave the device."""
        here = sum(len(block) for block in blocks_of(model.networks))
        if here or self.device.type == "cpu":
            return Held(takes=here, frees=here)
        return Held(takes=model.weight_bytes, frees=0)

    def _drop(self, paths: Sequence[Path], wanted: Sequence[int] = ()) -> None:
        """Forget these; of their blocks those that fit serve for the `wanted` sizes."""
        if not paths:
            return
        models = [self._loaded.pop(path)[1] for path in paths]
        blocks = blocks_of(network for model in models for network in model.networks)
        left = [weakref.ref(model.unet) for model in models]
        del models
        if any(unet() is not None for unet in left):  # a ring of objects holds it
            gc.collect()
        self._placement.reuse(blocks, wanted)
        del blocks
        memory.give_back()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _weights(network: nn.Module, part: Part) -> dict[str, Tensor]:
    wanted = build.parameter_shapes(network)
    return build.weights_of(wanted, part.state, part.keys(wanted))


def _open(checkpoint: Path, vae: Path | None, read: Read) -> Source:
    chosen = open_vae(vae, read) if vae else None
    opener = open_folder if checkpoint.is_dir() else open_file
    return opener(checkpoint, chosen, read)


def _schedule(source: Source) -> Tensor:
    """Alpha-bar, (1000,) fp32, bent for a checkpoint that was trained for pure noise at its end."""
    alphas = alphas_cumprod() if source.alphas_cumprod is None else source.alphas_cumprod
    return zero_terminal_snr(alphas) if source.spec.zero_snr else alphas


def _pair_signature(checkpoint: Path, vae: Path | None) -> Signature:
    return _signature(checkpoint) + (_signature(vae) if vae else ())


def _signature(path: Path) -> Signature:
    """Changes whenever the file, its yaml file, or a file of the folder does."""
    if path.is_dir():
        files = sorted(path.rglob("*"))
    else:
        files = [path, *filter(Path.is_file, [sidecar_path(path)])]
    try:
        stats = [(str(file), file.stat()) for file in files]
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror or error}") from error
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
