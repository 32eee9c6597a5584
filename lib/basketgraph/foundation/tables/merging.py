"""The conditions of a MERGE as SQL, over `t`, the table, and `s`, the rows that come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from basketgraph.foundation.contracts import Contract

TAKEN_OUT = "__taken_out"  # marks the keys among the rows that come whose rows leave the table


def differs(terms: Contract, *, replace: bool, also: Sequence[str] = ()) -> str | None:
    """The SQL condition under which a matched row is updated; None for always. also: lineage columns that are compared, too."""
    if replace:
        return None
    other = " OR ".join(f"NOT (t.`{c}` <=> s.`{c}`)" for c in (*terms.compared_columns, *also))
    return f"({other}) AND s.source_time >= t.source_time" if "source_time" in terms.lineage_columns else other


def among(column: str, values: Collection[Any]) -> str:
    """The SQL condition that a row of the table has one of `values` (days or texts) in `column`; false where there is none."""
    if not values:
        return "FALSE"
    literals = ", ".join(sorted(f"DATE'{v.isoformat()}'" if isinstance(v, date) else "'" + str(v).replace("'", "\\'") + "'" for v in values))
    return f"t.`{column}` IN ({literals})"
