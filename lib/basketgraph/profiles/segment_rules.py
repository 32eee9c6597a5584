"""The rules of conf/segments.yaml, read without Spark."""

from __future__ import annotations

from typing import Literal

from basketgraph.foundation.config import Settings, UserError, data_yaml, parsed

FILE = "conf/segments.yaml"


class SegmentRule(Settings):
    """A rule of conf/segments.yaml. otherwise: who is in the segment at a shop that lacks a column which the condition names."""

    description: str
    condition: str
    otherwise: Literal["nobody", "everybody"] | None = None


class SegmentRules(Settings):
    """conf/segments.yaml."""

    rules: dict[str, SegmentRule]


def read_rules() -> dict[str, SegmentRule]:
    """Name -> rule, in the file's order. Raises UserError for keys that nobody knows and for a name that is blank."""
    rules = parsed(SegmentRules, data_yaml(FILE), FILE).rules
    if any(not name.strip() for name in rules):
        raise UserError(f"{FILE} cannot be used", ["rules: want a name for each rule, have a blank one"])
    return rules
