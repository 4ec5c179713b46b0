"""The form's fields on a page of their own: every kind by mouse, by keys and by scripts."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page

from tests.browser.form_record import ADDRESS, SAMPLERS, STYLE_NAMES, serve
from tests.browser.test_page_access import RULES, SMALL

pytestmark = pytest.mark.browser


class Form:
    """The bare page; `problems` collects what its scripts and its console complain of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self.problems.append(message.text))
        serve(page)

    def open(self, query: str = "") -> "Form":
        self.problems.clear()
        self.page.goto(f"{ADDRESS}{query}")
        return self

    def do(self, code: str, argument: Any = None) -> Any:
        return self.page.evaluate(f"(argument) => {{ return {code} }}", argument)

    def value(self, name: str, tab: str = "txt2img") -> Any:
        return self.do("EaselForm.value(...argument)", [tab, name])

    def told(self) -> list[tuple[str, Any, bool]]:
        """Changes since the last call: name, value, whether a person made it."""
        return [
            (each["name"], each["value"], each["byPerson"]) for each in self.do("told.splice(0)")
        ]

    def at(self, elem_id: str, selector: str = "") -> Locator:
        return self.page.locator(f"#{elem_id} {selector}")

    def box(self, elem_id: str) -> Locator:
        return self.page.locator(f"#{elem_id} input").first

    def options(self) -> list[str]:
        return self.page.get_by_role("option").all_inner_texts()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


@pytest.fixture(scope="module")
def bare(browser: Browser) -> Iterator[Form]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    yield Form(context.new_page())
    context.close()


@pytest.fixture
def form(bare: Form) -> Iterator[Form]:
    bare.page.mouse.move(0, 0)
    yield bare.open()
    assert bare.problems == []


def test_what_is_typed_ticked_and_dragged_is_the_forms_value_and_told_once(form: Form):
    assert form.value("steps") == 20 and form.do("EaselForm.values('others').mode") == "Just resize"
    form.at("txt2img_steps", "input[type=number]").fill("33")
    assert form.at("txt2img_steps", "input[type=range]").input_value() == "33"
    form.at("txt2img_steps", "input[type=range]").focus()
    form.press("ArrowRight")
    assert form.at("txt2img_steps", "input[type=number]").input_value() == "34"
    form.box("txt2img_subseed_show").check()
    form.page.get_by_label("Resize and fill").check()
    form.page.get_by_role("button", name="PNG info").click()
    form.page.get_by_label("Steps", exact=True).check()
    form.page.get_by_label("Folder").fill("a\nb")
    form.page.get_by_label("Folder").press("Enter")
    assert form.told() == [
        ("steps", 33, True),
        ("steps", 34, True),
        ("seed_enable_extras", True, True),
        ("mode", "Resize and fill", True),
        ("props", ["Seed", "Steps"], True),
        ("folder", "a b", True),
    ]
    form.at("txt2img_seed", "input").fill("")
    form.at("txt2img_steps", "input[type=number]").fill("")
    assert (form.value("seed"), form.value("steps")) == (-1, None)


def test_a_reset_shows_on_a_changed_slider_alone_and_puts_the_fresh_value_back(form: Form):
    reset = form.page.get_by_role("button", name="Reset Sampling steps")
    assert reset.count() == 0
    form.at("txt2img_steps", "input[type=number]").fill("7")
    form.press("Tab")
    assert form.do("document.activeElement.ariaLabel") == "Reset Sampling steps"
    form.press("Enter")
    assert form.value("steps") == 20 and reset.count() == 0
    assert form.do("document.activeElement.type") == "number"


def test_a_number_is_let_alone_while_typed_and_put_right_when_left(form: Form):
    number = form.at("txt2img_batch_size", "input[type=number]")
    number.fill("70")
    assert form.value("batch_size") == 70 and number.input_value() == "70"
    form.press("Tab")
    assert form.value("batch_size") == 8
    assert "it is 8 now" in form.at("txt2img_batch_size", ".ez-complaint").inner_text()
    number.fill("9.5")
    assert form.at("txt2img_batch_size", ".ez-complaint").count() == 0


