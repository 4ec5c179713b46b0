"""Pictures by the engine alone, for benchmarks: no queue, no files, nobody who watches."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from bench.harness import ROOT
from modules.engine.engine import Output, Word, generate
from modules.engine.fields import Sources
from modules.generation.request import Request
from modules.generation.tokens import Tokenizer, load_tokenizer
from modules.networks.model import Model
from modules.settings import Settings


class Unwatched:
    """Lets everything pass, looks at nothing."""

    def check(self, *, between: bool = False) -> Word:
        return "go"

    def progress(self, image_index: int, step: int, steps: int) -> None: ...

    def wants_preview(self) -> bool:
        return False

    def preview(self, data: bytes, mime: str = "image/jpeg") -> None: ...

    def status(self, message: str) -> None: ...


@functools.cache
def tokenizer() -> Tokenizer:
    return load_tokenizer(ROOT / "configs")


def make(model: Model, request: Request, settings: Settings | None = None) -> list[bytes]:
    """The files of all pictures of a request that starts from no picture."""

    def outputs() -> Iterator[Output]:
        return generate(
            request,
            settings or Settings(),
            model=model,
            tokenizer=tokenizer(),
            input_bytes=_no_picture,
            indexes=range(request.n_iter * request.batch_size),
            control=Unwatched(),
            sources=Sources(model_name=model.name, model_hash=lambda: None),
        )

    return [output.data for output in outputs()]


def _no_picture(name: str) -> bytes:
    raise AssertionError(f"{name} is asked for by a request that starts from no picture")
