"""What a killed run leaves behind costs the next one no more than Spark's own work, however many files and rows it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.clean.batch import Preparation
from basketgraph.clean.cleaning import Cleaning
from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.ledger import Counts, Ledger
from basketgraph.foundation.config import UserError
from basketgraph.foundation.tables.reader import Committed
from support.contract_rows import rows
from support.corner_shop import KEY, Shop, deliver, line, mapping
from support.replays import assert_counts_add_up
from support.typed_rows import NOW

EVENTS, REJECTED = "silver.events", "silver.rejected_rows"


def holding(frame: DataFrame) -> Any:
    """A release with no table but this one of rejected rows."""
    return SimpleNamespace(run_id="run", root="nowhere", exists=lambda table: table == REJECTED, read=lambda _: frame, spark=frame.sparkSession)


def rejected(number: int, path: str, *reasons: str, content: str = "hash") -> dict[str, Any]:
    return {"rejected_id": f"{number}", "table_name": EVENTS, "source_file": path, "file_hash": content, "reasons": list(reasons)}


def test_rows_that_a_killed_run_refused_of_many_files_are_told_apart_by_one_join(spark: SparkSession, tmp_path: Path) -> None:
    there = [rejected(1, "7.csv", "free"), rejected(2, "7.csv", "free", content="before"), rejected(3, "other.csv", "free")]
    release = holding(rows(spark, REJECTED, there))
    begun = [{"table_name": EVENTS, "source_file": f"{number}.csv", "file_hash": "hash"} for number in range(40)]
    begun.append({"table_name": "silver.items", "source_file": "other.csv", "file_hash": "hash"})
    cleaning = Shop(spark, tmp_path).cleaning()
    preparation = Preparation(release, cleaning._rules(EVENTS), cleaning.source, [], "batch", begun, NOW)
    found, counts = preparation._rejected(rows(spark, REJECTED, [rejected(number, "7.csv", "free") for number in (1, 2, 3, 4)]))
    assert found is not None
    assert sorted(row.rejected_id for row in found.collect()) == ["1", "4"]
    assert counts == {"7.csv": {"rows": 2, "reasons": {"free": 2}}}
    plan = found._jdf.queryExecution().analyzed().toString()  # type: ignore[attr-defined]
    assert plan.count("Filter ") < 5, "thousands of conditions on top of each other would be too deep for Spark"


def test_the_refused_rows_of_files_that_are_gone_are_counted_where_they_are_in_one_query(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [rejected(number, "a.csv", "free", *(["late"] if number < 3 else [])) for number in range(9)]
    others = [rejected(10, "a.csv", "free", content="other"), rejected(11, "b.csv", "free"), rejected(12, "c.csv", "late")]
    release = holding(rows(spark, REJECTED, [*there, *others]))
    taken: list[int] = []
    kind = type(release.read(REJECTED))
    collect = kind.collect

    def counting(self: DataFrame) -> list[Any]:
        found = collect(self)
        taken.append(len(found))
        return found

    monkeypatch.setattr(kind, "collect", counting)
    monkeypatch.setattr(kind, "count", lambda _: pytest.fail("a query beside the one"))
    gone = [{"table_name": EVENTS, "source_file": path, "file_hash": "hash"} for path in ("a.csv", "b.csv", "nothing.csv")]
    gone.append({"table_name": "silver.items", "source_file": "c.csv", "file_hash": "hash"})
    found = Ledger(release, KEY, NOW).rejected_there(gone)
    assert found == {
        (EVENTS, "a.csv", "hash"): Counts(read=9, rejected=9, by_reason={"free": 9, "late": 3}),
        (EVENTS, "b.csv", "hash"): Counts(read=1, rejected=1, by_reason={"free": 1}),
        (EVENTS, "nothing.csv", "hash"): Counts(),
        ("silver.items", "c.csv", "hash"): Counts(),
    }
    assert taken == [3], "one query, and as many rows come to the driver as there are kinds of refusal"
    assert Ledger(release, KEY, NOW).rejected_there([]) == {}
    assert len(taken) == 1


def test_a_file_that_was_booked_as_a_copy_is_not_said_to_be_gone_and_one_that_was_not_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Any = SimpleNamespace(run_id="run", root="nowhere", exists=lambda table: False)
    ledger = Ledger(nothing, KEY, NOW)
    begun = [{"table_name": EVENTS, "source_file": path, "file_hash": "hash", "batch_id": "b"} for path in ("copy.csv", "gone.csv", "unread.csv")]
    copy = {**begun[0], "status": "done", "batch_id": None, "rows_read": 3, "rows_accepted": 0, "rows_rejected": 0}
    ledger.begun, ledger.entries[EVENTS, "copy.csv", "hash"] = begun, copy
    written: list[Any] = []
    monkeypatch.setattr(ledger, "write", written.extend)
    monkeypatch.setattr(ledger.announcements, "clear", lambda: None)
    ledger.close({("unread.csv", "hash")})
    assert [(entry["source_file"], entry["status"], entry["problem"].split(":")[0]) for entry in written] == [
        ("gone.csv", "quarantined", "gone"),
        ("unread.csv", "quarantined", "not read"),  # taken for a copy of a file that proved unusable
    ]


def test_of_runs_that_were_killed_over_a_file_the_one_that_committed_it_counts_whatever_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Any = SimpleNamespace(
        run_id="run", root="nowhere", exists=lambda table: False, committed_batches=lambda table: {"manual__2": Committed(1, 1)}
    )
    ledger = Ledger(nothing, KEY, NOW)
    file = {
        "table_name": EVENTS,
        "source_file": "a.csv",
        "file_hash": "hash",
        "rows_read": 1,
        "rows_accepted": 1,
        "rows_rejected": 0,
        "rows_superseded": 0,
    }
    other = {**file, "source_file": "b.csv"}
    announced = [
        {**file, "batch_id": "manual__2"},
        {**file, "batch_id": "scheduled__1"},
        {**other, "batch_id": "scheduled__1"},
        {**other, "batch_id": "scheduled__3"},
    ]
    monkeypatch.setattr(ledger.announcements, "read", lambda: announced)
    monkeypatch.setattr(ledger, "write", lambda entries: ledger._remember([{**entry, "status": "done"} for entry in entries]))
    assert ledger.complete() == 1
    assert [(entry["source_file"], entry["batch_id"]) for entry in ledger.begun] == [("b.csv", "scheduled__3")]


@pytest.mark.parametrize(("rows_of_it", "believed"), [(4, True), (None, True), (3, False), (5, False)])
def test_a_commit_is_believed_where_it_added_as_many_rows_as_were_announced(
    monkeypatch: pytest.MonkeyPatch, rows_of_it: int | None, believed: bool
) -> None:
    commits = {"batch": Committed(7, rows_of_it), "of another run": Committed(6, 99)}
    release: Any = SimpleNamespace(
        run_id="run",
        root="nowhere",
        exists=lambda table: False,
        committed_batches=lambda table: commits,
        path=lambda table: "place",
        identifier=lambda table: "delta.`place`",
    )
    ledger = Ledger(release, KEY, NOW)
    file = {"table_name": EVENTS, "source_file": "a.csv", "file_hash": "hash", "batch_id": "batch", "status": "done", "rows_rejected": 0}
    announced = [{**file, "rows_accepted": 3, "rows_superseded": 1}, {**file, "source_file": "b.csv", "rows_accepted": 2, "rows_superseded": 0}]
    monkeypatch.setattr(ledger.announcements, "read", lambda: [{**entry, "rows_read": entry["rows_accepted"]} for entry in announced])
    monkeypatch.setattr(ledger, "write", ledger._remember)
    if believed:
        assert (ledger.complete(), ledger.begun) == (2, [])
        return
    with pytest.raises(
        UserError, match=f"(?s)version 7 of place: want 4 rows added, have {rows_of_it}.*RESTORE TABLE delta.`place` TO VERSION AS OF 6"
    ):
        ledger.complete()
    assert ledger.entries == {}


def test_of_a_copy_that_was_never_opened_nothing_is_kept_when_it_is_set_aside() -> None:
    nothing: Any = SimpleNamespace(run_id="run", root="nowhere", exists=lambda table: False)
    ledger, file = Ledger(nothing, KEY, NOW), LandingFile("copy.csv", "copy.csv", 1, NOW, "hash", problem="empty")
    ledger.entries[EVENTS, "copy.csv", "hash"] = ledger.entry(EVENTS, file, "done", Counts(read=3, duplicate=3))
    entry = ledger.set_aside(EVENTS, file)
    assert (entry["status"], entry["rows_read"], entry["rows_duplicate"]) == ("quarantined", 0, 0)
    ledger.entries[EVENTS, "copy.csv", "hash"] = {**entry, "rows_read": 2, "rows_rejected": 2}
    assert ledger.set_aside(EVENTS, file)["rows_rejected"] == 2


def test_what_was_left_behind_goes_with_its_content_unless_the_mapping_reads_names() -> None:
    nothing: Any = SimpleNamespace(run_id="run", root="nowhere", exists=lambda table: False)
    ledger = Ledger(nothing, KEY, NOW)
    gone, other, unlike = (LandingFile(path, path, 1, NOW, content) for path, content in (("1.csv", "hash"), ("0.csv", "hash"), ("2.csv", "else")))
    entry = {**ledger.entry(EVENTS, gone, "quarantined", Counts(read=1, rejected=1)), "batch_id": "killed"}
    ledger.entries[EVENTS, "1.csv", "hash"] = entry
    assert ledger.left_behind(EVENTS, [other]) == ledger.left_behind(EVENTS, [gone], named=True) == [entry]
    assert ledger.left_behind(EVENTS, [other], named=True) == ledger.left_behind(EVENTS, [unlike]) == ledger.left_behind("silver.items", [gone]) == []
    (taken,) = ledger.taken_over(EVENTS, [other, unlike], "batch", named=False)
    assert (taken["source_file"], taken["rows_read"], taken["rows_rejected"], taken["batch_id"]) == ("1.csv", 0, 0, "batch")
    assert ledger.taken_over(EVENTS, [other, gone], "batch", named=False) == []  # it is counted anew itself
    assert [ledger.has_rows_left(EVENTS, file) for file in (gone, other)] == [True, False]


def stopped(shop: Shop, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A run of cleaning that ends as a killed one does, before this method of it does anything."""

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Cleaning, where, killed)
        with pytest.raises(KeyboardInterrupt):
            shop.clean()


