"""The file of the page's defaults."""

import json
from pathlib import Path

from modules.library.ui_config import UiConfig


def test_keys_are_read_by_tab_label_and_what_and_a_plain_key_counts_over_a_scripts(tmp_path: Path):
    path = tmp_path / "ui-config.json"
    said = {
        "txt2img/Seed/value": 5,
        "customscript/seed.py/txt2img/Seed/value": 6,
        "customscript/seed.py/img2img/Seed/value": 7,
        "txt2img/Width/maximum": 4096,
        "nonsense": 1,
    }
    path.write_text(json.dumps(said), encoding="utf-8-sig")
    values, trouble = UiConfig(path).read()
    assert not trouble
    assert values == {
        ("txt2img", "Seed", "value"): 5,
        ("img2img", "Seed", "value"): 7,
        ("txt2img", "Width", "maximum"): 4096,
    }


def test_saving_changes_one_value_and_leaves_what_it_does_not_understand(tmp_path: Path):
    path = tmp_path / "ui-config.json"
    path.write_text(
        '{"other/thing": [1], "customscript/a.py/txt2img/Seed/value": 6, "txt2img/B": 2}'
    )
    file = UiConfig(path)
    file.save({("txt2img", "Seed", "value"): 9})
    assert json.loads(path.read_text()) == {
        "other/thing": [1],
        "txt2img/B": 2,
        "txt2img/Seed/value": 9,
    }
    file.save({}, forget=[("txt2img", "Seed", "value")])
    assert file.read() == ({}, "")


def test_a_damaged_file_is_told_and_kept_beside_the_next(tmp_path: Path):
    path = tmp_path / "ui-config.json"
    path.write_text('{"txt2img/')
    file = UiConfig(path)
    values, trouble = file.read()
    assert not values and str(path) in trouble
    file.save({("txt2img", "Seed", "value"): 9})
    assert file.read()[0] == {("txt2img", "Seed", "value"): 9}
    assert [each.read_text() for each in tmp_path.glob("*.damaged-*")] == ['{"txt2img/']
