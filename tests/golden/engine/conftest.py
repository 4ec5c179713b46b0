"""A whole checkpoint with random weights, and one call that makes pictures with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from modules.engine.engine import Output, Word, generate
from modules.engine.fields import Sources
from modules.engine.networks import Networks
from modules.generation.request import Request
from modules.generation.result import Summary
from modules.generation.tokens import Tokenizer, load_tokenizer
from modules.networks.model import Model
from modules.networks.models import Models
from modules.settings import Settings
from tests.tiny_checkpoint import write_tiny_checkpoint

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only lose by sharing their work out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = write_tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny.safetensors")
    return Models("cpu").get(path)


@pytest.fixture(scope="package")
def tokenizer() -> Tokenizer:
    return load_tokenizer(ROOT / "configs")


@dataclass
class Recorder:
    """A control that says what it was told to, and remembers what it hears."""

    words: dict[int, Word] = field(default_factory=dict)  # by the number of the step before it
    between: Word = "go"
    looks: bool = False
    progress_calls: list[tuple[int, int, int]] = field(default_factory=list)
    previews: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def check(self, *, between: bool = False) -> Word:
        return self.between if between else self.words.pop(len(self.progress_calls), "go")

    def progress(self, image_index: int, step: int, steps: int) -> None:
        self.progress_calls.append((image_index, step, steps))

    def wants_preview(self) -> bool:
        return self.looks

    def preview(self, data: bytes, mime: str = "image/jpeg") -> None:
        self.previews.append(data)

    def status(self, message: str) -> None:
        self.lines.append(message)


Make = Callable[..., list[Output]]


@pytest.fixture
def make(model: Model, tokenizer: Tokenizer) -> Make:
    """make(request, indexes=..., settings=..., control=..., pictures={sha256: bytes})"""

    def made(
        request: Request,
        *,
        indexes: list[int] | None = None,
        settings: Settings | None = None,
        control: Recorder | None = None,
        pictures: dict[str, bytes] | None = None,
        summaries: list[Summary] | None = None,
        networks: Networks | None = None,
    ) -> list[Output]:
        outputs = generate(
            request,
            settings or Settings(),
            model=model,
            tokenizer=tokenizer,
            input_bytes=(pictures or {}).__getitem__,
            indexes=list(range(request.image_count)) if indexes is None else indexes,
            control=control or Recorder(),
            sources=Sources(model_name="tiny", model_hash=lambda: "0123456789"),
            networks=networks,
            on_summary=None if summaries is None else summaries.append,
        )
        return list(outputs)

    return made
