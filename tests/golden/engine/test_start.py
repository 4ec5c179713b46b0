"""What img2img starts from, where its size is no whole number of latent cells."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from modules.engine.start import encode_picture, prepare
from modules.generation.request import Init, Mask
from modules.networks.model import Model
from modules.settings import Settings

SHA = "0" * 64


def gradient(width: int, height: int) -> Image.Image:
    return Image.linear_gradient("L").rotate(90).resize((width, height)).convert("RGB")


def test_cells_at_the_edge_see_what_makes_no_cell_of_its_own(model: Model) -> None:
    picture = gradient(86, 70)
    with torch.inference_mode():
        whole = encode_picture(picture, model)
        cut = encode_picture(picture.crop((0, 0, 80, 64)), model)
    assert whole.shape == cut.shape == (1, 4, 8, 10)
    assert not torch.allclose(whole[..., -1], cut[..., -1], atol=1e-3)


@pytest.mark.parametrize(
    ("mask", "worked_at"),
    [
        (None, (100, 70)),
        (Mask(image=SHA, fill=1, only_masked=True), (100, 70)),
        (Mask(image=SHA, fill=1, only_masked=False), (96, 64)),
    ],
)
def test_a_picture_is_brought_to_the_size_as_asked_for(
    model: Model, mask: Mask | None, worked_at: tuple[int, int]
) -> None:
    plan: Any = SimpleNamespace(
        asked_size=(100, 70), passes=(SimpleNamespace(width=96, height=64),), batch_size=1
    )
    init = Init(images=(SHA,), mask=mask)
    with torch.inference_mode():
        start = prepare(init, plan, Settings(), model, lambda _sha, _field: gradient(128, 128))
    assert start.slots[0].picture.size == worked_at
    assert start.slots[0].latent.shape == (1, 4, 8, 12)
