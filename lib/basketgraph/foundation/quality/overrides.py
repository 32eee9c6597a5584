"""Accepting failures: which checks a person accepts for the day of a run, and why."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence

from basketgraph.foundation.config import UserError, did_you_mean
from basketgraph.foundation.quality.suites import suites

Accepted = Mapping[tuple[str, str], str]  # (table, check) -> why, and who says so


def acceptances(accept: Sequence[str], because: Sequence[str]) -> dict[tuple[str, str], str]:
    """`--accept TABLE.CHECK --because REASON` pairs, in the order they were given.

    errors: UserError, with every fault at once, for a check that no suite has and for an acceptance without a reason.
    """
    if not accept and not because:
        return {}
    faults = []
    if len(accept) != len(because):
        faults.append(f"want a --because for each --accept, have {len(accept)} --accept and {len(because)} --because")
    faults += [f"--because: want a reason, have {reason!r}" for reason in because if not reason.strip()]
    known = {f"{table}.{check}": (table, check) for table, terms in suites().items() for check in terms.expectations}
    unknown = [name for name in accept if name not in known]
    faults += [f"--accept: want TABLE.CHECK, have {name}{did_you_mean(name, known)}" for name in unknown]
    if faults:
        tables = [name for name in sorted({".".join(given.split(".")[:2]) for given in unknown}) if name in suites()] or sorted(suites())
        shown = [name for name, (table, _) in known.items() if table in tables]
        raise UserError("--accept: cannot be used", faults, f"Known: {', '.join(shown)}." if unknown else "Say why each failure may pass.")
    person = getpass.getuser()
    return {known[name]: f"{reason.strip()} (accepted by {person})" for name, reason in zip(accept, because, strict=True)}
