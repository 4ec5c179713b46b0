"""The exception tree: one root, plain records, and a header that draws it as it is."""

import pytest

from modules import errors
from modules.errors import KINDS, EaselError, OutOfMemoryError, RequestError, from_record


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_comes_back_from_its_record(kind):
    error = from_record(kind("width 0 is outside 8..8192", field="width").to_record())
    assert type(error) is kind
    assert (error.message, error.field) == ("width 0 is outside 8..8192", "width")


def test_an_unknown_kind_keeps_its_text():
    error = from_record({"kind": "NonesuchError", "message": "went wrong", "field": "x"})
    assert type(error) is EaselError and str(error) == "went wrong"


def test_an_empty_record_is_an_error_still():
    assert from_record({}).message == "unknown error"


def test_every_error_of_the_module_is_in_the_tree():
    listed = [item for item in vars(errors).values() if isinstance(item, type)]
    own = [item for item in listed if item.__module__ == errors.__name__]
    assert set(own) == set(KINDS.values())


def test_the_header_draws_the_tree():
    lines = (errors.__doc__ or "").splitlines()
    depth = {name: line.index(name) for name in KINDS for line in lines if f"{name} " in line}
    assert set(depth) == set(KINDS)
    for name, kind in KINDS.items():
        if kind is not EaselError:
            assert depth[name] > depth[kind.__bases__[0].__name__]


def test_a_group_is_caught_by_its_parent():
    with pytest.raises(errors.WorkerError):
        raise OutOfMemoryError("no room")
    assert issubclass(errors.ImageError, RequestError)
