"""Which landing files are to be read again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from basketgraph.foundation.config import Settings, UserError, did_you_mean


class ReplaySettings(Settings):
    """conf/settings.yaml `replay`: which files are read again."""

    rejected: bool
    reason: str | None
    first_day: date | None
    last_day: date | None
    tables: tuple[str, ...]

    def check(self, known: Sequence[str]) -> None:
        """Raises UserError unless these settings choose something."""
        unknown = [table for table in self.tables if table not in known]
        faults = [f"replay.tables: want some of {', '.join(known)}, have {table}{did_you_mean(table, known)}" for table in unknown]
        if (self.first_day is None) != (self.last_day is None):
            faults.append(f"days: want both, have from {self.first_day} to {self.last_day}")
        elif self.first_day is not None and self.last_day is not None and self.first_day > self.last_day:
            faults.append(f"days: want from <= to, have from {self.first_day} to {self.last_day}")
        if self.rejected == (self.first_day is not None or self.last_day is not None):
            have = "both" if self.rejected else "neither"
            faults.append(f"replay: want either rejected rows or days, have {have}")
        if self.reason is not None and not self.rejected:
            faults.append(f"replay.reason: want it together with rejected rows, have {self.reason} alone")
        if faults:
            cure = "`basketgraph replay --rejected [--reason NAME]`, or `basketgraph replay --from DAY --to DAY`."
            raise UserError("replay: cannot be done", faults, cure)
