"""All settings: one frozen record, one table of its rows, one file. Their keys are A1111's."""

from modules.settings.option import Option as Option
from modules.settings.store import SettingsStore as SettingsStore
from modules.settings.table import OPTIONS as OPTIONS
from modules.settings.table import TABLE as TABLE
from modules.settings.table import Settings as Settings
