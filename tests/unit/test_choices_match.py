"""The names on offer are those that can be computed: two tables, one light and one heavy, are
equal.
"""

from modules.diffusion.samplers.table import SAMPLERS as FUNCTIONS
from modules.diffusion.schedules import SCHEDULES as SCHEDULE_FUNCTIONS
from modules.generation.choices import AUTOMATIC, SAMPLERS, SCHEDULES


def test_every_built_sampler_has_its_function_in_the_menus_order():
    assert [row.label for row in SAMPLERS if row.built] == list(FUNCTIONS)


def test_every_built_schedule_has_its_function_in_the_menus_order():
    built = [row.label for row in SCHEDULES if row.built and row.label != AUTOMATIC]
    assert built == list(SCHEDULE_FUNCTIONS)


def test_both_tables_say_the_same_of_a_sampler():
    for row in SAMPLERS:
        if not row.built:
            continue
        entry = FUNCTIONS[row.label]
        assert entry.default_schedule == row.automatic_schedule, row.label
        assert entry.second_order == row.second_order, row.label
        assert entry.uses_ensd == row.uses_ensd, row.label
        assert (entry.noise == "brownian") == row.brownian_noise, row.label
        assert entry.discard_next_to_last_sigma == row.discard_next_to_last_sigma, row.label
