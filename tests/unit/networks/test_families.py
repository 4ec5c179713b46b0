"""Each family is recognised, and every key of its layout has its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import layouts
from modules.errors import CheckpointError
from modules.networks import build
from modules.networks.detect import detect
from modules.networks.sources import open_file
from tests import tiny_families as families

# Keys of real files that no network reads: not a family's, or only training's.
NEVER_READ = ("logit_scale", "text_projection")


@pytest.mark.parametrize("kind", families.FAMILIES)
def test_every_key_is_read_once_and_none_is_missing(tmp_path: Path, kind: str) -> None:
    source = open_file(families.write_tiny_family(tmp_path / "a.safetensors", kind))
    networks = [
        (source.unet, build.empty_unet(source.spec.unet)),
        (source.vae, build.empty_vae(source.spec.vae)),
        *zip(source.texts, map(build.empty_text_encoder, source.spec.texts), strict=True),
    ]
    read: list[str] = []
    for part, module in networks:
        shapes = build.parameter_shapes(module)
        keys = part.keys(shapes)
        assert all(keys[name] in part.state for name in shapes)
        read += keys.values()
    assert len(set(read)) == len(read)
    whole = {key.partition("[")[0] for key in read}  # of fused weights every part is read
    thirds = [key for key in read if "attn.in_proj" in key]
    assert len(thirds) == 3 * len({key.partition("[")[0] for key in thirds})
    left = set(families.FAMILIES[kind]()) - whole
    assert all(key.endswith(NEVER_READ) for key in left), left
    assert ("text_projection[T]" in "".join(read)) is bool(source.spec.size_numbers)


@pytest.mark.parametrize(
    ("shapes", "family", "heads", "depths", "middle", "texts"),
    [
        (layouts.sd21(), "sd2", (5, 10, 20, 20), (1, 1, 1, 0), 1, [(1024, 24, 16)]),
        (layouts.sdxl(), "sdxl", (5, 10, 20), (0, 2, 10), 10, [(768, 12, 12), (1280, 32, 20)]),
        (layouts.refiner(), "sdxl-refiner", (6, 12, 24, 24), (0, 4, 4, 0), 4, [(1280, 32, 20)]),
    ],
)
def test_the_full_layouts_have_the_published_numbers(
    shapes: dict[str, tuple[int, ...]],
    family: str,
    heads: tuple[int, ...],
    depths: tuple[int, ...],
    middle: int,
    texts: list[tuple[int, int, int]],
) -> None:
    spec = detect(shapes, {})
    assert (spec.family, spec.unet.heads, spec.unet.attention_depth) == (family, heads, depths)
    assert spec.unet.middle_depth == middle and spec.unet.linear_projection
    assert [(text.width, text.layers, text.heads) for text in spec.texts] == texts
    assert spec.latent_scale == (0.18215 if family == "sd2" else 0.13025)


def test_the_full_ssd_1b_keeps_fewer_blocks_than_xl() -> None:
    spec = detect(layouts.sdxl(layouts.SSD_1B_UNET), {}).unet
    assert (spec.attention_depth, spec.middle_depth) == ((0, 2, 4), 0)
    assert spec.up_depth == ((0, 0, 0), (2, 1, 1), (4, 4, 10))
    assert detect(layouts.sdxl(), {}).unet.up_depth == ()


@pytest.mark.parametrize("markers", [(), ("v_pred",), ("v_pred", "ztsnr")])
def test_marker_keys_name_v_prediction_and_zero_terminal_snr(markers: tuple[str, ...]) -> None:
    spec = detect({**families.sdxl(), **dict.fromkeys(markers, ())}, {})
    assert spec.prediction == ("v" if "v_pred" in markers else "epsilon")
    assert spec.zero_snr is ("ztsnr" in markers)


def test_networks_that_were_not_made_for_each_other_are_refused() -> None:
    shapes = families.sdxl()
    width = families.SIZE_WIDTH
    shapes[layouts.UNET + "label_emb.0.0.weight"] = (128, 24 + 5 * width)
    with pytest.raises(CheckpointError, match=f"a vector of {24 + 5 * width} numbers"):
        detect(shapes, {})
    shapes = families.sd1()
    shapes[layouts.UNET + "input_blocks.0.0.weight"] = (32, 7, 3, 3)
    with pytest.raises(CheckpointError, match="4 latent channels but the U-Net reads 7"):
        detect(shapes, {})
