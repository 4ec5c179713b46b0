"""What a job was asked for comes back into the form as it stood there."""

from modules.page import asked, form
from modules.settings import Settings
from tests.unit.page.test_form import EXTRAS, HIRES, IMAGE, IMG2IMG, VALUES


def back(values: dict, start: form.Start | None = None) -> dict:
    return asked.from_request(form.to_request(values, start=start), Settings())


def test_a_form_made_a_request_is_the_same_form_again():
    values = VALUES | EXTRAS | HIRES | {"styles": ["Ink"], "override_settings": ["Clip skip: 2"]}
    values |= {"enable_refiner": True, "refiner_checkpoint": "late", "refiner_switch_at": 0.6}
    assert back(values) == values


def test_the_mask_and_the_strength_of_img2img_come_back_too():
    start = form.Start(image=IMAGE, mask=IMAGE)
    found = back(VALUES | IMG2IMG, start)
    assert IMG2IMG.items() <= found.items()
    assert not found["enable_hr"] and not found["seed_enable_extras"]
