"""Segments on the page: size, value and movement, in words."""

from __future__ import annotations

from dataclasses import replace

from support.report_data import FACTS, SEGMENTS, made


def test_the_page_tells_size_value_and_movement_of_each_segment() -> None:
    page = made(replace(FACTS, segments=SEGMENTS))
    for text in (
        "Segments of customers",
        "As of 3 January 2026. Joined and left: since 27 December 2025. Learned segments group",
        "New customers",
        "Order often, spend &lt;much&gt;",
        '<td role="cell" class="number" data-label="spent in 90 days">90,000 EUR</td>',
        '<td role="cell" class="number" data-label="joined">7</td>',
        '<td role="cell" class="number" data-label="left">new</td>',
        "Students: the shop does not have occupation, so the segment holds nobody.",
    ):
        assert text in page, text
    first = made(replace(FACTS, segments={**SEGMENTS, "compared_with": None}))
    assert "There is no earlier day to compare with yet." in first
    assert 'data-label="joined"' not in first
    assert "Segments of customers" not in made(FACTS)
