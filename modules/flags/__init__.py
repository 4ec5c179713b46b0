"""Command line and environment: the only place that reads either. Standard library only."""

from modules.flags.paths import Paths as Paths
from modules.flags.paths import paths_of as paths_of
from modules.flags.record import Flags as Flags
from modules.flags.record import check_exposure as check_exposure
from modules.flags.record import exposure as exposure
from modules.flags.record import help_text as help_text
from modules.flags.record import notices as notices
from modules.flags.record import parse as parse
