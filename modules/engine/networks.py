"""Extra networks of a job: what each pass asks for is put on the model before it runs, and what is
told of that afterwards.

What a picture is made without is told, never silently left out. How a network changes weights, and
how its file is read, is not known here. Rules: A1111 numerics, extra networks, textual inversion,
infotext.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from modules.engine.embeddings import Embeddings, EmbeddingShelf, Lacks
from modules.engine.wishes import Wishes, wishes_of
from modules.generation.prompt import Tag
from modules.generation.tokens import Tokenizer
from modules.library.networks import Kind, NetworkFile, NetworkFiles
from modules.networks.adapters import Adapter, AdapterFiles, Adapters
from modules.networks.hypernetworks import Hypernetworks
from modules.networks.model import Model
from modules.settings import Settings

log = logging.getLogger(__name__)

_CALLED: dict[Kind, str] = {
    "lora": "LoRA",
    "hypernetwork": "hypernetwork",
    "embedding": "embedding",
}


class Networks:
    """The networks of one worker. Lasts from job to job, so that what was read stays in memory;
    what is on a model lies with the model.
    """

    def __init__(self, files: NetworkFiles, tokenizer: Tokenizer) -> None:
        self.files = files
        self.shelf = EmbeddingShelf(files, tokenizer)
        self.adapter_files = AdapterFiles()


class JobNetworks:
    """What one job asked for and got.

    warnings: one line for each thing that its pictures are made without. Without `networks` that is
    everything that was asked for.
    """

    def __init__(self, networks: Networks | None, settings: Settings) -> None:
        self.warnings: list[str] = []
        self._networks = networks
        self._hashes_wanted = settings.extra_networks.lora_add_hashes_to_infotext
        self._ti_hashes_wanted = settings.extra_networks.textual_inversion_add_hashes_to_infotext
        self._missing: dict[str, None] = {}
        self._loras: dict[str, Future[str | None]] = {}
        self._embeddings: list[tuple[tuple[int, ...], Wishes, Embeddings]] = []
        if networks is not None:
            networks.adapter_files.limit = settings.extra_networks.lora_in_memory_limit

    def put_on(
        self, model: Model, tags: Sequence[Tag], *, refines: bool = False
    ) -> Embeddings | None:
        """Make `model` be as these tags want it, with nothing on it from before; the embeddings
        that its prompts may name then, the same ones for the same wish.

        A refiner `refines` what another checkpoint began: what fits only that one is not missed.
        """
        lacks = _nobody_hears if refines else self._lacks
        wishes = wishes_of(tags)
        for name, why in wishes.faults.items():
            self._lacks(name, why)
        for kind in wishes.unknown:
            self._warn(f"a tag of the kind <{kind}:> means nothing here")
        networks = self._networks
        if networks is None:
            for wish in (*wishes.loras, *wishes.hypernetworks):
                self._lacks(wish.name, f"{wish.name} is not there")
            return None
        adapters = Adapters(model, networks.adapter_files)
        loras = self._put_on_loras(networks.files, adapters, wishes, lacks)
        self._put_on_hypernetworks(networks.files, Hypernetworks(model), wishes, lacks)
        widths = tuple(text.width for text in model.spec.texts)
        for known_widths, known_wishes, known in self._embeddings:
            if (widths, wishes) == (known_widths, known_wishes):
                return known
        brought = [each for file in loras.values() for each in networks.shelf.bundles(file)]
        embeddings = Embeddings(networks.shelf, widths, brought, lacks=lacks)
        self._embeddings.append((widths, wishes, embeddings))
        return embeddings

    @property
    def fields(self) -> dict[str, Any]:
        """Of infotext, after the passes so far. Hashes are calls that may have to wait."""
        embedded: dict[str, Future[str | None]] = {}
        for _, _, embeddings in self._embeddings:
            embedded |= embeddings.hashes()
        fields: dict[str, Any] = {}
        if self._loras and self._hashes_wanted:
            fields["Lora hashes"] = _listing(self._loras)
        if embedded and self._ti_hashes_wanted:
            fields["TI hashes"] = _listing(embedded)
        if self._missing:
            fields["Missing networks"] = ", ".join(self._missing)
        return fields

    # -------------------------------------------------------------------------- within

    def _put_on_loras(
        self, known: NetworkFiles, adapters: Adapters, wishes: Wishes, lacks: Lacks
    ) -> dict[str, NetworkFile]:
        """The files of those that could be put on, by name."""
        files, wanted = {}, []
        for lora in wishes.loras:
            file = self._find(known, "lora", lora.name)
            if file is not None:
                files[lora.name] = file
                wanted.append(Adapter(lora.name, file.path, lora.text, lora.unet, lora.rank))
        for name, why in adapters.use(wanted).items():
            lacks(name, f"LoRA {name}: {why}")
            files.pop(name, None)
        for name, file in files.items():
            if name not in self._loras:
                self._loras[name] = known.hash(file)
        return files

    def _put_on_hypernetworks(
        self, known: NetworkFiles, hypernetworks: Hypernetworks, wishes: Wishes, lacks: Lacks
    ) -> None:
        wanted = []
        for wish in wishes.hypernetworks:
            file = self._find(known, "hypernetwork", wish.name)
            if file is not None:
                wanted.append((wish.name, file.path, wish.multiplier))
        for name, why in hypernetworks.use(wanted).items():
            lacks(name, f"hypernetwork {name}: {why}")

    def _find(self, known: NetworkFiles, kind: Kind, name: str) -> NetworkFile | None:
        file = known.find_now(kind, name)
        if file is None:
            self._lacks(name, f"there is no {_CALLED[kind]} {name}")
        return file

    def _lacks(self, name: str, why: str) -> None:
        self._missing[name] = None
        self._warn(f"{why}; made without it")

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            log.warning("%s", text)


def _nobody_hears(_name: str, _why: str) -> None:
    """What is lacking has been told of already."""


def _listing(hashes: Mapping[str, Future[str | None]]) -> Callable[[], str | None]:
    """ "name: hash, ..." once all hashes are there; None where there is none."""

    def text() -> str | None:
        known = [(name, future.result()) for name, future in hashes.items()]
        plain = {name.replace(":", "").replace(",", ""): digest for name, digest in known if digest}
        return ", ".join(f"{name}: {digest}" for name, digest in plain.items()) or None

    return text
