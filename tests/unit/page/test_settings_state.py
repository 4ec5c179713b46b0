"""What the page may change of the settings, and how it is told of them."""

import pytest

from modules.errors import RequestError
from modules.page.settings_state import stored, wanted
from modules.settings import OPTIONS, TABLE, Settings


def test_what_a_page_changed_is_in_the_settings_own_types() -> None:
    told = {"hidden_tabs": ["History"], "sd_model_checkpoint": "", "jpeg_quality": 61}
    assert wanted(told) == {
        "hidden_tabs": ("History",),
        "sd_model_checkpoint": None,
        "jpeg_quality": 61,
    }


@pytest.mark.parametrize("told", [None, ["jpeg_quality"], {"no such setting": 1}])
def test_what_no_page_of_ours_says_changes_nothing(told) -> None:
    with pytest.raises(RequestError, match="reload"):
        wanted(told)


def test_every_stored_value_comes_back_as_it_was() -> None:
    settings = Settings()
    found = wanted(stored(settings, TABLE))
    assert found == {key: settings.get(key) for key in OPTIONS}
    assert settings.with_changes(found) == settings
