"""What the newest run of a step counted, where what it wrote is what readers see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from basketgraph.foundation.runs.job import RunLog


def live_metrics(runs: RunLog | None, release: Mapping[str, Any] | None, *, step: str, table: str, name: str) -> dict[str, Any] | None:
    """`metrics.<name>` of the step's detail; None where the version of the table that it wrote is not live, or the run log is not known."""
    logged = runs.last.get(step) if runs else None
    version = (logged or {}).get("outputs", {}).get(table)
    if logged is None or release is None or version is None or release["versions"].get(table) != version:
        return None
    found: dict[str, Any] | None = json.loads(logged["detail"] or "{}").get("metrics", {}).get(name)
    return found
