"""A mapping is refused before a row is read, with every fault at once."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.mapping import read_source
from basketgraph.clean.sql_checks import checked_source
from basketgraph.foundation.config import UserError, data_yaml
from support.corner_shop import ITEMS, mapping


def faults(spark: SparkSession, given: dict[str, Any]) -> list[str]:
    with pytest.raises(UserError) as caught:
        checked_source(spark, given, "conf/sources/corner.yaml")
    return list(caught.value.faults)


@pytest.mark.parametrize("shop", ["complete_journey", "online_retail"])
def test_the_mappings_that_ship_have_no_faults(spark: SparkSession, shop: str) -> None:
    checked = checked_source(spark, data_yaml(f"conf/sources/{shop}.yaml"), shop)
    assert checked.source.shop == shop
    assert "silver.events" in checked.references


def test_all_faults_of_form_names_and_sql_are_told_at_once(spark: SparkSession) -> None:
    given = mapping(
        columns={"quantity": "cast(pieces as", "item_id": "produkt", "order_id": "no_such_function(line)", "colour": "'red'"},
        reject={"Not a name": "true", "not_a_condition": "pieces"},
        nullable=["weight"],
    )
    del given["tables"]["silver.events"]["columns"]["amount_minor"]
    given["time_zone"] = "Europe/Londn"
    given["currency"] = "pounds"
    given["colour"] = "red"
    given["files"]["sales"]["colums"] = {}
    given["files"]["sales"]["personal"] = ["customer", "e_mail"]
    given["files"]["sales"]["let"]["twice"] = "2 * pices"
    given["tables"]["silver.item"] = given["tables"]["silver.events"]
    found = "\n".join(faults(spark, given))
    for place in (
        "colour: want no such key",
        "files.sales.colums: want no such key",
        "time_zone: want",
        "currency: want an ISO 4217 code, have pounds",
        "files.sales.personal: want names below files.sales.columns, have e_mail",
        "tables.silver.item: want one of",
        "tables.silver.events.columns.colour: want one of",
        "tables.silver.events.columns.amount_minor: want an expression",
        "tables.silver.events.nullable: want names below",
        "tables.silver.events.reject.Not a name: want a name",
        "files.sales.let.twice: want declared raw columns",
    ):
        assert place in found, f"{place} is not in\n{found}"


def test_the_sql_of_every_table_is_judged_even_where_names_are_wrong_too(spark: SparkSession) -> None:
    given = mapping(
        columns={"quantity": "cast(pieces as", "item_id": "produkt", "order_id": "no_such_function(line)", "event_time": "array(moment)"},
        reject={"not_a_condition": "pieces"},
        items=ITEMS | {"where": "titel is not null"},
    )
    given["colour"] = "red"
    found = "\n".join(faults(spark, given))
    for place in (
        "colour: want no such key",
        "tables.silver.events.columns.quantity: not Spark SQL",
        "tables.silver.events.columns.item_id: want declared raw columns",
        "have produkt",
        "tables.silver.events.columns.order_id:",
        "no_such_function",
        "tables.silver.events.columns.event_time:",
        "tables.silver.events.reject.not_a_condition: want a condition, have string",
        "tables.silver.items.where: want declared raw columns",
        "have titel",
    ):
        assert place in found, f"{place} is not in\n{found}"


def test_faults_of_the_keys_for_changed_days_and_cancellations_are_told(spark: SparkSession) -> None:
    wrong = {"match": ["item_id", "item_id", "amount_minor", "store_id"], "quantity": "exact", "refers_to": "order_id"}
    given = mapping(
        day_may_change=True, cancellations=wrong, items=ITEMS | {"day_may_change": True, "cancellations": {**wrong, "match": ["user_id"]}}
    )
    del given["tables"]["silver.events"]["columns"]["event_id"]
    found = "\n".join(faults(spark, given))
    for place in (
        "tables.silver.events.day_may_change: want event_id below",
        "tables.silver.events.cancellations.match: want user_id among",
        "tables.silver.events.cancellations.match: want each column once",
        "tables.silver.events.cancellations.match: want mapped columns of user_id, item_id, store_id, channel, currency, have amount_minor",
        "have store_id",
        "tables.silver.events.cancellations.refers_to: want an expression for refers_to below columns",
        "tables.silver.items.day_may_change: want a table that is laid out by a day",
        "tables.silver.items.cancellations: want it below tables.silver.events",
    ):
        assert place in found, f"{place} is not in\n{found}"
    unused = mapping(columns={"refers_to": "title"}, cancellations={"match": ["user_id"], "quantity": "part", "within_days": 0})
    assert faults(spark, unused) == [
        "tables.silver.events.cancellations.refers_to: want order_id or event_id: the one that columns.refers_to gives, have nothing"
    ]
    form = mapping(cancellations={"match": [], "quantity": "some", "within_days": -1})
    assert len([fault for fault in faults(spark, form) if ".cancellations." in fault]) == 3


def test_a_missing_key_is_told_by_its_place() -> None:
    given = mapping()
    del given["files"]["sales"]["pattern"]
    source, found = read_source(given, "corner")
    assert source is None
    assert any(fault.startswith("files.sales.pattern: Field required") for fault in found)


def test_csv_columns_are_strings_and_casts_belong_into_expressions() -> None:
    given = mapping()
    given["files"]["sales"]["columns"]["pieces"] = "int"
    _, found = read_source(given, "corner")
    assert found == ["files.sales.columns.pieces: want string (CSV has no types; cast in the expression), have int"]


def test_a_column_is_known_to_come_from_its_raw_columns_through_let(spark: SparkSession) -> None:
    references = checked_source(spark, mapping(), "corner").references["silver.events"]
    assert references["event_time"] == {"at"}
    assert references["amount_minor"] == {"price", "pieces"}
    assert references["event_type"] == frozenset()


def test_only_a_derivable_key_may_be_left_out(spark: SparkSession) -> None:
    given = mapping(items=ITEMS)
    del given["tables"]["silver.events"]["columns"]["event_id"]
    checked_source(spark, given, "corner")
    del given["tables"]["silver.items"]["columns"]["item_id"]
    given["tables"]["silver.items"] = {**given["tables"]["silver.items"]}
    assert any("silver.items.columns.item_id: want an expression" in fault for fault in faults(spark, given))
