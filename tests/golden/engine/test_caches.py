"""What one job computed and the next need not."""

from typing import Any

from modules.generation.request import Init
from modules.settings import Settings
from tests.golden.engine.test_engine import gradient, stored, wish


def test_a_prompt_and_a_start_picture_are_encoded_once_for_all_jobs(make, model, monkeypatch):
    texts, pictures_seen = [], []
    encode_text, encode_image = model.encode_text, model.encode_image

    def text(rows, **options):
        texts.append(rows)
        return encode_text(rows, **options)

    def image(pixels, *rest, **options):
        pictures_seen.append(pixels)
        return encode_image(pixels, *rest, **options)

    monkeypatch.setattr(model, "encode_text", text)
    monkeypatch.setattr(model, "encode_image", image)
    sha256, pictures = stored(gradient().rotate(90))
    init = Init(images=(sha256,), denoising_strength=0.9)

    def run(prompt: str, settings: Settings | None = None, **changes: Any) -> bytes:
        request = wish(prompt=prompt, negative_prompt="a sea seen twice", init=init, **changes)
        return make(request, settings=settings, pictures=pictures)[0].data

    first = run("a pear seen twice")
    assert (len(texts), len(pictures_seen)) == (2, 1)
    assert run("a pear seen twice") == first
    assert (len(texts), len(pictures_seen)) == (2, 1)
    run("a (pear:1.2) seen twice")
    run("a pear seen twice", Settings().with_changes({"CLIP_stop_at_last_layers": 2}))
    run("a pear seen twice", tiling=True)
    assert (len(texts), len(pictures_seen)) == (5, 2)
