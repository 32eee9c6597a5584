"""Files without a header get names for their fields from the user or a well-known layout, or are refused; no Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from basketgraph.clean.mapping import read_source
from basketgraph.foundation.config import UserError
from basketgraph.onboard.draft import Draft
from basketgraph.onboard.headerless import wanted_columns
from support import four_shops
from support.corner_shop import mapping as corner
from support.drafts import columns, drafted, lets, mapping, with_columns
from support.new_shops import lines_csv, sales


def names(found: Draft) -> list[str]:
    (files,) = mapping(found)["files"].values()
    assert files["options"]["header"] is False
    return list(files["columns"])


def test_a_log_of_behaviour_without_a_header_needs_no_hands_turn(tmp_path: Path) -> None:
    found = drafted(four_shops.acts(tmp_path))
    assert names(found) == ["user_id", "item_id", "category_id", "behavior", "timestamp"]
    assert "when event_word in ('buy') then 'purchase'" in lets(found)["happened"]
    assert columns(found, "silver.items")["category"] == "trim(`category_id`)"
    rows = [[s.user, f"P{s.item}", ("view", "purchase")[n % 2], s.at.isoformat()] for n, s in enumerate(sales())]
    four = drafted(lines_csv(tmp_path / "four" / "a.csv", rows[0], rows[1:]))
    assert names(four) == ["user_id", "item_id", "behavior", "timestamp"]
    rows = [[f"u{s.user}", f"P{s.item}", f"c{s.item % 3}", ("view", "purchase")[n % 2], 1_511_544_070 + n] for n, s in enumerate(sales())]
    assert len(names(drafted(lines_csv(tmp_path / "five" / "a.csv", rows[0], rows[1:])))) == 5


@pytest.mark.parametrize("sep", ["\t", "::", ","])
def test_ratings_without_a_header_are_known_by_their_layout(tmp_path: Path, sep: str) -> None:
    lines = [sep.join(map(str, (s.user, 100 + s.item, 1 + n % 5, 880_000_000 + 60 * n))) for n, s in enumerate(sales())]
    (tmp_path / "u.data").write_text("\n".join(lines), encoding="utf-8")
    found = drafted(tmp_path / "u.data")
    assert names(found) == ["user_id", "item_id", "rating", "timestamp"]
    assert columns(found, "silver.reviews")["rating"] == "cast(`rating` as double)"
    assert any(guess.text.endswith("else onboard again with `--columns user,item,quantity,time`") for guess in found.said("guess"))
    undated = lines_csv(tmp_path / "undated.csv", ["user_id", "item_id", "rating"], [[s.user, s.item, 1 + s.order % 5] for s in sales()])
    assert "event_time" not in columns(drafted(undated), "silver.reviews"), "reviews need no day"
    assert "silver.events" in mapping(with_columns(tmp_path / "u.data", "user", "item", "quantity", "time"))["tables"]


@pytest.mark.parametrize("row", ["{0.user},{0.item},{1},{0.at}", "{0.user},{0.item},{0.order},{1},{0.at}", "{0.at},{0.user},{0.item},{1}"])
def test_other_files_without_a_header_are_refused_with_the_flag_that_names_their_columns(tmp_path: Path, row: str) -> None:
    lines = [row.format(s, 17 + n % 20) for n, s in enumerate(sales())]
    place = tmp_path / "a.csv"
    place.write_text("\n".join(lines), encoding="utf-8")
    width = len(lines[0].split(","))
    with pytest.raises(UserError, match=f"--columns NAME1,.*NAME{width} "):
        drafted(place)
    given = ["customer", "sku", "shelf", "pieces", "date"] if width == 5 else ["customer", "sku", "pieces", "date"]
    found = with_columns(place, *given)
    assert names(found) == given
    with pytest.raises(UserError, match=f"want {width} names, one for each field"):
        with_columns(place, "customer", "sku")


def test_names_are_given_to_files_without_a_header_only(tmp_path: Path) -> None:
    place = lines_csv(
        tmp_path / "events.csv", ["u1", "sku1", "x", "2024-03-01"], [[f"u{s.user}", f"P{s.item:03}", "y", s.at.date()] for s in sales()]
    )
    lines_csv(tmp_path / "products.csv", ["product_id", "title", "price"], [[f"P{i:03}", f"Thing {i}", 5 + i] for i in range(12)])
    found = with_columns(tmp_path, "customer", "product", "shelf", "date")
    assert {name: files.get("options", {}).get("header") for name, files in mapping(found)["files"].items()} == {"events": False, "products": None}
    assert list(mapping(found)["files"]["products"]["columns"]) == ["product_id", "title", "price"]
    place.unlink()
    with pytest.raises(UserError, match="want a CSV file without a header line, have none"):
        with_columns(tmp_path, "customer", "product", "date")


@pytest.mark.parametrize("given", ["a,,b", "a,b,A", "a,file_name", "__a,b", ""])
def test_names_of_columns_are_checked(given: str) -> None:
    with pytest.raises(UserError, match="--columns"):
        wanted_columns(given)
    assert wanted_columns(" a, b c") == ("a", "b c")
    assert wanted_columns(None) == ()


def test_a_file_without_a_header_has_no_optional_columns() -> None:
    given = corner()
    given["files"]["sales"] |= {"options": {"header": False}, "optional": ["title"]}
    _, faults = read_source(given, "corner")
    assert [fault.partition(":")[0] for fault in faults] == ["files.sales.optional"]
