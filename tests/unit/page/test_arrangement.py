"""What the settings of the page's layout make of the form: its order, its samplers, the names of
checkpoints in its lists.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from modules.library.catalog import CheckpointFile
from modules.page import checkpoint_names, controls
from modules.page.form import PARTS
from modules.page.generate import arranged
from modules.page.layout import Form
from modules.settings import Settings


def test_named_parts_go_first_and_the_others_stay_among_them() -> None:
    assert arranged(PARTS, []) == list(PARTS)
    assert arranged(PARTS, ["seed", "cfg"])[:3] == ["seed", "inpaint", "batch"]
    whole = ["seed", "batch", "dimensions", "accordions", "sampler", "inpaint"]
    assert arranged(PARTS, whole) == whole


def sampling(**chosen: Any) -> Form:
    form = Form("txt2img")
    with form.pane("controls"):
        controls.sampling(form, Settings().with_changes(chosen))
    return form


def test_samplers_can_be_hidden_and_stand_as_buttons() -> None:
    usual = sampling().fields["sampler_name"]
    assert usual.kind == "choice" and usual.value == usual.choices[0]
    fewer = sampling(hide_samplers=usual.choices[:2], samplers_in_dropdown=False)
    field = fewer.fields["sampler_name"]
    assert field.kind == "radio" and field.choices == usual.choices[2:]
    assert field.value == usual.choices[2]
    everyone = sampling(hide_samplers=usual.choices).fields["sampler_name"]
    assert everyone.choices == usual.choices


def test_checkpoints_lose_their_folders_where_they_stay_apart() -> None:
    names = ("a/one.safetensors", "b/one.safetensors", "c/two.safetensors")
    found = [CheckpointFile(Path(name), name, "file", "ab" * 32) for name in names]
    app: Any = SimpleNamespace(
        catalog=SimpleNamespace(checkpoints=found),
        settings=SimpleNamespace(current=Settings()),
    )
    assert checkpoint_names.titles(app) == [entry.title for entry in found]
    short = {"sd_checkpoint_dropdown_use_short": True}
    app.settings.current = Settings().with_changes(short)
    titles = ["a/one.safetensors [ababababab]", "b/one.safetensors [ababababab]"]
    assert checkpoint_names.titles(app) == [*titles, "two.safetensors [ababababab]"]
    assert [checkpoint_names.title(app, entry) for entry in found] == checkpoint_names.titles(app)
