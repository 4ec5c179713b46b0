"""Records as plain values: as the standard library makes them, nothing shared that can change."""

from dataclasses import asdict, replace

from modules.generation.records import plain
from modules.generation.request import Hires, Init, Mask, Request
from modules.generation.soft_inpainting import SoftInpainting


def test_a_record_is_what_the_standard_library_makes_of_it_and_shares_nothing_that_changes() -> (
    None
):
    mask = Mask(image="b" * 64, soft=SoftInpainting())
    request = Request(styles=("a", "b"), override_settings={"x": [1, {"y": 2}]})
    for record in (
        replace(request, hires=Hires()),
        replace(request, init=Init(images=("a" * 64,), mask=mask)),
    ):
        made = plain(record)
        assert made == asdict(record)
        assert repr(made) == repr(asdict(record))  # the same types, in the same order
        made["override_settings"]["x"][1]["y"] = 3
        assert record.override_settings == {"x": [1, {"y": 2}]}
