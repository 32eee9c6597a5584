"""Files that no mapping can read are refused with the cure, and a mapping that is there is left alone; no Spark."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from basketgraph.foundation.config import UserError
from basketgraph.onboard.draft import want_free, write
from support import four_shops, new_shops
from support.drafts import columns, drafted, with_columns
from support.new_shops import lines_csv, sales


def bytes_of(content: bytes) -> Callable[[Path], object]:
    return lambda place: place.write_bytes(content)


def rows_of(header: Sequence[str], *rows: Sequence[Any]) -> Callable[[Path], object]:
    return lambda place: lines_csv(place, header, rows)


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a.csv", bytes_of(b""), "want rows, have an empty file"),
        ("a.csv", bytes_of(b"1,2024-01-01,c1\n2,2024-01-02,c2\n"), "want a header in the first line, have values there"),
        ("a.csv", bytes_of(b"Report\n\nof March\norder,date,user\n" + b"1,2024-01-01,2\n" * 9), r"tail -n \+4 "),
        ("a.csv", rows_of(["id", "date", "ID"], [1, "2024-01-01", 2]), "want each column name once, have ID, id more than once"),
        ("a.csv", bytes_of(b"id\n1\n2\n"), "want rows of several columns"),
        ("a.txt", bytes_of(b" id   date\n 1   20240101\n 2   20240102\n"), "fields are set apart by blanks"),
        ("a.csv", bytes_of(b"PK\x03\x04 xlsx"), "a spreadsheet or an archive"),
        ("a.xlsx", bytes_of(b"PK\x03\x04"), "save it as CSV"),
        ("a.csv.gz", bytes_of(b"hello"), "want a file packed as its name says"),
        ("a.csv", bytes_of(gzip.compress(b"a,b\n1,2\n")), "want a packed file to end in .gz"),
        ("a.json", bytes_of(b'{"meta": 1, "orders": [{"id": 1}, {"id": 2}]}'), r"jq -c 'del\(\.\[\"orders\"\]\) \+ \.\[\"orders\"\]\[\]'"),
        ("a.parquet", bytes_of(b"PAR1xxxxPAR1"), "not readable as Parquet"),
        ("a.zip", bytes_of(b"PK\x03\x04"), "unpack it: unzip "),
        ("a.csv.bz2", bytes_of(b"BZh"), "unpack it: bunzip2 "),
        ("a.csv", rows_of(["frequency", "recency"], [1, 2.5], [2, 3.5]), "want files that say who bought what and when"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_cure(tmp_path: Path, name: str, make: Callable[[Path], object], words: str) -> None:
    make(tmp_path / name)
    with pytest.raises(UserError, match=words) as caught:
        drafted(tmp_path / name)
    assert len(str(caught.value).splitlines()) > 1, "a cure comes with it"


def test_orders_and_their_lines_in_two_files_are_refused_with_the_join(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a mapping cannot join") as caught:
        drafted(new_shops.orders_and_lines(tmp_path))
    assert "left_on='order_id', right_on='order_id'" in str(caught.value)


def test_files_of_one_kind_in_two_encodings_are_refused(tmp_path: Path) -> None:
    rows = [[s.order, s.at.date(), s.user, s.item, s.title] for s in sales()]
    for name, codec in (("a1.csv", "utf-8"), ("a2.csv", "cp1252")):
        lines_csv(tmp_path / name, ["order", "date", "user", "item", "title"], rows, encoding=codec)
    with pytest.raises(UserError, match=r"files of one kind are in different encodings"):
        drafted(tmp_path)


def test_a_mapping_that_is_there_is_left_alone_unless_forced(tmp_path: Path) -> None:
    found, place = drafted(new_shops.plain(tmp_path / "a.csv")), tmp_path / "conf" / "sources" / "newshop.yaml"
    write(found, place, force=False)
    place.write_text("mine")
    with pytest.raises(UserError, match=r"a mapping is there already"):
        write(found, place, force=False)
    assert place.read_text() == "mine"
    want_free(tmp_path / "other.yaml", force=False)
    write(found, place, force=True)
    assert place.read_text(encoding="utf-8") == found.text
    assert [p.name for p in place.parent.iterdir()] == ["newshop.yaml"]


def test_a_line_with_other_ids_than_a_users_is_joined_to_its_order_all_the_same(tmp_path: Path) -> None:
    heads = [[s.order, f"c{s.user}", s.at.isoformat()] for s in sales()]
    lines_csv(tmp_path / "orders.csv", ["order_id", "customer_id", "order_purchase_timestamp"], heads)
    rows = [[s.order, 1 + place % 4, s.item, s.at.isoformat(), s.price] for place, s in enumerate(sales())]
    lines_csv(tmp_path / "items.csv", ["order_id", "order_item_id", "product_id", "shipping_limit_date", "price"], rows)
    with pytest.raises(UserError, match=r"a mapping cannot join"):
        drafted(tmp_path)


@pytest.mark.parametrize("header", ["seller_id", "warehouse_id", "order_item_id", "xyz_id"])
def test_ids_that_are_not_called_a_users_are_nobodys(tmp_path: Path, header: str) -> None:
    rows = [[s.order, s.at.date(), 40 + s.user, s.item] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["receipt", "date", header, "sku"], rows))
    assert columns(found)["user_id"] == "cast(null as string)"
    assert any(remark.text.startswith("which column says who bought?") for remark in found.said("todo"))


@pytest.mark.parametrize("day", ["d_{}", "Week {:02d} of 2024"])
def test_one_column_a_day_is_refused_with_the_unpivot(tmp_path: Path, day: str) -> None:
    rows = [[f"P{item}", "CA", *[(item + number) % 4 for number in range(31)]] for item in range(30)]
    lines_csv(tmp_path / "a.csv", ["item_id", "store_id", *[day.format(number + 1) for number in range(31)]], rows)
    with pytest.raises(UserError, match=r"want a row for each sale") as caught:
        drafted(tmp_path)
    assert "melt(id_vars=['item_id', 'store_id']" in str(caught.value)


def test_how_many_bought_is_not_who(tmp_path: Path) -> None:
    rows = [[store, f"2024-01-{day:02d}", 500 * store + day, 100 * store + day] for store in range(1, 9) for day in range(1, 29)]
    lines_csv(tmp_path / "a.csv", ["Store", "Date", "Sales", "Customers"], rows)
    with pytest.raises(UserError, match=r"Customers says how many bought, not who: these are totals"):
        drafted(tmp_path)


NO_DAY = ["order_id", "customer_id", "product_id", "quantity"]


@pytest.mark.parametrize(
    ("header", "missing", "renamed"),
    [
        (["order_id", "product_id", "quantity", "price"], "price; missing: who bought (user), when (time)", False),
        (["order_id", "product_id", "quantity", "reordered"], "reordered; missing: who bought (user), when (time)", False),
        (["order_id", "product_id", "x1", "on"], "on; missing: who bought (user), when (time)", True),
    ],
)
def test_order_lines_without_users_and_days_are_told_what_is_missing(tmp_path: Path, header: list[str], missing: str, renamed: bool) -> None:
    on = [f"of the {s.at:%d} in {s.at:%m}" if renamed else s.price for s in sales()]
    lines_csv(
        tmp_path / "a.csv", header, [[s.order, s.item, f"K{s.user}" if renamed else s.pieces, told] for s, told in zip(sales(), on, strict=True)]
    )
    with pytest.raises(UserError) as caught:
        drafted(tmp_path)
    assert missing in str(caught.value)
    assert ("Rename the columns" in str(caught.value), "Export the lines" in str(caught.value)) == (renamed, not renamed)


@pytest.mark.parametrize("name", ["a.csv", "till 7/sales.csv"])
def test_order_lines_without_a_day_are_refused(tmp_path: Path, name: str) -> None:
    lines_csv(tmp_path / name, NO_DAY, [[s.order, s.user, s.item, s.pieces] for s in sales()])
    lines_csv(tmp_path / "products.csv", ["product_id", "title"], [[item, f"Thing {item}"] for item in range(12)])
    with pytest.raises(UserError, match=r"missing: when it was bought \(time\)\nExport them with the order's date .*, by order_id"):
        drafted(tmp_path)


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("a.csv", "day", "{0:%j}"),
        ("a.csv", "week_no", "{0:%V}"),
        ("a.csv", "x3", "the {0:%d} of {0:%m}"),
        ("sales-2024-03-02.csv", "shelf", "7"),
        ("dt=2024-03-02/a.csv", "shelf", "7"),
    ],
)
def test_what_may_be_the_day_is_asked_about(tmp_path: Path, name: str, header: str, value: str) -> None:
    lines_csv(tmp_path / name, [*NO_DAY, header], [[s.order, s.user, s.item, s.pieces, value.format(s.at)] for s in sales()])
    assert "event_time" in columns(drafted(tmp_path))


TEXT = "order;date;customer;sku;price\n" + "".join(f"{s.order};{s.at:%Y-%m-%d};C{s.user};P{s.item};{s.price}\n" for s in sales())
ROWS = TEXT.splitlines()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "\n".join([ROWS[0], *(f"{row};" for row in ROWS[1:])]).encode(), "of which the last is empty: `;` stands behind each row"),
        ("a.csv", "\r\n".join([ROWS[0].replace("sku", "Stück"), *(f"{row};" for row in ROWS[1:]), ""]).encode("cp1252"), "the last is empty"),
        ("a.tsv", "\n".join([ROWS[0], *(f"{row};" for row in ROWS[1:])]).replace(";", "\t").encode(), "a tab stands behind each row"),
        ("a.csv", "\n".join([ROWS[0], *(f"{number};{row}" for number, row in enumerate(ROWS[1:]))]).encode(), "the first is the row's own name"),
        ("a.csv", f"sep=;\n{TEXT}".encode(), "the first line is 'sep=;', which only Excel understands"),
        ("a.txt", f'"sep=;"\n{TEXT}'.encode("utf-8-sig"), "the first line is '\"sep=;\"'"),
        ("a.csv", f"sep=;\n{TEXT.replace('.', ',')}".encode(), "the first line is 'sep=;'"),  # a comma in each row, too
        ("a.csv", f"SEP=\t\n{TEXT.replace(';', chr(9))}".encode("utf-16"), "the first line is"),
        ("a.csv", f"Sales of March\nby till\n{TEXT}".encode(), "the first 2 lines have another number of fields"),
        ("a.csv.gz", gzip.compress(f"Sales of March\n{TEXT}".encode()), "the first 1 lines have another number of fields"),
    ],
)
def test_the_cure_of_a_header_keeps_it_and_all_rows(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        drafted(tmp_path / name)
    assert words in str(caught.value)
    subprocess.run(str(caught.value).splitlines()[-1].partition(": ")[2], shell=True, check=True)
    (cured,) = [place for place in tmp_path.iterdir() if place.name != name]
    found = drafted(cured)
    assert found.plan.files[0].reading.sample.rows == len(sales())
    assert [columns(found)[f"{role}_id"] for role in ("order", "user")] == ["trim(`order`)", "trim(`customer`)"]


def test_a_header_that_lacks_names_is_said_to_and_not_to_be_taken_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n".join([ROWS[0], *(f"{row};1;2" for row in ROWS[1:])]))
    with pytest.raises(UserError, match=r"line 1 has 5 names, the rows below it have 7 fields") as caught:
        drafted(tmp_path / "a.csv")
    assert "tail" not in str(caught.value)


ORDER = {"id": 7, "created_at": "2024-03-01T10:00:00Z", "customer": {"id": 5}, "lines": [{"id": 1, "sku": "P1", "quantity": 2}] * 2}


@pytest.mark.parametrize("indent", [None, 1])
def test_an_object_that_is_an_order_is_read(tmp_path: Path, indent: int | None) -> None:
    for number in range(12):
        (tmp_path / f"order-{number}.json").write_text(json.dumps({**ORDER, "id": number}, indent=indent))
    found = drafted(tmp_path)
    assert columns(found)["event_id"] == "concat_ws('-', trim(`id`), line.place)"
    assert found.plan.files[0].reading.sample.rows == 24
    assert found.plan.files[0].reading.sample.options == ({"multiLine": True} if indent else {})


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize(
    "around",
    [
        {"currency": "SEK", "made at": "2024-03-02", "the orders": [{**ORDER, "id": number} for number in range(12)]},
        {"currency": "SEK", "errors": [{"a": 1}, {"a": 2}], "orders": [{**ORDER, "id": number} for number in range(12)]},
        {
            "currency": "SEK",
            "date": "2024-03-02",
            "sales": [{"receipt": number, "customer no": 9, "ean": 4, "date": "2024-03-02"} for number in range(24)],
        },
    ],
)
def test_what_stands_around_a_list_of_records_is_kept(tmp_path: Path, around: dict[str, Any]) -> None:
    (tmp_path / "a.json").write_text(json.dumps(around))
    with pytest.raises(UserError, match=r"have one object whose") as caught:
        drafted(tmp_path / "a.json")
    subprocess.run(str(caught.value).splitlines()[-1].partition(": ")[2], shell=True, check=True)
    found = drafted(tmp_path / "a.clean.json")
    assert found.plan.files[0].reading.sample.rows == 24
    assert found.plan.currency == "SEK"


def test_columns_set_apart_by_blanks_are_refused_with_a_command_that_works(tmp_path: Path) -> None:
    place = four_shops.spaced_purchases(tmp_path)
    with pytest.raises(UserError, match="fields are set apart by blanks") as caught:
        drafted(place)
    command = next(line for line in str(caught.value).splitlines() if "awk" in line).partition(": ")[2]
    subprocess.run(command, shell=True, check=True)
    assert "--columns NAME1,NAME2,NAME3,NAME4" in str(caught.value)
    found = with_columns(tmp_path / "CDNOW_master.clean.csv", "customer_id", "date", "quantity", "amount")
    assert found.plan.files[0].reading.sample.rows == len(place.read_text().splitlines())
    assert columns(found)["quantity"] == "pieces"
    assert columns(found)["amount_minor"] == "round(paid * 100)"


def test_orders_without_a_day_are_refused_and_a_join_of_them_alone_does_not_help(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"user_id \(user\); missing: when it was bought \(time\)") as caught:
        drafted(four_shops.order_lines(tmp_path / "joined"))
    assert "join the file of orders that has it, by order_id" in str(caught.value)
    lines_csv(tmp_path / "two" / "orders.csv", ["order_id", "user_id", "order_dow"], [[s.order, s.user, s.order % 7] for s in sales()])
    lines_csv(tmp_path / "two" / "lines.csv", ["order_id", "product_id"], [[s.order, s.item] for s in sales()])
    with pytest.raises(UserError, match="neither has the day of an order"):
        drafted(tmp_path / "two")


def test_parquet_that_spark_cannot_unpack_is_refused(tmp_path: Path) -> None:
    place = new_shops.parquet(tmp_path / "sales.parquet")
    pq.write_table(pq.read_table(place), place, compression="brotli")
    with pytest.raises(UserError, match="want Parquet packed with snappy, gzip or zstd, have brotli"):
        drafted(place)
