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
    checks = {f"{table}.{check}": (table, check) for table, suite in suites().items() for check in suite.expectations}
    unknown = [name for name in accept if name not in checks]
    faults += [f"--accept: want TABLE.CHECK, have {name}{did_you_mean(name, checks)}" for name in unknown]
    if faults:
        of_tables = [name for name in checks if any(name.startswith(".".join([*other.split(".")[:2], ""])) for other in unknown)]
        known = f"Known: {', '.join(of_tables or checks)}."
        raise UserError("--accept: cannot be used", faults, known if unknown else "Say why each failure may pass.")
    return {checks[name]: f"{reason.strip()} (accepted by {getpass.getuser()})" for name, reason in zip(accept, because, strict=True)}
