"""The canvas bench's arithmetic."""

from bench.canvas import frame_figure


def test_frames_that_come_half_as_often_are_twice_as_far_apart():
    figure = frame_figure("a brush", [34.0] * 9 + [100.0], [17.0] * 10)
    assert figure.value == 2 and figure.ok is False
    assert "9 of 10 within 100 ms and 17 ms" in figure.note