@pytest.mark.long
@pytest.mark.parametrize(("back", "killed_again"), [(("0.csv", "1.csv"), False), (("0.csv",), True)])
def test_whoever_delivers_what_was_left_behind_takes_its_refused_rows_over(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: tuple[str, ...], killed_again: bool
) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "none.csv")
    lines = [line(1), line(2, price="0.00"), line(3, pieces="0")]
    left = deliver(shop.landing, "1.csv", *lines)
    stopped(shop, monkeypatch, "_write_rows")
    left.unlink()
    shop.clean()
    assert_counts_add_up(shop)
    assert shop.counts()["rejected"] == 2
    del shop.given["tables"][EVENTS]["reject"]["free"]  # so that one of them is good when it comes back
    for path in back:
        deliver(shop.landing, path, *lines)
    if killed_again:
        stopped(shop, monkeypatch, "_write_rows")
        (shop.landing / back[0]).unlink()
        shop.clean()
        assert_counts_add_up(shop)
        deliver(shop.landing, "5.csv", *lines)
    shop.clean()
    assert_counts_add_up(shop)
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["1", "2"]
    assert [list(row["reasons"]) for row in shop.rows(REJECTED)] == [["quantity_not_positive"]]
    shop.clean()
    assert_counts_add_up(shop)


