"""How dates and times are written is told from a column's values; no Spark."""

from __future__ import annotations

import pytest

from basketgraph.onboard.timestamps import epoch_form, timestamp_form


@pytest.mark.parametrize(
    ("values", "pattern", "ambiguous"),
    [
        (["2024-03-01", "2024-12-31"], "yyyy-MM-dd", False),
        (["2024-03-01 10:00:00", "2024-03-02 11:30:00"], "yyyy-MM-dd HH:mm:ss", False),
        (["2024-03-01T10:00:00.5", "2024-03-02T11:30:00.123456"], "yyyy-MM-dd'T'HH:mm:ss[.SSSSSSSSS]", False),
        (["12/1/2000", "1/13/2001"], "M/d/yyyy", False),
        (["12/1/2000", "13/1/2001"], "d/M/yyyy", False),
        (["12/01/2000", "01/02/2001"], "MM/dd/yyyy", True),
        (["12.01.2000", "01.02.2001"], "dd.MM.yyyy", True),
        (["01/02/24 3:05 PM", "11/22/24 12:00 AM"], "MM/dd/yy h:mm a", False),
        (["20240301", "20241231"], "yyyyMMdd", False),
        (["1 Mar 2024", "12 Dec 2024"], "d MMM yyyy", False),
        (["Jan-05-23", "Dec-31-23"], "MMM-d-yy", False),
        (["20230105081233", "20231231235959"], "yyyyMMddHHmmss", False),
        (["2024-03-01", "2024-03-02 10:00"] * 5, "yyyy-MM-dd", False),
        (["2024-03-01  10:00", "2024-12-31  11:30"], "yyyy-MM-dd  HH:mm", False),
        (["01.12.2000 10:00+0100", "13.12.2000 11:30+0100"], "dd.MM.yyyy H:mm[ ]XX", False),
        (["01.12.2000 10:00 GMT", "13.12.2000 11:30 GMT"], "dd.MM.yyyy H:mm[ ]z", False),
    ],
)
def test_dates_are_read_by_evidence_and_ambiguity_is_said(values: list[str], pattern: str, ambiguous: bool) -> None:
    form = timestamp_form(values)
    assert form is not None
    assert form.patterns[0] == pattern
    assert form.ambiguous == ambiguous


def test_digits_of_other_scripts_and_odd_blanks_are_no_dates_as_they_are() -> None:
    assert timestamp_form(["\u0662\u0660\u0662\u0664-\u0660\u0663-\u0660\u0661"]) is None
    assert timestamp_form(["3/2/2024, 12:40\u202fPM"]) is None
    assert epoch_form(["\u0661" * 10]) is None
    assert timestamp_form(["3/2/2024, 12:40 p. m.", "3/22/2024, 1:40 AM"]).sql("x") == (  # type: ignore[union-attr]
        "to_timestamp(regexp_replace(x, '(?i)([ap])[.] ?m[.]?', '$1m'), 'M/d/yyyy, h:mm a')"
    )


def test_the_day_is_taken_first_where_only_the_files_language_speaks_for_it() -> None:
    values = ["12/01/2000", "01/02/2001"]
    assert timestamp_form(values, continental=True).patterns == ("dd/MM/yyyy",)  # type: ignore[union-attr]
    assert timestamp_form(values, separator=";").patterns == ("dd/MM/yyyy",)  # type: ignore[union-attr]
    assert "AMBIGUOUS" in timestamp_form(values).because  # type: ignore[union-attr]


def test_stamps_with_an_offset_are_instants_and_others_are_not() -> None:
    zoned = timestamp_form(["2024-03-01T10:00:00+02:00", "2024-03-01T10:00:00Z"])
    assert zoned is not None
    assert (zoned.instant, zoned.sql("x")) == (True, "cast(x as timestamp)")
    assert timestamp_form(["2024-03-01T10:00:00"]).instant is False  # type: ignore[union-attr]
    assert timestamp_form(["4711", "12345678", "abc"]) is None
    assert timestamp_form(["20230105000123", "20230106000017"]) is None, "a day and a counter within it"
    assert timestamp_form(["20230105000000", "20230106000000"]) is not None


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        ("1433221332", "timestamp_seconds(cast(x as bigint))"),
        ("1433221332117", "timestamp_millis(cast(x as bigint))"),
        ("1433221332117000", "timestamp_micros(cast(x as bigint))"),
        ("1433221332117000000", "timestamp_micros(cast(x as bigint) div 1000)"),
    ],
)
def test_counts_since_1970_are_told_by_their_size(value: str, sql: str) -> None:
    assert epoch_form([value]).sql("x") == sql  # type: ignore[union-attr]
    assert epoch_form(["4710199010372"]) is None  # a barcode: the year 2119
