"""Draft silver.exposures: what was shown to whom, at which place, and whether it was clicked."""

from __future__ import annotations

from collections.abc import Sequence

from basketgraph.onboard.draft_tables import Lets, Table, count_equal_rows, flag_sql, label_sql, set_id, set_who
from basketgraph.onboard.events import moment_of_sale
from basketgraph.onboard.roles import Reading

LABELS = {
    "campaign": "campaign_id",
    "placement": "placement",
    "policy": "policy",
    "list_row": "list_row_id",
    "channel": "channel",
    "device": "device",
}  # role -> column


def exposures_table(reading: Reading, lets: Lets) -> Table | None:
    """Draft silver.exposures where the files say what was shown and whether it was clicked, or with which propensity."""
    when = moment_of_sale(reading, lets) if reading.table == "exposures" else None
    if when is None:
        return None
    roles = reading.roles
    table = Table("silver.exposures")
    if "line" in roles:
        table.columns["exposure_id"] = label_sql(roles["line"])
        table.guess("exposure_id", f"{roles['line'].name} is the number of the exposure", reading.because["line"])
    else:
        count_equal_rows(reading, table, "exposures")
    table.columns |= {"event_time": when.instant, "event_date": when.day}
    set_id(reading, table, "item")
    set_who(reading, table)
    if "position" in roles:
        position, from_zero = roles["position"], min(roles["position"].numbers) == 0
        table.columns["position"] = f"cast({position.number_sql} as int){' + 1' if from_zero else ''}"
        because = "its least value is 0, and places are counted from 1" if from_zero else reading.because["position"]
        table.guess("position", f"{position.name} is the place in the list", because)
    if "propensity" in roles:
        table.columns["propensity"] = f"cast({roles['propensity'].number_sql} as double)"
        table.guess("propensity", f"{roles['propensity'].name} is the probability of being shown", reading.because["propensity"])
    if "clicked" in roles:
        table.columns["clicked"] = flag_sql(roles["clicked"])
        table.guess("clicked", f"{roles['clicked'].name} says whether it was clicked", reading.because["clicked"])
    for role, column in LABELS.items():
        if role in roles:
            table.columns[column] = label_sql(roles[role])
            table.guess(column, f"{roles[role].name} is the {role}", reading.because[role])
    return table


def set_policy_of_folders(table: Table, names: Sequence[str]) -> None:
    """Let the folder say which policy chose the items, where the logs lie in several and no column says it.

    names: of the files, from the landing folder on.
    """
    folders = {name.split("/")[0] if "/" in name else None for name in names}
    if "policy" not in table.columns and None not in folders and len(folders) > 1:
        table.columns["policy"] = "substring_index(file_name, '/', 1)"
        table.guess("policy", "the folder is the policy that chose the items", f"the files lie in {len(folders)} folders")
