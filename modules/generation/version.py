"""The program's version, and how it stands in the infotext of its pictures."""

from __future__ import annotations

VERSION = "0.1.0"

# Programs that read infotext turn old behaviour on for versions of A1111 before 1.6 and 1.8, so the
# text begins as the version whose numbers these pictures have.
VERSION_VALUE = f"v1.10.1-easel-{VERSION}"
