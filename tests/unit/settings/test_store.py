"""The settings' file: whole or not at all, and nothing in it is lost."""

import json
import threading

import pytest

from modules.errors import SettingsError, StorageError
from modules.settings import Settings, SettingsStore


@pytest.fixture
def file(tmp_path):
    return tmp_path / "config.json"


def loaded(file) -> SettingsStore:
    store = SettingsStore(file)
    store.load()
    return store


def test_without_a_file_the_defaults_hold_and_none_is_written(file):
    assert loaded(file).current == Settings()
    assert not file.exists()


def test_a_change_is_there_after_a_restart(file):
    assert loaded(file).update({"CLIP_stop_at_last_layers": "2", "tiling": False}) == [
        "CLIP_stop_at_last_layers"
    ]
    assert loaded(file).current.sd.CLIP_stop_at_last_layers == 2
    assert json.loads(file.read_text(encoding="utf-8")) == {"CLIP_stop_at_last_layers": 2}
    assert file.read_text(encoding="utf-8").startswith('{\n    "CLIP')


def test_a_snapshot_stays_while_settings_change(file):
    store = loaded(file)
    before = store.snapshot()
    store.update({"tiling": True})
    assert before.sd.tiling is False and store.current.sd.tiling is True


def test_foreign_keys_and_unusable_values_stay_in_the_file(file, caplog):
    file.write_text('{"sd_foo": [1], "jpeg_quality": 900, "tiling": true, "font": ""}', "utf-8")
    store = loaded(file)
    assert store.current.sd.tiling and store.current.saving_images.jpeg_quality == 80
    assert "jpeg_quality can't be 900" in caplog.text
    assert store.unknown == {"sd_foo": [1]}
    store.update({"tiling": False})
    assert json.loads(file.read_text(encoding="utf-8")) == {
        "sd_foo": [1],
        "jpeg_quality": 900,
        "tiling": False,
        "font": "",
    }
    store.update({"jpeg_quality": 90})
    assert json.loads(file.read_text(encoding="utf-8"))["jpeg_quality"] == 90


def test_clients_may_keep_keys_of_their_own(file):
    store = loaded(file)
    assert store.update({"my_key": {"a": 1}, "tiling": True}, keep_unknown=True) == [
        "tiling",
        "my_key",
    ]
    assert loaded(file).unknown == {"my_key": {"a": 1}}
    assert store.update({"my_key": {"a": 1}}, keep_unknown=True) == []
    with pytest.raises(SettingsError, match="no setting 'my_key'"):
        store.update({"my_key": 2})


def test_one_bad_value_leaves_all_as_it_was(file):
    store = loaded(file)
    with pytest.raises(SettingsError):
        store.update({"tiling": True, "jpeg_quality": 0})
    assert store.current == Settings() and not file.exists()


@pytest.mark.parametrize("damage", [b"{", b"[1]", b"\xff\xfe{}", b""])
def test_a_damaged_file_is_moved_aside(file, damage, caplog):
    file.write_bytes(damage)
    assert loaded(file).current == Settings()
    (aside,) = file.parent.iterdir()
    assert aside.name.startswith("config.json.damaged-") and aside.read_bytes() == damage
    assert aside.name in caplog.text


def test_old_keys_are_read_under_their_new_names(file):
    file.write_text(
        '{"quicksettings": "sd_vae, tiling", "ui_reorder": "seed", "sd_vae_as_default": true}',
        "utf-8",
    )
    current = loaded(file).current
    assert current.ui.quicksettings_list == ("sd_vae", "tiling")
    assert current.ui.ui_reorder_list == ("seed",)
    assert current.vae.sd_vae_overrides_per_model_preferences is False


def test_a_file_that_cant_be_written_changes_nothing(tmp_path):
    (tmp_path / "folder").write_text("no folder")
    store = SettingsStore(tmp_path / "folder" / "config.json")
    with pytest.raises(StorageError, match="nothing was changed"):
        store.update({"tiling": True})
    assert store.current == Settings()


def test_changes_of_many_threads_are_all_kept(file):
    store = loaded(file)

    def keep(number: int) -> None:
        for turn in range(5):
            store.update({f"key_{number}_{turn}": turn}, keep_unknown=True)

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded(file).unknown) == 30
    assert [entry.name for entry in file.parent.iterdir()] == ["config.json"]
