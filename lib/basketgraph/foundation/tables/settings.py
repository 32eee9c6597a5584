"""The settings of the tables."""

from __future__ import annotations

from pydantic import NonNegativeInt, PositiveInt

from basketgraph.foundation.config import Settings


class MaintainSettings(Settings):
    """conf/settings.yaml `maintain`."""

    keep_releases: PositiveInt  # the live one is among them
    keep_days: NonNegativeInt
    report_days: PositiveInt