def test_a_field_leads_back_to_its_default_and_a_frozen_one_stays(form: Form):
    def value(name: str) -> Any:
        return form.value(name, "others")

    ways = [form.at(name, ".ef-return") for name in ("ground", "rho")]
    assert not any(way.is_visible() for way in ways)
    form.box("ground").fill("#102030")
    form.box("rho").fill("7.5")
    assert (value("ground"), value("rho")) == ("#102030", 7.5)
    assert form.at("ground", "span").inner_text() == "#102030"
    form.box("rho").fill("101")
    form.press("Tab")
    assert (value("rho"), form.at("rho", ".ez-complaint").count()) == (100, 1)
    for way in ways:
        way.click()
        assert not way.is_visible()
    assert (value("ground"), value("rho"), form.box("ground").input_value()) == (
        "#ffffff",
        0,
        "#ffffff",
    )
    assert form.at("rho", ".ez-complaint").count() == 0
    assert form.box("fixed").is_disabled()
    form.at("fixed", "label").first.click(force=True)
    assert value("fixed") == []


def test_texts_and_numbers_set_by_other_scripts_reach_the_form(form: Form):
    write = """((selector, value) => {
        const element = document.querySelector(selector);
        element.value = value;
        element.dispatchEvent(new Event("input", { bubbles: true }));
    })(...argument)"""
    form.do(write, ["#txt2img_prompt textarea", "a cat"])
    form.do(write, ["#txt2img_width input", "640"])
    form.do(write, ["#txt2img_sampling input", "Euler"])
    assert [form.value(name) for name in ("prompt", "width", "sampler_name")] == [
        "a cat",
        640,
        "Euler",
    ]
    assert form.at("txt2img_width", "input[type=range]").input_value() == "640"
    form.at("txt2img_prompt", "textarea").focus()
    form.do("document.execCommand('insertText', false, 'black ')")
    assert "black" in form.value("prompt")


def test_the_servers_answer_changes_fields_within_what_they_offer(form: Form):
    form.do(
        "EaselForm.take(JSON.stringify(argument))",
        {
            "n": 1,
            "txt2img": {
                "steps": {"value": 900},
                "sampler_name": {"value": "None such"},
                "scheduler": {"value": "Karras", "label": "Noise"},
                "refiner": {"choices": ["three"], "value": "three", "hint": "as it was"},
                "hr_prompt": {"value": "sharp", "visible": True},
                "overrides": {
                    "value": ["Clip skip: 2"],
                    "choices": ["Clip skip: 2"],
                    "visible": True,
                },
                "width": {"low": 8, "high": 256},
                "no such": {"value": 1},
            },
        },
    )
    assert form.value("steps") == 150
    assert form.value("sampler_name") == SAMPLERS[0]
    assert form.value("scheduler") == "Karras" and form.page.get_by_label("Noise").count() == 1
    assert form.box("txt2img_checkpoint").input_value() == "three"
    form.box("txt2img_hr-checkbox").check()
    form.box("txt2img_enable-checkbox").check()
    assert form.at("txt2img_checkpoint", ".ef-hint").inner_text() == "as it was"
    assert form.at("hires_prompt", "textarea").input_value() == "sharp"
    assert form.at("txt2img_overrides", ".ef-chip").inner_text() == "Clip skip: 2"
    assert form.value("width") == 256
    assert [name for name, _, by_person in form.told() if by_person] == [
        "enable_hr",
        "enable_refiner",
    ]
    form.do("EaselForm.set('txt2img', 'steps', 3)")
    form.do("EaselForm.take(JSON.stringify({n: 1, txt2img: {steps: {value: 9}}}))")
    assert form.value("steps") == 3, "an answer counts once"
    told = form.do("JSON.parse(EaselForm.told('txt2img', 'others'))")
    assert told["txt2img"]["steps"] == 3 and told["others"]["mode"] == "Just resize"


def test_a_drop_down_is_chosen_from_by_mouse(form: Form):
    box = form.box("txt2img_sampling")
    box.click()
    assert form.options() == list(SAMPLERS) and box.get_attribute("aria-expanded") == "true"
    chosen = form.page.locator('[role=option][aria-selected="true"]')
    assert chosen.inner_text() == SAMPLERS[0]
    form.page.get_by_role("option", name="Euler", exact=True).click()
    assert box.input_value() == form.value("sampler_name") == "Euler"
    assert form.options() == [] and box.get_attribute("aria-expanded") == "false"
    assert form.told() == [("sampler_name", "Euler", True)]
    form.at("txt2img_sampling", ".ef-arrow").click()
    assert form.options()
    form.at("txt2img_sampling", ".ef-arrow").click()
    assert form.options() == []


