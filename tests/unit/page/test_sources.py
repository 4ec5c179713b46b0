"""What the page tells of the open sub-tab: refused in plain words where it can't be used."""

import pytest

from modules.errors import RequestError
from modules.page.sources import _read


def test_a_record_of_the_page_is_understood():
    name, tokens, resizes = _read({"from": "sketch", "tokens": ["a.1"], "resizes": True})
    assert (name, tokens, resizes) == ("sketch", ["a.1"], True)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"from": "img2img", "tokens": [""]}, "img2img needs a picture"),
        ({"from": "sketch", "tokens": [""]}, "the canvas is empty"),
        ({"from": "inpaint", "tokens": [""]}, "inpainting needs a picture"),
        ({"from": "inpaint_upload", "tokens": ["a.1", ""]}, "needs a mask"),
        ({"from": "inpaint_upload", "tokens": ["", "a.1"]}, "inpainting needs a picture"),
        ({"from": "elsewhere", "tokens": ["a.1"]}, "no sub-tab 'elsewhere'"),
        ({"from": "sketch", "error": "no network"}, "no network; try again"),
        ({"tokens": ["a.1"]}, "reload"),
    ],
)
def test_what_is_missing_is_said(record, words):
    with pytest.raises(RequestError, match=words):
        _read(record)


@pytest.mark.parametrize("record", [None, "text", [], 3, {"from": "sketch", "tokens": 5}])
def test_what_is_no_record_of_ours_is_refused(record):
    with pytest.raises(RequestError, match="reload"):
        _read(record)
