"""Texts that are shown hold no address and no long number, and none of them is lost for that."""

from __future__ import annotations

from basketgraph.masking import masked_pairs


def test_pairs_that_look_alike_when_masked_are_numbered() -> None:
    files = {"a/ann@example.org.csv": "gone", "a/bob@example.org.csv": "cannot be read: 4111 1111 1111 1111", "b.csv": "gone"}
    assert masked_pairs(files) == {"a/•••": "gone", "a/••• (2)": "cannot be read: •••", "b.csv": "gone"}
