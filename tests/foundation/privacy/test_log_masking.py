"""What is hidden of a text that may hold personal values, and what stays readable."""

from __future__ import annotations

import time

import pytest

from basketgraph.foundation.privacy.log_masking import HIDDEN, masked, masked_pairs, without_addresses


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("orders_2026-03-01_4111111111111111.csv", f"orders_{HIDDEN}.csv"),
        ("orders-20260301-12345678901.csv", f"orders-{HIDDEN}.csv"),
        ("2026-03-01 4111111111111111", HIDDEN),
        ("2026-03-01 1234567", HIDDEN),  # seven digits are no time
        ("2026-03-01-170.1234567", HIDDEN),
        ("2026-03-01 240000", HIDDEN),  # nor is an hour that no day has
        ("01/03/2026 4111111111111111", HIDDEN),
        ("0170.1234567", HIDDEN),
        ("4111.111111111111", HIDDEN),
        ("123456.1234567", HIDDEN),  # thirteen digits
        ("tel:02.12345678", f"tel:{HIDDEN}"),
    ],
)
def test_a_long_number_is_hidden_also_behind_a_day_or_a_point(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ndcg@20's recall@5, precision@100.", "ndcg@20's recall@5, precision@100."),
        ("ann@20.example.org ann@20-mail ann@192.168.0.1 ann@4711 ann@host", " ".join([HIDDEN] * 5)),
        ("ann%4020.example", HIDDEN),
    ],
)
def test_an_address_is_hidden_and_a_metric_with_its_cutoff_is_none(text: str, shown: str) -> None:
    assert without_addresses(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "20260301T101112", "20260301-101112", "orders_20260301_1011.csv", "2026-03-01T10:11:05.123456Z", "2026-03-01 23:59:59", "2026-03-01 10.15.30",
        "2026-03-01_101112.123456", "01/03/2026 9:15", "01.03.26 101112", "31/12/2026 0815", "0.123456789012", "123456.123456", "170.1234567",
    ],
)  # fmt: skip
def test_days_with_their_time_and_decimals_stay_readable(text: str) -> None:
    assert masked(text) == text


def test_masking_takes_time_in_proportion_to_the_text() -> None:
    started = time.monotonic()
    for text in ("1" * 200_000, "2026-03-01 " * 20_000, "1." * 100_000, "10:11:05." * 20_000):
        masked(text)
    assert time.monotonic() - started < 5


def test_pairs_that_look_alike_when_masked_are_numbered() -> None:
    files = {"a/ann@example.org.csv": "gone", "a/bob@example.org.csv": "cannot be read: 4111 1111 1111 1111", "b.csv": "gone"}
    assert masked_pairs(files) == {"a/•••": "gone", "a/••• (2)": "cannot be read: •••", "b.csv": "gone"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("quarantined january/ann.lee@example.org.csv: empty", "quarantined january/•••: empty"),
        ("ann@localhost and ann%40example.org", "••• and •••"),
        ("12345678 rows read into abfss://shop@account.dfs.core.windows.net/silver", None),
        ("run 20261124T181611-734521 is live", None),
    ],
)
def test_log_lines_lose_addresses_but_not_counts_runs_or_places(text: str, kept: str | None) -> None:
    assert without_addresses(text) == (kept or text)
