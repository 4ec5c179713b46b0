"""Which cards are shown: hidden folders and LoRAs for other checkpoints as the settings say."""

from pathlib import Path

import pytest

from modules.library import showing
from modules.library.cards import Card, Notes
from modules.library.versions import version_named, version_of_checkpoint
from modules.settings.extra_networks import ExtraNetworks
from tests.unit.library.weights import weights


def card(name: str, folder: str = "", base: str = "", sd_version: str = "") -> Card:
    path = Path(f"{name}.safetensors")
    return Card(
        kind="lora",
        name=name,
        path=path,
        folder=folder,
        base=base,
        notes=Notes(sd_version=sd_version),
    )


CARDS = [
    card("old", base="sd_v1"),
    card("large", "big", base="sdxl_base_v1-0"),
    card("told", base="sdxl_base_v1-0", sd_version="SD1"),
    card("plain"),
    card("shy", "big/.secret", base="sd_v1"),
]


def names(version: str = "", text: str = "", *, everything: bool = False, **chosen: object):
    settings = ExtraNetworks(**chosen)  # type: ignore[arg-type]
    seen = showing.shown(CARDS, settings, text=text, version=version, everything=everything)
    return [each.name for each in seen.cards], seen.unfit


@pytest.mark.parametrize(
    ("wish", "text", "is_shown"),
    [
        ("When searched", "", False),
        ("When searched", "shy", False),
        ("When searched", "secret", True),
        ("Always", "", True),
        ("Never", "secret", False),
    ],
)
def test_models_in_hidden_folders_are_shown_as_the_setting_says(wish, text, is_shown):
    found, _ = names(text=text, extra_networks_hidden_models=wish)
    assert ("shy" in found) == is_shown


def test_loras_for_other_checkpoints_are_left_out_and_counted():
    assert names("SD1") == (["old", "told", "plain"], 1)
    assert names("SDXL") == (["large", "plain"], 2)
    assert names("SDXL", lora_hide_unknown_for_versions=("SDXL",)) == (["large"], 3)
    whole = ["old", "large", "told", "plain"]
    for everything in ({"everything": True}, {"lora_show_all": True}, {"version": ""}):
        assert names(**{"version": "SDXL", **everything}) == (whole, 0)


def test_hidden_folders_are_listed_unless_the_setting_hides_them():
    assert showing.folders(CARDS, ExtraNetworks()) == ["big", "big/.secret"]
    settings = ExtraNetworks(extra_networks_show_hidden_directories=False)
    assert showing.folders(CARDS, settings) == ["big"]


def test_versions_are_told_from_words_and_from_a_checkpoints_names(tmp_path):
    said = {"sd_1.5": "SD1", "stable-diffusion-v2-768-v/lora": "SD2", "Pony": "SDXL", "flux-1": ""}
    assert {words: version_named(words) for words in said} == said
    for start, version in (
        ("conditioner.embedders.0.x", "SDXL"),
        ("cond_stage_model.model.x", "SD2"),
        ("cond_stage_model.transformer.x", "SD1"),
        ("other.x", ""),
    ):
        path = tmp_path / f"{start}.safetensors"
        path.write_bytes(weights({start: (1, 1)}))
        assert version_of_checkpoint(path) == version
    assert version_of_checkpoint(tmp_path / "none.safetensors") == ""
