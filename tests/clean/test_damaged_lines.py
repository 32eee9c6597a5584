"""A line that Spark's readers would read in part costs that line: it is refused with its number, and the others of its file go on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.lines import LINE, MOST_LINES, URI, numbered_lines, with_damage
from basketgraph.clean.mapping import FileSet
from basketgraph.clean.raw_rows import CORRUPT, _group_rows, _line_rows, prepare_session
from basketgraph.clean.transform import with_line_numbers
from basketgraph.foundation.config import data_yaml
from support.corner_shop import HEADER, Shop, deliver, line, put
from support.fuzzed_files import fuzzed_csv
from support.replays import assert_as_fresh, replay

EVENTS, REJECTED = "silver.events", "silver.rejected_rows"
GOOD = [line(number) for number in range(100, 300)]
TORN = line(1, title='"Tea')  # the last field is opened, and closed by nobody
LINES = {  # number in the file -> the line
    10: TORN,
    30: TORN,  # again
    50: line(2, title='"Tea'),  # as a program writes a text of three lines, the second of which looks like a row
    51: line(3),
    52: 'for two"',
    70: line(4, title='"Tea'),  # and a stray quote, though a later line ends with one: that is a row, so the others are
    72: line(5, title='Tea"'),
    74: line(6, title='"Tea'),  # and what is closed too far down
    74 + MOST_LINES + 1: 'for two"',
    190: line(7, customer='"u1'),  # cut short elsewhere: too few fields
    191: line(8, product="p\0"),
}


def damaged_file() -> list[str]:
    """Lines of a file, without its header, which is line 1."""
    lines = [*GOOD]
    for number, text in LINES.items():
        lines[number - 2] = text
    return lines


@pytest.mark.slow
def test_damaged_lines_are_refused_with_their_number_and_the_others_go_on(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", *damaged_file())
    totals = [line(400 + n) for n in range(40)] + ["Total;123"]
    totals[5] = line(20, title='"Tea')
    deliver(shop.landing, "b.csv", *totals, minute=1)
    headers = [f"\ufeff{HEADER.replace(',', ' , ')}", f'\ufeff"line"{HEADER.removeprefix("line")}']
    deliver(shop.landing, "c.csv", line(500), *headers, "Total;124", minute=2)
    outcome = shop.clean()
    assert outcome.quarantined == ()
    refused = {(row.source_file, row.line_number): list(row.reasons) for row in shop.table(REJECTED).collect()}
    torn = [("a.csv", number) for number in sorted({*LINES} - {72})]  # equal lines too, each where it stands
    torn += [("b.csv", 7), ("b.csv", 42), ("c.csv", 3), ("c.csv", 4), ("c.csv", 5)]
    assert refused == {place: ["unparsable"] for place in torn}
    good = [100 + n for n in range(len(GOOD)) if n + 2 not in LINES] + [5, 500]
    good += [400 + n for n in range(40) if n != 5]
    assert sorted(int(row["event_id"]) for row in shop.rows(EVENTS)) == sorted(good)
    counts = shop.counts()
    assert (counts["read"], counts["accepted"], counts["rejected"], counts["duplicates"]) == (245, len(good), len(torn), 0)
    assert counts["rejected_by_reason"] == {"unparsable": len(torn)}
    assert_numbering_does_not_grow_with_files(shop)


def assert_numbering_does_not_grow_with_files(shop: Shop) -> None:
    """Many torn files are numbered by the jobs that one takes, and numbers, which may be of millions of lines, need not fit into the driver."""
    cleaning, rejected = shop.cleaning(), shop.table(REJECTED)
    rules, context = cleaning.rules[EVENTS], shop.spark.sparkContext
    landed = [replace(file, header=tuple(rules.files.columns)) for file in cleaning.landing.list(["*.csv"])]
    jobs: dict[int, int] = {}
    shop.spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
    try:
        for some in (landed[:1], landed):
            context.setJobGroup(f"numbering {len(some)} files", "")
            plan = with_line_numbers(rejected, rules, cleaning.source, some)._jdf.queryExecution().toString()  # type: ignore[operator]
            jobs[len(some)] = len(context.statusTracker().getJobIdsForGroup(f"numbering {len(some)} files"))
            assert "SortMergeJoin" in plan, "a hint to broadcast stands above any threshold"
    finally:
        context.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]
        shop.spark.conf.unset("spark.sql.autoBroadcastJoinThreshold")
    assert jobs[3] == jobs[1] > 0


@pytest.mark.long
def test_damaged_lines_come_in_once_the_mapping_says_what_a_quote_is(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", *damaged_file())
    shop.clean()
    before = shop.release().versions([EVENTS, REJECTED])
    shop.clean()
    replay(shop, rejected=True)
    assert shop.release().versions([EVENTS, REJECTED]) == before
    shop.given["files"]["sales"]["options"] = {"quote": ""}
    replay(shop, rejected=True)
    assert_as_fresh(shop, tmp_path)
    lines = {number for (number,) in shop.table(REJECTED).select("line_number").collect()}
    assert lines == {52, 191}
    assert {"1", "2", "3", "4", "6", "7"} <= {row["event_id"] for row in shop.rows(EVENTS)}


def assert_same_rows(wanted: DataFrame, found: DataFrame) -> None:
    """The same rows, however often each, whatever their order."""
    columns = wanted.columns
    want, have = (Counter(map(str, frame.select(*columns).collect())) for frame in (wanted, found))
    assert want == have
    assert want.total() > 10


@pytest.mark.slow
def test_lines_that_are_read_one_by_one_give_the_rows_that_sparks_readers_give(spark: SparkSession, tmp_path: Path) -> None:
    prepare_session(spark)
    given = data_yaml("conf/sources/online_retail.yaml")
    sales = FileSet.model_validate(given["files"]["sales"])
    content = fuzzed_csv(random.Random(3), 300, list(sales.columns))
    shop = Shop(spark, tmp_path)
    put(shop.landing, "a.csv", content)
    odd = FileSet.model_validate({**given["files"]["sales"], "options": {"encoding": "windows-1252", "sep": ";", "comment": "#", "quote": "'"}})
    text = "line;customer;product\r\n1;caf\xe9;'a;b'\r\n\r\n#2;x;y\r\n3;'it''s';\r\n4;5\r\n" + "6;u;p\r\n" * 9
    put(shop.landing, "odd.csv", text.encode("cp1252"))
    odd = odd.model_copy(update={"columns": dict.fromkeys(("line", "customer", "product"), "string")})
    kinds = {"line": "string", "n": "bigint", "of": "struct<a: string, b: int>", "l": "array<string>"}
    nested = FileSet.model_validate({"pattern": "*.json", "format": "json", "columns": kinds})
    values = ['{"line": "1", "n": 2}', '{"line": "2"', "", "  ", '[{"line": "3"}, {"line": "4", "of": {"a": "x", "b": 1}}]', "[]", '{"n": "x"}']
    values += ["null", '"x"', "7", '{"of": 1}', '{"l": ["a", 1]}', "\0", '[{"line": "5"}, {"line":', "[1, 2]", '{"n": 1.5}', '{"line": "6\\u0000"}']
    put(shop.landing, "a.json", "\n".join(values).encode())
    listed = {file.path: replace(file, file_hash="hash") for file in shop.cleaning().landing.list(["*"])}
    headers = {"a.csv": (sales, tuple(sales.columns)), "odd.csv": (odd, ("line", "customer", "product")), "a.json": (nested, ())}
    for path, (files, header) in headers.items():
        file = replace(listed[path], header=header)
        assert_same_rows(_group_rows(spark, files, [(0, file)]), _line_rows(spark, files, [(0, file)]))
    other = fuzzed_csv(random.Random(4), 100, list(sales.columns))
    put(shop.landing, "other.csv", other)
    assert_numbers(spark, sales, shop.cleaning().landing.list(["a.csv", "other.csv"]), [content, other])
    lines = ['{"line": "1"}', "", '{"line": "2"} {"line": "3"}', *['{"line": "4"}'] * 18]
    put(shop.landing, "b.json", "\n".join(lines).encode())
    (file,) = shop.cleaning().landing.list(["b.json"])
    rows = _line_rows(spark, nested, [(0, with_damage(spark, nested, file, 0.05))])
    assert [(row[LINE], row[CORRUPT]) for row in rows.where(f"{CORRUPT} is not null").collect()] == [(3, '{"line": "2"} {"line": "3"}')]
    assert with_damage(spark, nested, file, 0.049).problem == (
        "1 of 20 lines of which a part would be lost (more than clean.damaged_share, 0.049): line 3; want one JSON value a line"
    )


@pytest.mark.slow
def test_a_file_is_set_aside_where_its_damaged_lines_pass_a_share_and_the_first_three_are_named(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    files = shop.cleaning().source.files["sales"]
    deliver(shop.landing, "a.csv", *[line(n, title='"Tea' if n % 20 == 1 else "Tea") for n in range(80)])
    (file,) = (replace(file, header=tuple(files.columns)) for file in shop.cleaning().landing.list(["a.csv"]))
    fits, many = (with_damage(spark, files, file, share) for share in (0.05, 0.049))
    assert (fits.damaged, fits.problem) == ((3, 23, 43, 63), None)
    assert many.problem == (
        "4 of 80 lines of which a part would be lost (more than clean.damaged_share, 0.049): lines 3, 23, 43, ...; "
        "see options: multiLine, quote and escape"
    )


def assert_numbers(spark: SparkSession, files: FileSet, landed: Sequence[LandingFile], contents: Sequence[bytes]) -> None:
    """A line's number is its place in its file, also where Spark reads it in many parts, and several files in one."""
    small = {"spark.sql.files.maxPartitionBytes": "3000", "spark.sql.files.openCostInBytes": "0"}
    for name, value in small.items():
        spark.conf.set(name, value)
    try:
        numbered = numbered_lines(spark, files, [file.uri for file in landed])
        assert numbered.rdd.getNumPartitions() > 3
        found = {(row[URI].split("/")[-1], row[LINE]): row.value for row in numbered.collect()}
    finally:
        for name in small:
            spark.conf.unset(name)
    wanted = {}
    for file, content in zip(landed, contents, strict=True):
        text = content.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
        wanted |= {(file.path, number): value for number, value in enumerate(text, 1) if any(letter > " " for letter in value)}
    assert found == wanted