@pytest.mark.long
def test_a_file_whose_refused_rows_a_killed_run_left_is_read_though_its_content_is_there_by_another_name(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(spark, tmp_path, mapping(columns={"channel": "file_name"}))
    lines = [line(1), line(2, price="0.00"), line(3, pieces="0")]
    deliver(shop.landing, "0.csv", *lines)
    shop.clean()
    left = deliver(shop.landing, "1.csv", *lines)
    stopped(shop, monkeypatch, "_write_rows")
    left.unlink()
    shop.clean()
    shop.given = mapping()  # names say nothing any more: equal contents are copies
    deliver(shop.landing, "1.csv", *lines)
    shop.clean()
    assert_counts_add_up(shop)
    of_file = {row["source_file"]: row["rows_rejected"] for row in shop.rows("ops.files") if row["table_name"] == EVENTS}
    assert of_file == {"0.csv": 2, "1.csv": 2}


@pytest.mark.long
def test_refused_rows_of_a_killed_run_stay_a_files_own_while_it_is_set_aside(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping())
    deliver(shop.landing, "fine.csv", line(9))
    shop.clean()
    deliver(shop.landing, "a.csv", line(1), line(2, price="0"), line(3, price="0"))
    cleaning = shop.cleaning()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    cleaning._write_rows = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        cleaning.run()
    assert shop.table(REJECTED).count() == 2
    whole = shop.given["files"]["sales"]["columns"]
    for _ in range(2):  # nor does another run change that
        shop.given["files"]["sales"]["columns"] = {**whole, "lacking": "string"}
        deliver(shop.landing, "wide.csv", line(8) + ",x", minute=3, header="line,customer,product,pieces,price,at,title,lacking")
        assert [path for path, _ in shop.clean().quarantined] == ["a.csv"]
        entry = next(row for row in shop.rows("ops.files") if row["source_file"] == "a.csv")
        assert (entry["status"], entry["rows_read"], entry["rows_rejected"]) == ("quarantined", 2, 2)
        assert "lacking" in entry["problem"]
    shop.given["files"]["sales"]["columns"] = whole
    shop.clean()
    assert shop.counts() == {
        "read": 5,
        "accepted": 3,
        "rejected": 2,
        "duplicates": 0,
        "left_out": 0,
        "superseded": 0,
        "rejected_by_reason": {"free": 2},
    }
