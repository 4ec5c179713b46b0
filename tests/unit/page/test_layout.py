"""A form as a record: what the browser draws, and what of its answer is believed."""

import pytest

from modules.errors import RequestError
from modules.library.localizations import Localization
from modules.page.fields import Field, checkbox, dropdown, number, slider, textbox
from modules.page.language import translated
from modules.page.layout import Form


def made() -> Form:
    form = Form("txt2img")
    with form.pane("controls"):
        with form.row("one", "easel-row"):
            form.add("steps", slider("Steps", 1, 150, 20, 1, elem_id="txt2img_steps"))
            form.tool("swap", "swap", "Swap", "txt2img_swap")
        with form.switch("enable_hr", "Hires. fix", "txt2img_hr"):
            form.add("prompt", textbox("Prompt", elem_id="txt2img_prompt", lines=2, max_lines=4))
        with form.tabs("two"), form.one_tab("First", "two_first"):
            form.add("sampler_name", dropdown("Sampler", ["Euler"], "Euler", elem_id="sampler"))
    return form


def test_the_record_has_every_field_where_it_stands() -> None:
    record = made().record()
    assert list(record["fields"]) == ["steps", "enable_hr", "prompt", "sampler_name"]
    row, switch, tabs = record["panes"]["controls"]
    assert row["id"] == "one" and row["classes"] == ["easel-row"]
    assert row["row"][0] == {"field": "steps"} and row["row"][1]["button"]["icon"] == "swap"
    assert switch["switch"] == "enable_hr" and switch["body"] == [{"field": "prompt"}]
    assert tabs["tabs"][0]["body"] == [{"field": "sampler_name"}]
    steps = record["fields"]["steps"]
    assert (steps["low"], steps["high"], steps["step"], steps["value"]) == (1, 150, 1, 20)


def test_a_button_that_is_hidden_later_is_hidden_in_the_record() -> None:
    form = made()
    form.buttons["txt2img_swap"].visible = False
    assert form.record()["panes"]["controls"][0]["row"][1]["button"]["visible"] is False


def test_what_the_browser_does_not_say_is_as_in_a_fresh_form() -> None:
    values = made().read({"txt2img": {"steps": 7, "no such field": 1}})
    assert values == {"steps": 7, "enable_hr": False, "prompt": "", "sampler_name": "Euler"}


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"txt2img": 3},
        {"txt2img": {"prompt": ["a barn"]}},
        {"txt2img": {"enable_hr": "yes"}},
        {"txt2img": {"sampler_name": 4}},
    ],
)
def test_what_no_form_of_ours_says_is_refused(told) -> None:
    with pytest.raises(RequestError, match="reload"):
        made().read(told)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (slider("a", 0, 1, 0.5, 0.05, elem_id="a"), 0.3, 1.1),
        (slider("a", 1, 9, 5, 1, elem_id="a"), 3, 2.5),
        (slider("a", 1, 9, 5, 1, elem_id="a"), 3, True),
        (dropdown("a", ["x"], "x", elem_id="a"), "x", "y"),
        (number("a", -1, elem_id="a"), -1e30, 1.5),
        (number("a", -1, elem_id="a"), 4, float("inf")),
        (number("a", 1, elem_id="a", low=0, high=9, step=None), 0.5, 9.5),
        (Field(kind="colour", label="a", value="#ffffff", elem_id="a"), "#123456", None),
        (checkbox("a", elem_id="a"), True, 1),
        (textbox("a", elem_id="a"), "", None),
    ],
)
def test_a_field_says_what_it_takes(field, good, bad) -> None:
    assert field.wanted(good) == ""
    assert field.wanted(bad)


def test_no_name_of_a_file_ends_the_page_s_script() -> None:
    forms = {"quick": {"choices": ["a</script><!--<script>"]}}
    head = translated({"components": []}, Localization(), forms)["head"]
    assert head.count("<") == 2 and head.startswith("<script>")
