"""The rows that shopping guides are made of, read from the live release: one row a person, of one person or of everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError
from basketgraph.foundation.item_names import product_name
from basketgraph.foundation.persons import EVENTS, IDENTITIES, IMPOSSIBLE, Persons, of_persons
from basketgraph.foundation.point_in_time import known_before
from basketgraph.foundation.tables.warehouse import LISTS, LiveRelease
from basketgraph.offers.budget_reserve import KEY
from basketgraph.offers.contacts import ALLOCATION, CONTACTS
from basketgraph.offers.earlier_coupons import given_coupons
from basketgraph.offers.guide import PersonRows
from basketgraph.offers.guide_settings import GuideSettings

NEIGHBOURS = 20  # of each item of the last purchase
RELATED = "array<struct<item_id:string,related_item_id:string,score:double>>"
COUPONS = "array<struct<campaign_id:string,coupon_id:string,item_ids:array<string>>>"
BAND = ("category", "low_minor", "high_minor", "currency")


@dataclass(frozen=True)
class GuideRows:
    """Of everybody, or of some, with a list.

    as_of:  the day of the lists.
    people: user_id and arrays of structs, null where there is none: lists (setting, rank, item_id, reason), had (item_id, purchases,
            last_purchase_date), refused (item_id, reason), related (item_id, related_item_id, score), coupons (campaign_id, coupon_id, item_ids),
            names (item_id, name, kind, category), own_prices (BAND), contacts (campaign_id, channel, as_of, send_at: those to be sent of the newest
            plan, where that is not older than the lists).
    usual_prices: category -> a range of everybody, as a dict of BAND.
    contacts_of:  the day of the newest plan of contacts; None where there is none.
    """

    as_of: date
    people: DataFrame
    usual_prices: Mapping[str, Mapping[str, Any]]
    contacts_of: date | None


def guide_rows(live: LiveRelease, settings: GuideSettings, source: Mapping[str, Any], users: Sequence[str] | None = None) -> GuideRows:
    """What the live release has.

    source: conf/sources/<shop>.yaml.
    users:  the ids that one person may have in the tables; None: everybody.
    errors: UserError where no list is live.
    """
    as_of = live.row["as_of"] if live.row is not None and LISTS in live.row["versions"] else None
    if as_of is None:
        raise UserError("no guide", [f"want published lists in {live.root}, have none"], "Run `basketgraph run recommend` first.")

    def of_users(rows: DataFrame) -> DataFrame:
        return rows if users is None else rows.where(F.col("user_id").isin(*users))

    def of_people(table: str) -> DataFrame:
        """Rows of the table, which is empty where it is not live; of `users` alone where they are named."""
        return of_users(_live_rows(live, table))

    def of_day(rows: DataFrame) -> DataFrame:
        return rows.where(F.col("as_of") == F.lit(as_of))

    lists = of_day(of_people(LISTS)).groupBy("user_id").agg(_all("lists", "setting", "rank", "item_id", "reason"))
    interactions = of_day(of_people("gold.interactions"))
    had = interactions.groupBy("user_id").agg(_all("had", "item_id", "purchases", "last_purchase_date"))
    refused = of_day(of_people("gold.refused_items")).groupBy("user_id").agg(_all("refused", "item_id", "reason"))
    related = _related(interactions, of_day(live.read("gold.related_items")) if _is_live(live, "gold.related_items") else None, as_of, settings)
    planned = _live_rows(live, ALLOCATION).agg(F.max("as_of")).collect()[0][0]
    day = max(as_of, planned or as_of)
    links = Persons(live, source).links(day) if all(_is_live(live, table) for table in (EVENTS, IDENTITIES, IMPOSSIBLE)) else None

    def whose(rows: DataFrame) -> DataFrame:
        """By person as of the day of the lists, or of a newer plan."""
        return rows if links is None else of_persons(rows, links)

    allocation, sent, redeemed = (whose(_live_rows(live, table)) for table in (ALLOCATION, CONTACTS, "silver.redemptions"))
    coupons = _coupons(live, of_users(allocation), sent, of_users(redeemed), day)
    own = _newest(of_people("gold.price_bands"), as_of, "user_id", "category").groupBy("user_id").agg(_all("own_prices", *BAND))
    contacts_of = sent.agg(F.max("as_of")).collect()[0][0]
    is_newest = F.lit(contacts_of is not None and contacts_of >= as_of) & (F.col("as_of") == F.lit(contacts_of))
    contacts = of_users(sent).where(F.col("sent") & is_newest).groupBy("user_id")
    people = lists
    parts = (had, refused, related, coupons, own, contacts.agg(_all("contacts", "campaign_id", "channel", "as_of", "send_at")))
    for part in parts:
        people = people.join(part, "user_id", how="left")  # at most one row a person
    named = people.join(_names(people, live.read("silver.items"), as_of), "user_id", how="left")
    common = _newest(live.read("gold.category_price_bands"), as_of, "category") if _is_live(live, "gold.category_price_bands") else None
    usual = {} if common is None else {row["category"]: row.asDict() for row in common.select(*BAND).collect()}
    return GuideRows(as_of, named, usual, contacts_of)


def person_rows(live: LiveRelease, users: Sequence[str], settings: GuideSettings, source: Mapping[str, Any]) -> PersonRows:
    """What the live release has of one person.

    source: conf/sources/<shop>.yaml.
    users:  the ids that the person may have in the tables: of the first that has a list, the rows are read.
    errors: UserError where no list of theirs is live.
    """
    found = guide_rows(live, settings, source, users)
    by_user = {row["user_id"]: row for row in found.people.collect()}
    user = next((user for user in users if user in by_user), None)
    if user is None:
        fault = f"USER: want a customer of {live.root} with a published list, have another"
        cure = "Name the shop's own id of a customer, or the pseudonym in gold.recommendations, and the right --source."
        raise UserError("no guide", [fault], cure)
    return rows_of_person(by_user[user].asDict(recursive=True), found.as_of, found.usual_prices)


def rows_of_person(row: Mapping[str, Any], as_of: date, usual_prices: Mapping[str, Mapping[str, Any]]) -> PersonRows:
    """A row of `GuideRows.people`, its structs as dicts, as what a guide is made of."""
    return PersonRows(
        as_of=as_of,
        **{name: row[name] or () for name in ("lists", "had", "refused", "related", "coupons")},
        names={one["item_id"]: one for one in row["names"] or ()},
        own_prices={one["category"]: one for one in row["own_prices"] or ()},
        usual_prices=usual_prices,
    )


def _is_live(live: LiveRelease, table: str) -> bool:
    return live.row is not None and table in live.row["versions"]


def _live_rows(live: LiveRelease, table: str) -> DataFrame:
    """Rows of the table, which is empty where it is not live."""
    return live.read(table) if _is_live(live, table) else live.newest(table).limit(0)


def no_texts() -> Column:
    return F.array().cast("array<string>")


def _all(name: str, *columns: str) -> Column:
    return F.collect_list(F.struct(*columns)).alias(name)


def _newest(rows: DataFrame, as_of: date, *keys: str) -> DataFrame:
    """Of each key the row of the newest day up to `as_of`, with BAND."""
    newest = rows.where(F.col("as_of") <= F.lit(as_of)).groupBy(*keys).agg(F.max(F.struct("as_of", *BAND[1:])).alias("newest"))
    return newest.select(*keys, *(F.col(f"newest.{name}").alias(name) for name in BAND[1:]))


def _related(interactions: DataFrame, related: DataFrame | None, as_of: date, settings: GuideSettings) -> DataFrame:
    """user_id, related: NEIGHBOURS of each item of the last purchase, where that is of the last days."""
    since = as_of - timedelta(days=settings.after_purchase_days)
    last = interactions.groupBy("user_id").agg(F.max("last_purchase_date").alias("last_purchase_date"))
    recent = last.where(F.col("last_purchase_date") >= F.lit(since))
    bought = interactions.join(recent, ["user_id", "last_purchase_date"], how="left_semi").select("user_id", "item_id")
    if related is None:
        return bought.select("user_id", F.lit(None).cast(RELATED).alias("related")).limit(0)
    near = related.where(F.col("rank") <= NEIGHBOURS).select("item_id", "related_item_id", "score")
    return bought.join(near, "item_id", how="inner").groupBy("user_id").agg(_all("related", "item_id", "related_item_id", "score"))  # a row an item


def _coupons(live: LiveRelease, allocation: DataFrame, contacts: DataFrame, redemptions: DataFrame, day: date) -> DataFrame:
    """user_id, coupons: those that plans up to the day have given, where the campaign runs on it and they were not redeemed before."""
    if not _is_live(live, ALLOCATION):
        return allocation.select("user_id", F.lit(None).cast(COUPONS).alias("coupons")).limit(0)
    campaigns = live.read("silver.campaigns")
    running = campaigns.where(F.lit(day).between(F.col("start_date"), F.col("end_date"))).select("campaign_id")
    held = given_coupons(allocation, contacts, campaigns, before=day + timedelta(days=1)).select(*KEY)
    used = redemptions.where(F.col("redemption_date") < F.lit(day)).select(*KEY)
    own = held.distinct().join(used, list(KEY), how="left_anti").join(running, "campaign_id", how="left_semi")
    good_for = live.read("silver.coupons").groupBy("campaign_id", "coupon_id").agg(F.sort_array(F.collect_set("item_id")).alias("item_ids"))
    together = own.join(good_for, ["campaign_id", "coupon_id"], how="inner")  # one row a coupon
    return together.groupBy("user_id").agg(F.sort_array(F.collect_list(F.struct("campaign_id", "coupon_id", "item_ids"))).alias("coupons"))


def _names(people: DataFrame, items: DataFrame, as_of: date) -> DataFrame:
    """user_id, names: name (without package size), kind (brand and package size) and category (or department) of each item that a guide may name."""
    of_coupons = F.flatten(F.coalesce(F.col("coupons.item_ids"), F.array().cast("array<array<string>>")))
    parts = ["lists.item_id", "related.item_id", "related.related_item_id"]
    ids = F.array_distinct(F.concat(*(F.coalesce(F.col(part), no_texts()) for part in parts), of_coupons))
    wanted = people.select("user_id", F.explode(ids).alias("item_id"))
    brand = F.coalesce("brand", F.concat("brand_type", F.lit(" brand")))
    columns = [product_name().alias("name"), F.concat_ws(", ", brand, "package_size").alias("kind")]
    known = known_before(items, as_of).select("item_id", *columns, F.coalesce("category", "department", F.lit("")).alias("category"))
    named = wanted.join(known, "item_id", how="inner")  # at most one row an item
    return named.groupBy("user_id").agg(_all("names", "item_id", "name", "kind", "category"))
