"""The rows of one person that a shopping guide is made of, read from the live release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError
from basketgraph.foundation.item_names import product_name
from basketgraph.foundation.point_in_time import known_before
from basketgraph.foundation.tables.warehouse import LISTS, LiveRelease
from basketgraph.offers.contacts import ALLOCATION
from basketgraph.offers.guide import PersonRows, last_purchase
from basketgraph.offers.guide_settings import GuideSettings

NEIGHBOURS = 20  # of each item of the last purchase


def person_rows(live: LiveRelease, users: Sequence[str], settings: GuideSettings) -> PersonRows:
    """What the live release has of one person.

    users:  the ids that the person may have in the tables: of the first that has a list, the rows are read.
    errors: UserError where no list of theirs is live.
    """
    as_of = live.row["as_of"] if live.row is not None and LISTS in live.row["versions"] else None
    lists = live.read(LISTS).where((F.col("as_of") == F.lit(as_of)) & F.col("user_id").isin(*users)) if as_of else None
    listed = [] if lists is None else _collected(lists.select("user_id", "setting", "rank", "item_id", "reason"))
    user = next((user for user in users if any(row["user_id"] == user for row in listed)), None)
    if as_of is None or user is None:
        fault = f"USER: want a customer of {live.root} with a published list, have another"
        raise UserError(
            "no guide", [fault], "Name the shop's own id of a customer, or the pseudonym in gold.recommendations, and the right --source."
        )
    listed = [row for row in listed if row["user_id"] == user]

    def of_person(table: str, *columns: str) -> list[dict[str, Any]]:
        return _collected(of_day(live, table, as_of).where(F.col("user_id") == user).select(*columns)) if _is_live(live, table) else []

    had = of_person("gold.interactions", "item_id", "purchases", "last_purchase_date")
    bought = last_purchase(had, as_of, settings.after_purchase_days)[1]
    is_near = F.col("item_id").isin(*bought) & (F.col("rank") <= NEIGHBOURS)
    related = _collected(of_day(live, "gold.related_items", as_of).where(is_near).select("item_id", "related_item_id", "score")) if bought else []
    coupons = _coupons(live, user, as_of)
    ids = {row["item_id"] for row in (*listed, *related)} | {row["related_item_id"] for row in related}
    names = _names(live, ids.union(*(coupon["item_ids"] for coupon in coupons)), as_of)
    return PersonRows(
        as_of=as_of,
        lists=listed,
        had=had,
        refused=of_person("gold.refused_items", "item_id", "reason"),
        related=related,
        coupons=coupons,
        names=names,
        **_prices(live, user, {row["category"] for row in names.values()} - {None, ""}, as_of),
    )


def of_day(live: LiveRelease, table: str, as_of: date) -> DataFrame:
    return live.read(table).where(F.col("as_of") == F.lit(as_of))


def _is_live(live: LiveRelease, table: str) -> bool:
    return live.row is not None and table in live.row["versions"]


def _collected(rows: DataFrame) -> list[dict[str, Any]]:
    return [row.asDict() for row in rows.collect()]


def _names(live: LiveRelease, ids: Iterable[str], as_of: date) -> Mapping[str, dict[str, Any]]:
    """name (without package size), kind (brand and package size) and category (or department) of each item, as known before the day."""
    brand = F.coalesce("brand", F.concat("brand_type", F.lit(" brand")))
    columns = [product_name().alias("name"), F.concat_ws(", ", brand, "package_size").alias("kind")]
    category = F.coalesce("category", "department", F.lit("")).alias("category")
    items = known_before(live.read("silver.items").where(F.col("item_id").isin(*sorted(ids))), as_of).select("item_id", *columns, category)
    return {row["item_id"]: row for row in _collected(items)}


def _prices(live: LiveRelease, user: str, categories: Iterable[str], as_of: date) -> dict[str, dict[str, dict[str, Any]]]:
    """own_prices and usual_prices by category: of the newest ranges up to the day; empty where the shop has none."""
    wanted = F.col("category").isin(*sorted(categories)) & (F.col("as_of") <= F.lit(as_of))
    columns = ("category", "as_of", "low_minor", "high_minor", "currency")
    found = {}
    for name, table, own in (("own_prices", "gold.price_bands", True), ("usual_prices", "gold.category_price_bands", False)):
        rows = live.read(table).where(wanted).where(F.col("user_id") == user if own else F.lit(True)) if _is_live(live, table) else None
        in_order = sorted(_collected(rows.select(*columns)), key=lambda row: row["as_of"]) if rows is not None else []
        found[name] = {row["category"]: row for row in in_order}  # the newest is last
    return found


def _coupons(live: LiveRelease, user: str, as_of: date) -> list[dict[str, Any]]:
    """campaign_id, coupon_id and item_ids of the person's coupons whose campaign runs; none where coupons are not allocated."""
    if not _is_live(live, ALLOCATION):
        return []
    running = live.read("silver.campaigns").where(F.lit(as_of).between(F.col("start_date"), F.col("end_date"))).select("campaign_id")
    allocation = live.read(ALLOCATION)
    newest = allocation.agg(F.max("as_of").alias("as_of"))
    given = allocation.join(newest, "as_of", how="left_semi").where(F.col("user_id") == user).select("campaign_id", "coupon_id")
    good_for = live.read("silver.coupons").select("campaign_id", "coupon_id", "item_id").distinct()
    own = given.join(running, "campaign_id", how="left_semi").join(good_for, ["campaign_id", "coupon_id"], how="inner")  # a row an item
    items = F.sort_array(F.collect_list("item_id")).alias("item_ids")
    return _collected(own.groupBy("campaign_id", "coupon_id").agg(items).orderBy("campaign_id", "coupon_id"))
