"""File names by A1111's patterns (interface 20.2)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from modules.generation.request import Request
from modules.generation.result import Picture, Summary
from modules.pictures.names import Naming, apply, clean, file_stem, subfolder
from modules.settings import Settings

NOW = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)


def naming(settings: Settings | None = None, **changes) -> Naming:
    request = Request(
        prompt="a cat, in (the:1.2) hat", seed=41, batch_size=2, n_iter=2, styles=("s",)
    )
    picture = Picture(
        index=2,
        seed=43,
        subseed=7,
        width=64,
        height=32,
        prompt=request.prompt,
        negative_prompt="dog",
        infotext="",
    )
    summary = Summary(
        sampler_name="Euler a",
        scheduler="Karras",
        steps=20,
        cfg_scale=7.5,
        width=64,
        height=32,
        model_name="tiny",
        model_hash="0123456789",
    )
    values = {
        "request": request,
        "picture": picture,
        "summary": summary,
        "settings": settings or Settings(),
        "now": NOW,
        "job_timestamp": "20260304050000",
        "data": b"file",
    }
    return Naming(**{**values, **changes})


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[seed]-[steps]-[cfg]", "43-20-7.5"),
        ("[SEED_first]..[seed_last]", "41..44"),
        ("[width]x[height]", "64x32"),
        ("[sampler]_[sampler_scheduler]", "Euler a_Euler a Karras"),
        ("[[model_name]]", "[tiny]"),
        ("[model_hash]", "0123456789"),
        ("[date] [datetime]", "2026-03-04 20260304050607"),
        ("[datetime<%H%M><Asia/Tokyo>]", "1406"),
        ("[datetime<%Y><No/Where>]", "2026"),
        ("[prompt]", "a_cat,_in_(the_1.2)_hat"),
        ("[prompt_words]", "a cat in the 1.2 hat"),
        ("[hasprompt<CAT|x><bird|nobird>]", "CATnobird"),
        ("[batch_number]/[generation_number]", "1/3"),
        ("[prompt_hash<4>]", "e969"),
        ("[unknown] [seed]", "[unknown] 43"),
        ("a[denoising]b", "b"),
        ("[image_hash<6>]", "3b9c35"),
    ],
)
def test_tokens_are_filled_in(pattern: str, expected: str) -> None:
    assert apply(pattern, naming()) == expected


def test_a_meaningless_token_drops_with_the_text_before_it() -> None:
    single = naming(request=Request(seed=1), picture=replace(naming().picture, index=0))
    assert apply("x-[seed]-[batch_number]", single) == "x-43"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b\\c:d", "a_b_c_d"),
        ("  name. . ", "name"),
        ("con", "_con"),
        ("line\nbreak", "line_break"),
        ("x" * 300, "x" * 128),
    ],
)
def test_a_part_of_a_path_is_legal_everywhere(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_the_default_name_is_the_seed_in_a_dated_folder() -> None:
    assert file_stem(naming()) == "43"
    assert subfolder(naming()) == PurePosixPath("2026-03-04")


def test_without_folders_the_prompt_is_in_the_name() -> None:
    flat = naming(Settings().with_changes({"save_to_dirs": False}))
    assert file_stem(flat) == "43-a cat, in (the_1.2) hat"
    assert subfolder(flat) == PurePosixPath()


def test_a_folder_pattern_never_leads_upwards() -> None:
    settings = Settings().with_changes({"directories_filename_pattern": "../../[seed]/..//x"})
    assert subfolder(naming(settings)) == PurePosixPath("43/x")