def test_a_drop_down_is_chosen_from_by_keys(form: Form):
    box = form.box("txt2img_sampling")
    box.focus()
    assert form.options() == []
    form.press("ArrowDown", "ArrowDown", "Enter")
    assert form.value("sampler_name") == SAMPLERS[1]
    form.press("ArrowDown", "End")
    marked = "document.getElementById(argument).textContent"
    assert form.do(marked, box.get_attribute("aria-activedescendant")) == SAMPLERS[-1]
    form.press("Home", "PageDown", "ArrowUp", "Enter")
    assert form.value("sampler_name") == SAMPLERS[9]
    form.press("ArrowDown", "ArrowDown", "Escape")
    assert form.value("sampler_name") == SAMPLERS[9] and form.options() == []
    form.press("ArrowDown", "ArrowDown", "Tab")
    assert form.value("sampler_name") == SAMPLERS[9] and form.options() == []


def test_typing_filters_by_all_words_and_an_unknown_text_is_put_back(form: Form):
    box = form.box("txt2img_sampling")
    box.click()
    box.press_sequentially("sde 2m")
    assert form.options() == ["DPM++ 2M SDE"]
    form.press("Enter")
    assert form.value("sampler_name") == box.input_value() == "DPM++ 2M SDE"
    box.fill("euler")
    assert form.options() == ["Euler a", "Euler"]
    form.press("Tab")
    assert form.value("sampler_name") == box.input_value() == "Euler", "it is the name of one"
    box.fill("nothing of the kind")
    assert form.options() == []
    form.press("Tab")
    assert form.value("sampler_name") == box.input_value() == "Euler"
    complaint = "nothing of the kind is not in the list; it is Euler as before"
    assert form.at("txt2img_sampling", ".ez-complaint").inner_text() == complaint
    box.fill("heun")
    told = form.do("JSON.parse(EaselForm.told('txt2img')).txt2img.sampler_name")
    assert told == "Heun", "what is typed counts before the box is left"


def test_a_free_drop_down_takes_what_is_typed_and_chips_can_be_removed(form: Form):
    name = form.box("name")
    name.fill("My own")
    form.press("Tab")
    assert form.value("name", "others") == "My own"
    name.fill("film noir")
    form.press("Enter")
    assert form.value("name", "others") == "Film noir"
    styles = form.box("txt2img_styles")
    styles.click()
    for chosen in STYLE_NAMES[:3]:
        form.page.get_by_role("option", name=chosen, exact=True).click()
    form.page.get_by_role("option", name="Cinematic", exact=True).click()
    assert form.value("styles") == ["Line drawing", "Watercolour"]
    styles.fill("Sepia")
    form.press("Enter", "Escape", "Escape")
    assert form.value("styles") == ["Line drawing", "Watercolour", "Sepia"]
    form.page.get_by_role("button", name="Remove Watercolour").click()
    form.press("Backspace")
    assert form.value("styles") == ["Line drawing"]
    assert form.at("txt2img_styles", ".ef-chip").all_inner_texts() == ["Line drawing"]


def test_a_list_of_ten_thousand_draws_a_part_and_finds_all(form: Form):
    box = form.box("many")
    box.click()
    options = form.page.get_by_role("option")
    assert options.count() <= 300
    chosen = form.page.locator('[role=option][aria-selected="true"]')
    assert chosen.is_visible() and chosen.get_attribute("aria-posinset") == "5001"
    place, edge = form.at("ef-list").bounding_box(), box.bounding_box()
    assert place and edge and place["y"] >= 0 and place["y"] + place["height"] <= 800
    form.press("End")
    last = form.page.get_by_role("option", name="model 09999")
    last.wait_for()
    assert last.is_visible() and options.count() <= 300
    form.at("ef-list").evaluate("list => { list.scrollTop = 0 }")
    form.page.get_by_role("option", name="model 00000").click()
    assert form.value("many", "others").startswith("model 00000")
    box.fill("7123 shelf")
    assert form.options() == ["model 07123 of a large shelf.safetensors"]


