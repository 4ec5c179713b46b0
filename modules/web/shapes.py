"""The base of all bodies and answers, and how they are built. Knows none of them."""

from __future__ import annotations

import warnings

from pydantic import BaseModel, ConfigDict
from pydantic.warnings import UnsupportedFieldAttributeWarning


class Shape(BaseModel):
    """A model whose validator is built when it is first needed, and so those of the routes that
    take or give it: together a tenth of the whole start, one alone a thousandth of a second.
    """

    model_config = ConfigDict(defer_build=True)


def silence() -> None:
    """FastAPI gives every body an alias, and silences what pydantic says of it while it builds a
    route. Here it would be said at the first request.
    """
    warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)
