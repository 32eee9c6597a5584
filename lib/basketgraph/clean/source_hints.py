"""What is odd about the shop's own ids and about orders that come in several files, which silver rows do not tell any more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.clean.characters import folded_sql, shown
from basketgraph.clean.raw_rows import CORRUPT, FILE_NUMBER
from basketgraph.clean.transform import REFUSED, TableRules, mapped_rows, silver
from basketgraph.foundation.privacy.log_masking import masked

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

MUCH, TIMES, FEW_USERS = 0.1, 3, 5  # of all events are one user's, so many times an equal share, where there are so many users
SCIENTIFIC = r"^[0-9]([.,][0-9]+)?[eE][+]?[0-9]{1,2}$"
NOBODY = {"nan", "none", "null", "nil", "n/a", "guest", "anonymous", "unknown", "undefined", "0", "-1"}  # which are no person's, and may be shown
AGAIN = 0.01  # of the events, of orders that come again


def odd_facts(raw: DataFrame, rules: TableRules) -> dict[str, Any]:
    """Facts for `odd_hints`, over raw rows of silver.events; examples of users' ids are masked."""
    mapped = mapped_rows(raw, rules)
    good = mapped.where(~F.col(REFUSED))
    found: dict[str, Any] = {}
    found |= _ids(good, "user", _who(rules)) | _ids(good, "item", F.col(silver("item_id")))
    if rules.key_is_content and raw.select(FILE_NUMBER).distinct().limit(2).count() > 1:
        found |= _orders(mapped, rules)
    return found


def _who(rules: TableRules) -> Column:
    """The shop's own id of the user, or of the visitor where there is none."""
    return F.coalesce(*[F.col(silver(name)) for name in ("user_id", "visitor_id") if name in rules.mapped.columns])


def _ids(good: DataFrame, name: str, id_: Column) -> dict[str, Any]:
    each = good.groupBy(id_.alias("id")).agg(F.count("*").alias("rows"))
    scientific = F.col("id").rlike(SCIENTIFIC)
    alike = each.groupBy(F.expr(folded_sql("id"))).agg(
        F.count("*").alias("ways"),
        F.array_sort(F.collect_list("id"))[0].alias("one"),
        F.array_sort(F.collect_list("id"))[1].alias("other"),
        F.max(F.struct("rows", "id")).alias("top"),
        F.sum("rows").alias("all"),
        F.count_if(scientific).alias("scientific"),
        F.min(F.when(scientific, F.col("id"))).alias("such"),
    )
    (row,) = alike.agg(
        F.count_if(F.col("ways") > 1).alias("alike"),
        F.min(F.when(F.col("ways") > 1, F.struct("one", "other"))).alias("pair"),
        F.max("top").alias("top"),
        F.sum("all").alias("all"),
        F.sum("scientific").alias("scientific"),
        F.min("such").alias("such"),
    ).collect()
    show = _user if name == "user" else lambda text: masked(shown(text))
    found = {f"{name}s_alike": row["alike"], f"{name}s_scientific": row["scientific"] or 0}
    if row["pair"] is not None:
        found[f"{name}s_alike_such_as"] = [show(row["pair"]["one"]), show(row["pair"]["other"])]
    if row["such"] is not None:
        found[f"{name}s_scientific_such_as"] = row["such"]
    if name == "user" and row["top"] is not None:
        found |= {"share_of_one_user": row["top"]["rows"] / row["all"], "that_user": _user(row["top"]["id"])}
    return found


def _user(text: str) -> str:
    """What may be shown of a user's id: all of what is nobody's, else its shape."""
    return text if text.strip().lower() in NOBODY else shown(re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", text)))[:40]


def _orders(mapped: DataFrame, rules: TableRules) -> dict[str, Any]:
    """Of several files of lines without a number of their own: events that come again with other content, and orders that are accepted in one file
    and refused in another.
    """
    parsed = mapped.where(F.col(CORRUPT).isNull())
    measured = ("item_id", "event_time", "quantity", "amount_minor")
    same = [_who(rules), *[F.col(silver(name)) for name in measured if name in rules.mapped.columns]]
    content = F.xxhash64(F.to_json(F.struct(*[F.col(f"`{name}`") for name in sorted(rules.files.columns)])))
    names = [f"same{i}" for i in range(len(same))]
    values = [column.alias(name) for name, column in zip(names, same, strict=True)]
    good = parsed.where(~F.col(REFUSED)).select(*values, content.alias("content"), FILE_NUMBER)
    once = good.groupBy(*names, "content").agg(F.min(FILE_NUMBER).alias("file"), F.count("*").alias("rows"))
    each = once.groupBy(*names).agg(F.sum("rows").alias("rows"), F.countDistinct("file").alias("files"))
    (row,) = each.where("files > 1").agg(F.sum("rows").alias("rows")).collect()
    found: dict[str, Any] = {"come_again": row["rows"] or 0}
    if "order_id" in rules.mapped.columns:
        files = [F.countDistinct(F.when(is_refused, F.col(FILE_NUMBER))) for is_refused in (F.col(REFUSED), ~F.col(REFUSED))]
        each = parsed.groupBy(silver("order_id")).agg(
            files[0].alias("refusing"), files[1].alias("accepting"), F.countDistinct(FILE_NUMBER).alias("files")
        )
        split = (F.col("accepting") > 0) & (F.col("refusing") > 0) & (F.col("files") > F.greatest("accepting", "refusing"))
        found["orders_refused_elsewhere"] = each.where(split & F.col(silver("order_id")).isNotNull()).count()
    return found


def odd_hints(facts: Mapping[str, Any]) -> Iterator[str]:
    """Sentences about facts of `odd_facts`."""
    events = facts["events"]
    for name in ("user", "item"):
        if facts.get(f"{name}s_alike", 0):
            one, other = facts[f"{name}s_alike_such_as"]
            told = f"`{one}` and `{other}`" if one != other else f"`{one}`, in upper and lower case"
            number = facts[f"{name}s_alike"]
            yield f"{number:,} {name}s have ids that differ from others' in case or in what nobody sees only, such as {told}: are they one?"
        if facts.get(f"{name}s_scientific", 0):
            yield (
                f"{name}s have ids in scientific notation ({facts[f'{name}s_scientific']:,}), such as {facts[f'{name}s_scientific_such_as']}: "
                "their digits are lost; export them as text"
            )
    share = facts.get("share_of_one_user", 0.0)
    if facts["users"] >= FEW_USERS and share > max(MUCH, TIMES / facts["users"]):
        yield f"one user (`{facts['that_user']}`) has {100 * share:.0f} % of all events: does the id stand for guests, a till, or no value?"
    if facts.get("come_again", 0) > AGAIN * events:
        yield (
            f"{facts['come_again']:,} of the events come in several files with other content beside the same user, item, time, pieces and money: "
            "are they one event delivered again? Then give event_id an expression that stays the same: docs/sources.md"
        )
    if facts.get("orders_refused_elsewhere", 0):
        yield (
            f"{facts['orders_refused_elsewhere']:,} orders are accepted from one file and rejected from another: "
            "does a later state take back an earlier one? Then give event_id an expression: without one, what was accepted stays"
        )