def test_sections_tabs_and_folds_open_by_mouse_and_keys_and_keep_their_values(form: Form):
    upscaler = form.box("txt2img_hr_upscaler")
    assert not upscaler.is_visible() and form.value("hr_upscaler") == "Latent"
    form.page.get_by_label("Hires. fix").check()
    assert upscaler.is_visible() and not form.box("hr_checkpoint").is_visible()
    assert not form.at("refresh_hr_checkpoint").is_visible()
    assert not form.at("txt2img_hires_fix_row4").is_visible()
    form.do("EaselForm.update('txt2img', {hr_checkpoint_name: {visible: true}})")
    assert form.at("refresh_hr_checkpoint").is_visible()
    form.box("txt2img_subseed_show").check()
    assert form.at("txt2img_subseed").is_visible()
    form.at("to-button").focus()
    form.press("ArrowRight")
    assert form.do("document.activeElement.id") == "by-button"
    assert form.at("scale").is_visible() and not form.at("side").is_visible()
    form.at("to-button").click()
    assert form.at("side").is_visible() and not form.at("scale").is_visible()
    assert not form.at("hidden_tab-button").is_visible()
    fold = form.page.get_by_role("button", name="PNG info")
    assert not form.at("folder").is_visible() and form.value("props", "others") == ["Seed"]
    fold.press("Enter")
    assert form.at("folder").is_visible() and fold.get_attribute("aria-expanded") == "true"


def test_buttons_do_their_action_or_reach_the_server_and_places_are_filled(form: Form):
    form.do("""EaselForm.action("swap", ({ tab, button }) => {
        const [width, height] = ["width", "height"].map((side) => EaselForm.value(tab, side));
        EaselForm.set(tab, "width", height);
        EaselForm.set(tab, "height", width);
    })""")
    form.at("txt2img_width", "input[type=number]").fill("768")
    form.at("txt2img_res_switch_btn").click()
    assert (form.value("width"), form.value("height")) == (512, 768)
    form.page.get_by_role("button", name="Read parameters").click()
    assert form.do("events") == [["read", {}]]
    form.do("EaselForm.mounter('pictures', (place) => place.append(place.isConnected))")
    assert form.at("pictures").inner_text() == "true"
    assert form.do("EaselForm.find('txt2img_width')") == {"tab": "txt2img", "name": "width"}
    assert form.do("EaselForm.element('txt2img', 'width').id") == "txt2img_width"
    form.at("nobodys").click()
    assert form.problems == ["nothing is declared for the button's action away"]
    form.problems.clear()


def test_a_pane_that_is_drawn_anew_moves_with_what_was_typed(form: Form):
    form.at("txt2img_prompt", "textarea").fill("a cat")
    form.do("""(() => {
        const other = document.createElement("div");
        document.querySelector(".form").append(other);
        EaselForm.draw("txt2img", "prompts", other);
    })()""")
    assert form.at("prompts").inner_text() == ""
    assert form.at("txt2img_prompt", "textarea").input_value() == "a cat"
    form.at("txt2img_prompt", "textarea").fill("a dog")
    assert form.value("prompt") == "a dog"


@pytest.mark.parametrize("query", ["", "?dark=1"])
def test_axe_finds_nothing_with_all_open(form: Form, query: str):
    form.open(query)
    for name in ("Hires. fix", "Refiner", "Extra"):
        form.page.get_by_label(name).check()
    form.page.get_by_role("button", name="PNG info").click()
    form.do("EaselForm.set('txt2img', 'styles', ['Cinematic'])")
    form.do("EaselForm.set('txt2img', 'steps', 3)")
    form.box("txt2img_sampling").click()
    found = Axe().run(form.page, options=RULES).response["violations"]
    faults = [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]
    assert faults == []


def test_on_a_phone_nothing_is_too_wide_or_too_low_for_a_finger(form: Form):
    form.page.set_viewport_size({"width": 390, "height": 844})
    form.open()
    for name in ("Hires. fix", "Refiner", "Extra"):
        form.page.get_by_label(name).check()
    form.do("EaselForm.set('txt2img', 'styles', ['Cinematic', 'Watercolour'])")
    form.box("many").click()
    assert form.do("document.documentElement.scrollWidth") <= 390
    assert form.page.evaluate(SMALL) == []
    row = form.page.get_by_role("option").first.bounding_box()
    assert row and row["height"] >= 40
    form.page.set_viewport_size({"width": 1280, "height": 800})
