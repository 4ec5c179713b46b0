"""A device that runs out of memory: what is missing is made with less, and nothing twice."""

import pytest
import torch

from modules.engine.conditioning import KnownTexts
from modules.generation.request import Request
from modules.generation.result import Summary
from modules.networks.attached import attached
from tests.golden.engine.conftest import Recorder

ASKED = Request(
    prompt="a pear",
    seed=5,
    subseed=1,
    width=64,
    height=64,
    steps=2,
    sampler_name="Euler",
    batch_size=2,
)


class Short:
    """In the place of a model's method: fails at the call of that number."""

    def __init__(self, method, at: int) -> None:
        self._method, self._at, self.calls = method, at, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        if self.calls == self._at:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self._method(*args, **kwargs)


@pytest.mark.parametrize(("method", "at"), [("predict", 2), ("decode", 2), ("encode_text", 1)])
def test_the_job_goes_on_with_less_and_every_picture_comes_once(
    make, model, monkeypatch, method, at
) -> None:
    expected = [output.data for output in make(ASKED)]
    attached(model.text_encoders[0], KnownTexts).clear()
    short = Short(getattr(model, method), at)
    asked_for_relief = []
    monkeypatch.setattr(model, method, short)
    monkeypatch.setattr(model, "relieve", lambda: asked_for_relief.append(1) or "half of it stays")
    control, summaries = Recorder(), list[Summary]()
    outputs = make(ASKED, control=control, summaries=summaries)
    assert len(asked_for_relief) == 1 and short.calls > at
    assert [output.picture.index for output in outputs] == [0, 1]
    assert [output.data for output in outputs] == expected
    line = "The device's memory did not suffice; from now on half of it stays"
    assert control.lines == [line]
    # The first picture, and the summary before it, may be out already when the second is decoded.
    assert line in summaries[0].warnings or method == "decode"


def test_where_nothing_helps_the_error_is_told(make, model, monkeypatch) -> None:
    monkeypatch.setattr(model, "predict", Short(model.predict, 1))
    with pytest.raises(torch.OutOfMemoryError):
        make(ASKED)


def test_another_error_asks_for_no_relief(make, model, monkeypatch) -> None:
    def broken(*_args, **_kwargs):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(model, "predict", broken)
    monkeypatch.setattr(model, "relieve", lambda: pytest.fail("asked for relief"))
    with pytest.raises(RuntimeError, match="mat1"):
        make(ASKED)
