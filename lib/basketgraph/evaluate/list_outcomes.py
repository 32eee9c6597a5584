"""ops.list_outcomes: what customers bought of their lists after the cut, beside a bestseller list and what they bought before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from basketgraph.evaluate.settings import PUBLISHED, EvaluateSettings
from basketgraph.foundation.cuts import Cuts
from basketgraph.foundation.point_in_time import kept_before
from basketgraph.foundation.ranking import Floats, ratio_intervals

# The simpler lists that a manager knows; in discovery there is none of what was bought before.
COMPARED = {"rebuy": (PUBLISHED, "popularity", "personal_frequency"), "discovery": (PUBLISHED, "popularity")}
ALL = "all"  # the segment of everybody
COUNTS = ("places", "places_bought", "spend_minor", "listed_spend_minor")  # of one customer
SHARES = ("customers", "places", "spend")


def purchases_after(events: DataFrame, kept: DataFrame, cuts: Cuts) -> DataFrame:
    """What each user bought in the window after the test cut and kept to its end, whatever it is.

    events:  silver.events rows.   kept: gold.kept_purchases rows.
    returns: user_id, item_id, spend_minor, currency (null where it is in several), is_new (never bought before the cut, as known then).
    """
    before = kept_before(events, kept, as_of=cuts.test).select("user_id", "item_id").distinct()
    after = kept_before(events, kept, as_of=cuts.end(cuts.test)).where(F.col("event_date") >= F.lit(cuts.test))
    is_new = F.col("was_bought").isNull()
    return (
        after.groupBy("user_id", "item_id")
        .agg(F.sum("amount_minor").alias("spend_minor"), _one_of("currency"))
        .join(before.withColumn("was_bought", F.lit(True)), ["user_id", "item_id"], how="left")  # at most one row a pair
        .select("user_id", "item_id", "spend_minor", "currency", is_new.alias("is_new"))
    )


def customer_outcomes(lists: DataFrame, bought: DataFrame, profiles: DataFrame, settings: EvaluateSettings) -> DataFrame:
    """How each customer with a published list used it and the lists it is compared with.

    lists:    setting, model, user_id, rank, item_id, as of `judge.published_lists` and `judge.recommender_lists`.
    bought:   rows of `purchases_after`.   profiles: gold.user_profiles rows of the cut.
    returns:  setting, model, user_id, segment, shopped, currency, places, places_bought, spend_minor, listed_spend_minor: a row for each of COMPARED
              and customer, at most `max_users` of them, by hash. A missing list has no places. In discovery only what is new counts as spend.
    """
    published = lists.where(F.col("model") == PUBLISHED).select("user_id").distinct()
    customers = published.orderBy(F.xxhash64("user_id", F.lit(settings.seed)), "user_id").limit(settings.max_users)
    kinds = [(setting, model) for setting, models in COMPARED.items() for model in models]
    spent = bought.groupBy("user_id").agg(
        F.sum("spend_minor").alias("rebuy_minor"), F.sum(F.when(F.col("is_new"), F.col("spend_minor"))).alias("discovery_minor"), _one_of("currency")
    )
    used = (
        lists.where(F.col("model").isin({model for _, model in kinds}))
        .join(F.broadcast(customers), "user_id", how="left_semi")
        .join(bought.select("user_id", "item_id", "spend_minor"), ["user_id", "item_id"], how="left")  # at most one row a pair
        .groupBy("setting", "model", "user_id")
        .agg(F.count("*").alias("places"), F.count("spend_minor").alias("places_bought"), F.sum("spend_minor").alias("listed_spend_minor"))
    )
    shopped, is_new_only = F.col("rebuy_minor").isNotNull(), F.col("setting") == "discovery"
    compared = F.explode(F.array(*(F.struct(F.lit(setting).alias("setting"), F.lit(model).alias("model")) for setting, model in kinds)))
    return (
        customers.join(
            profiles.select("user_id", F.col("lifecycle").alias("segment")), "user_id", how="left"
        )  # one profile a user on every right side
        .join(spent, "user_id", how="left")
        .select("*", compared.alias("list"))
        .select("*", "list.setting", "list.model")
        .join(used, ["setting", "model", "user_id"], how="left")
        .withColumns({"shopped": shopped, "spend_minor": F.when(is_new_only, F.col("discovery_minor")).otherwise(F.col("rebuy_minor"))})
        .fillna(0, COUNTS)
        .select("setting", "model", "user_id", "segment", "shopped", "currency", *COUNTS)
    )


def outcome_rows(customers: pa.Table, cuts: Cuts, settings: EvaluateSettings) -> list[dict[str, Any]]:
    """Rows of ops.list_outcomes for everybody and for each segment; none where nobody shopped. customers: rows of `customer_outcomes`."""
    if not pc.any(customers["shopped"]).as_py():
        return []
    ordered = customers.sort_by("user_id")  # the draws are the same in every run
    segments = [ALL, *sorted(filter(None, pc.unique(ordered["segment"]).to_pylist()))]
    rows = []
    for setting, models in COMPARED.items():
        for model in models:
            of_list = ordered.filter(pc.and_(pc.equal(ordered["setting"], setting), pc.equal(ordered["model"], model)))
            for segment in segments:
                chosen = of_list if segment == ALL else of_list.filter(pc.equal(of_list["segment"], segment))
                row = {"as_of": cuts.test, "setting": setting, "model": model, "segment": segment, "window_days": cuts.window_days}
                rows.append({**row, **_counted(chosen, settings)})
    return rows


def _counted(customers: pa.Table, settings: EvaluateSettings) -> dict[str, Any]:
    """The counts and shares of some customers' lists."""
    shoppers = customers.filter(customers["shopped"])
    counts = {name: shoppers[name].to_numpy().astype(np.int64) for name in COUNTS}
    from_list = counts["places_bought"] > 0
    parts = _columns(from_list, counts["places_bought"], counts["listed_spend_minor"])
    wholes = _columns(np.ones_like(from_list), counts["places"], counts["spend_minor"])
    intervals = zip(SHARES, ratio_intervals(parts, wholes, settings.seed, settings.draws), strict=True)
    currencies = set(shoppers["currency"].to_pylist())
    return {
        "customers": customers.num_rows,
        "shopped": shoppers.num_rows,
        "bought_from_list": int(from_list.sum()),
        "currency": currencies.pop() if len(currencies) == 1 else None,
        **{name: int(values.sum()) for name, values in counts.items()},
        **{
            f"{name}_{end}": None if math.isnan(value) else value
            for name, found in intervals
            for end, value in zip(("share", "low", "high"), found, strict=True)
        },
    }


def _columns(*values: Any) -> Floats:
    return np.column_stack(values).astype(np.float64)


def _one_of(column: str) -> Column:
    """The column's value where it has only one in a group; else null."""
    return F.when(F.count_distinct(column) == 1, F.max(column)).alias(column)
