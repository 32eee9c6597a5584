"""Lines of the corner shop that cleaning rejects, one for each reason."""

from __future__ import annotations

from support.corner_shop import line

DIRTY = [
    line(1),
    line(1),  # an exact duplicate
    line(2, pieces="0"),
    line(3, pieces="0", price="0.00"),  # two reasons
    line(4, pieces="two"),
    line(5, customer=""),
    line(6, at="2026-13-01 10:00"),
    "7,u1,p1",  # too few fields
    line(8, product='"p,8"', title='"said ""so"""'),
]
