"""Only a known check is accepted, with a reason and the name of the person."""

from __future__ import annotations

import pytest

from basketgraph.foundation.config import UserError
from basketgraph.foundation.quality.overrides import acceptances

EVENTS, KEY, TYPE = "silver.events", "key_to_be_unique:event_id", "column_values_to_be_in_set:event_type"


@pytest.mark.parametrize(
    ("accept", "because", "said"),
    [
        ([f"{EVENTS}.{TYPE}"], [], "want a --because for each --accept, have 1 --accept and 0 --because"),
        ([f"{EVENTS}.{TYPE}"], [" "], "want a reason"),
        ([f"{EVENTS}.no_such_check"], ["why"], f"(?s)want TABLE.CHECK, have silver.events.no_such_check.*Known: .*{KEY}"),
        (["silver.nothing.at_all"], ["why"], "(?s)want TABLE.CHECK, have silver.nothing.at_all.*silver.items"),
        ([], ["why"], "have 0 --accept and 1 --because"),
    ],
)
def test_only_a_known_check_is_let_pass_and_only_with_a_reason(accept: list[str], because: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        acceptances(accept, because)


def test_who_lets_a_failure_pass_is_kept_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    got = acceptances([f"{EVENTS}.{TYPE}", f"{EVENTS}.{KEY}"], ["a trial", " twice "])
    assert got == {(EVENTS, TYPE): "a trial (accepted by ann)", (EVENTS, KEY): "twice (accepted by ann)"}
