"""Tokens of captions, and the text encoder's own training before the denoiser's.

Trained together from random weights, the denoiser never starts to listen. So the encoder first
learns alone: throw-away linear heads read object, colour, ground, light and style off the
*padding* positions. After that every context row carries the whole caption, and even uniform
attention transports it.
"""

import json
import logging
import re
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from transformers import CLIPTextModel

from modules.training.builtin import captions, world
from modules.training.builtin.loop import Place, Schedule, Stage
from modules.training.builtin.networks import END, POSITIONS, START, VOCABULARY, Sizes, build_text

log = logging.getLogger(__name__)
UNKNOWN = 0
"""Row of the small table that stands for every word the captions do not use."""


PIECES = {"droplets": ("dro", "plets</w>")}
"""Words of the world that CLIP's vocabulary holds in parts only, and these."""


class Words:
    """The captions' words: CLIP ids, and row numbers in a table of only those rows.

    Nearly every word of the world is one CLIP token, and PIECES holds the others, so splitting at
    spaces and commas is the whole tokenizer.
    """

    def __init__(self, vocabulary: Path) -> None:
        clip_ids: dict[str, int] = json.loads(vocabulary.read_text(encoding="utf-8"))
        tokens = sorted({token for word in world_words() for token in _tokens(word)})
        self.ids = [START, END, *(clip_ids[token] for token in tokens)]
        assert len(set(self.ids)) == len(self.ids)
        self._row = {token: number + 3 for number, token in enumerate(tokens)}

    @property
    def rows(self) -> int:
        """Rows of the small table: unknown, start, end, then one per word."""
        return len(self.ids) + 1

    def encode(self, text: str) -> list[int]:
        """Row numbers of a caption, padded to 77 with the end row, as CLIP does."""
        words = re.findall(r"[a-z0-9]+|,", text.lower())
        tokens = [token for word in words for token in _tokens(word)][: POSITIONS - 2]
        rows = [1, *(self._row.get(token, UNKNOWN) for token in tokens)]
        return rows + [2] * (POSITIONS - len(rows))


def _tokens(word: str) -> tuple[str, ...]:
    """CLIP's tokens of a word of the world; any other word is taken as one token."""
    return PIECES.get(word, (f"{word}</w>",))


def world_words() -> list[str]:
    """Every word and comma that a caption of the world can hold, sorted."""
    phrases = ["a an and object of ,", *world.OBJECTS, *world.COLOURS]
    phrases += [*captions.FILLERS, *captions.WET_PHRASES]
    tables = (
        captions.OBJECT_WORDS, captions.COLOUR_WORDS, captions.GROUND_PHRASES,
        captions.LIGHT_PHRASES, captions.STYLE_WORDS, captions.MATERIAL_WORDS,
        captions.EXTENT_WORDS, captions.PLACE_PHRASES, captions.RELATION_PHRASES,
    )  # fmt: skip
    for table in tables:
        phrases.extend(phrase for options in table.values() for phrase in options)
    return sorted({word for phrase in phrases for word in phrase.split()})


class Reader(nn.Module):
    """A text encoder over the small table with heads that read the caption off padding
    positions.
    """

    def __init__(self, sizes: Sizes, rows: int) -> None:
        super().__init__()
        self.encoder = build_text(sizes, vocabulary=rows)
        # 8-bit floats must hold this table: far from their smallest steps
        nn.init.normal_(self.table(), std=0.4)
        self.heads = nn.ModuleList(
            nn.Linear(sizes.text_width, count + 1) for count in world.CLASSES
        )

    def table(self) -> nn.Parameter:
        """The small token table (rows, text_width)."""
        weight = self.encoder.get_input_embeddings().weight
        assert isinstance(weight, nn.Parameter)
        return weight

    def forward(
        self, tokens: Tensor, generator: torch.Generator
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Heads' logits at the mean of the rear positions and at one random rear position."""
        rows = self.encoder(input_ids=tokens).last_hidden_state
        position = int(torch.randint(30, POSITIONS, (), generator=generator))
        mean, single = rows[:, 30:].mean(1), rows[:, position]
        return [head(mean) for head in self.heads], [head(single) for head in self.heads]


def caption_of(number: int, variant: int) -> captions.Caption:
    """A caption for training the encoder: of any scene index, also of ones that are never drawn."""
    return captions.caption(world.scene(number), variant)


def _disturb(rows: list[int], generator: torch.Generator) -> list[int]:
    """Puts 1 to 4 unknown words at random places, which must change nothing."""
    for _ in range(int(torch.randint(1, 5, (), generator=generator))):
        length = rows.index(2)
        place = int(torch.randint(1, length + 1, (), generator=generator))
        rows = [*rows[:place], UNKNOWN, *rows[place:-1]]
    return rows


def train_text(
    sizes: Sizes, words: Words, schedule: Schedule, place: Place, batch: int = 64
) -> Reader:
    """Trains the encoder with its heads; at two thirds of the way the table is rounded and
    frozen.
    """
    torch.manual_seed(place.seed)
    reader = Reader(sizes, words.rows).to(place.device)
    stage = Stage("text", reader, schedule, place)
    stage.resume()
    table = reader.table()

    def loss(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        if step >= schedule.steps * 2 // 3:
            with torch.no_grad():
                table.copy_(table.to(torch.float8_e4m3fn).float())
            table.requires_grad_(False)
            table.grad = None
        tokens, told = _text_batch(words, batch, generator)
        logits = reader(tokens.to(place.device), generator)
        told = told.to(place.device)
        value = torch.zeros((), device=place.device)
        right = []
        for number in range(len(world.CLASSES)):
            for group in logits:
                value = value + functional.cross_entropy(group[number], told[:, number])
            right.append(float((logits[1][number].argmax(1) == told[:, number]).float().mean()))
        return value, dict(zip(world.ATTRIBUTES, right, strict=True))

    stage.train(loss)
    return reader


def _text_batch(words: Words, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    numbers = torch.randint(0, 10_000_000, (batch,), generator=generator).tolist()
    tokens, told = [], []
    for place, number in enumerate(numbers):
        caption = caption_of(number, place % captions.VARIANTS) if place % 16 else captions.EMPTY
        rows = words.encode(caption.text)
        tokens.append(_disturb(rows, generator) if place % 4 == 1 else rows)
        told.append(caption.told)
    return torch.tensor(tokens), torch.tensor(told)


def whole_encoder(reader: Reader, words: Words, sizes: Sizes) -> CLIPTextModel:
    """The encoder with CLIP's whole table: known words' rows, every other row as 'unknown'."""
    whole = build_text(sizes)
    state = dict(reader.encoder.state_dict())
    key = next(name for name in state if name.endswith("token_embedding.weight"))
    small = state[key].cpu()
    table = small[UNKNOWN].repeat(VOCABULARY, 1)
    table[torch.tensor(words.ids)] = small[1:]
    state[key] = table
    whole.load_state_dict(state)
    return whole.eval()
