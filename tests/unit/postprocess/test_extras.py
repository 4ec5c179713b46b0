"""Pictures made larger without a model: sizes, blends and cuts."""

from __future__ import annotations

import pytest
from PIL import Image

from modules.errors import RequestError, UnknownNameError
from modules.generation.choices import UPSCALERS as NAMES
from modules.generation.extras import Extras
from modules.postprocess.extras import work_over
from modules.postprocess.upscalers import UPSCALERS, upscale

ONE = ("0" * 64,)


def halves(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new(mode, (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image


def made(image: Image.Image, most: int = 1 << 24, **fields: object) -> Image.Image:
    wish = Extras(**{"images": ONE, "upscaler_1": "Nearest"} | fields)  # type: ignore[arg-type]
    return work_over(image, wish, max_pixels=most)[0]


def test_the_upscalers_are_those_that_the_menus_offer() -> None:
    assert {"None", *UPSCALERS} == set(NAMES)


@pytest.mark.parametrize(
    ("size", "factor", "result"),
    [
        ((64, 32), 2, (128, 64)),
        ((100, 50), 1.5, (144, 72)),  # cut down to multiples of 8
        ((512, 512), 1.01, (512, 512)),
        ((64, 64), 0.5, (32, 32)),
        ((3, 3), 1, (8, 8)),
    ],
)
def test_a_result_has_the_size_of_the_rule(
    size: tuple[int, int], factor: float, result: tuple[int, int]
) -> None:
    assert upscale(Image.new("RGB", size), "Lanczos", factor).size == result


def test_nearest_invents_no_colour_and_lanczos_does() -> None:
    nearest = made(halves(16, 8), factor=4.0)
    assert {colour for _, colour in nearest.getcolors()} == {(255, 0, 0), (0, 0, 255)}  # type: ignore[union-attr]
    lanczos = made(halves(16, 8), factor=4.0, upscaler_1="Lanczos")
    assert len(lanczos.getcolors() or []) > 2


def test_the_second_upscaler_has_the_share_that_is_asked_for() -> None:
    first = made(halves(16, 8), factor=4.0)
    other = made(halves(16, 8), factor=4.0, upscaler_1="Lanczos")
    blend = made(halves(16, 8), factor=4.0, upscaler_2="Lanczos", upscaler_2_visibility=0.25)
    assert blend.tobytes() == Image.blend(first, other, 0.25).tobytes()


def test_to_a_size_is_cut_to_it_or_stands_over_it() -> None:
    sizes = {"to_size": True, "width": 64, "height": 64}
    assert made(halves(64, 32), **sizes).size == (64, 64)
    assert made(halves(64, 32), **sizes, crop=False).size == (128, 64)


def test_a_size_that_is_no_multiple_of_8_gets_no_black_edge() -> None:
    result = made(Image.new("RGB", (128, 64), "white"), to_size=True, width=100, height=100)
    assert result.size == (100, 100) and result.getextrema() == ((255, 255),) * 3


def test_the_longer_side_stays_below_its_limit() -> None:
    assert made(halves(64, 32), factor=4.0, longest_side=128).size == (128, 64)


def test_without_an_upscaler_the_picture_stays_as_it_is() -> None:
    image = halves(10, 6)
    assert made(image, upscaler_1="None", factor=4.0).tobytes() == image.tobytes()


def test_transparency_is_kept() -> None:
    assert made(halves(16, 8, "RGBA")).mode == "RGBA"


def test_a_result_beyond_the_limit_is_refused_before_it_is_made() -> None:
    with pytest.raises(RequestError, match=r"1024x512.*easel_max_pixels"):
        made(halves(64, 32), most=1000, factor=16.0)


def test_the_account_names_what_was_done() -> None:
    wish = Extras(
        images=ONE, to_size=True, upscaler_1="Lanczos", upscaler_2="Nearest",
        upscaler_2_visibility=0.5, width=64, height=64,
    )  # fmt: skip
    assert work_over(halves(64, 32), wish, max_pixels=1 << 20)[1] == {
        "Postprocess upscale to": "64x64",
        "Postprocess crop to": "64x64",
        "Postprocess upscaler": "Lanczos",
        "Postprocess upscaler 2": "Nearest",
    }


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"images": ()}, RequestError, "no picture"),
        ({"upscaler_1": "Lanzcos"}, UnknownNameError, "Lanczos"),
        ({"upscaler_2_visibility": 1.5}, RequestError, "0..1"),
        ({"factor": 0.0}, RequestError, "upscaling_resize"),
        ({"width": 0}, RequestError, "upscaling_resize_w"),
        ({"names": ("a", "b")}, RequestError, "2 names for 1 pictures"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_at_birth(
    fields: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        Extras(**{"images": ONE} | fields)  # type: ignore[arg-type]


def test_a_wish_comes_back_from_its_record() -> None:
    wish = Extras(images=ONE * 2, names=("a.png", "b.png"), to_size=True, upscaler_1="Lanczos")
    assert Extras.from_record(wish.to_record()) == wish
