"""The gate before a release: checks of the lists, and comparisons with simple models and the live release."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import reduce
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.evaluate.evaluations import by_model
from basketgraph.evaluate.judge import published_lists
from basketgraph.evaluate.settings import GAIN_METRIC, JUDGED_AT, PUBLISHED, EvaluateSettings, GateSettings
from basketgraph.foundation.cuts import Cuts
from basketgraph.foundation.point_in_time import known_before
from basketgraph.foundation.ranking import Interval, paired_difference
from basketgraph.foundation.tables.warehouse import LISTS, LiveRelease

LIVE = "live"
BETTER_THAN = {"rebuy": ("popularity", "personal_frequency"), "discovery": ("popularity",)}


@dataclass(frozen=True)
class Fault:
    """Why lists are refused: the rule, its limit, the value counted or measured, and a sentence.

    setting, model: in a comparison, the setting of the lists and the model they were compared with.
    """

    rule: str
    want: float
    have: float
    sentence: str
    setting: str | None = None
    model: str | None = None


class GateRefusal(Exception):
    """The lists may not be shown: the live release stays. Exit code 4.

    reasons: a sentence for each fault.   run_detail: the faults as JSON, for the run log.
    """

    exit_code = 4

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.reasons = tuple(fault.sentence for fault in faults)
        self.run_detail = {"faults": [{key: value for key, value in asdict(fault).items() if key != "sentence"} for fault in faults]}
        super().__init__("\n".join(["refused by the gate, the live release stays", *(f"  {reason}" for reason in self.reasons)]))


def forbidden_items(recommendations: DataFrame, items: DataFrame, *, as_of: date) -> DataFrame:
    """item_id of the listed items that may not be shown: withdrawn items, and items that the shop does not have.

    items: silver.items rows with their history.
    """
    recommendable = known_before(items, as_of).where("recommendable").select("item_id")
    return recommendations.select("item_id").distinct().join(recommendable, "item_id", how="left_anti")


def list_counts(
    recommendations: DataFrame, edges: DataFrame, candidates: DataFrame, forbidden: DataFrame, bought: DataFrame, settings: GateSettings
) -> DataFrame:
    """One row of numbers about the lists of one cut.

    recommendations, edges, candidates: rows of the cut.   forbidden: rows of `forbidden_items`.   bought: the purchases before the cut.
    returns: users (with a history), sold_items, listed_users (of the users, with a rebuy list of `min_length`, or of `sold_items` where those are
             fewer), items (that may be listed, as far as the candidates tell), listed_items, forbidden_rows (unknown or withdrawn items),
             repeated_rows, owned_rows (bought before, in discovery).
    """
    key = ["setting", "user_id"]
    is_rebuy, is_discovery = F.col("setting") == "rebuy", F.col("setting") == "discovery"
    sold = bought.agg(F.countDistinct("item_id").alias("sold_items"))
    lengths = recommendations.where(is_rebuy).groupBy("user_id").agg(F.count("*").alias("length")).join(F.broadcast(sold), how="cross")  # one row
    long_enough = lengths.where(F.col("length") >= F.least(F.lit(settings.min_length), F.col("sold_items"))).select("user_id")
    had = edges.where("purchases > 0").select("user_id", "item_id")
    owned = recommendations.where(is_discovery).join(had, ["user_id", "item_id"], how="left_semi")
    parts = [
        edges.agg(F.countDistinct("user_id").alias("users")),
        long_enough.join(edges.select("user_id").distinct(), "user_id", how="left_semi").agg(F.count("*").alias("listed_users")),
        candidates.agg(F.countDistinct("item_id").alias("items")),
        sold,
        recommendations.agg(
            F.countDistinct("item_id").alias("listed_items"), (F.count("*") - F.countDistinct(*key, "item_id")).alias("repeated_rows")
        ),
        recommendations.join(forbidden, "item_id", how="left_semi").agg(F.count("*").alias("forbidden_rows")),
        owned.agg(F.count("*").alias("owned_rows")),
    ]
    return reduce(lambda left, right: left.join(right, how="cross"), parts)  # one row each


def list_faults(counts: Mapping[str, int], settings: GateSettings) -> list[Fault]:
    """The faults of the lists themselves. counts: the row of `list_counts`."""
    faults = [
        Fault(column, 0, counts[column], f"{what}: want none, have {counts[column]:,} rows")
        for column, what in (
            ("forbidden_rows", "unknown or withdrawn items on lists"),
            ("repeated_rows", "items listed twice for one user"),
            ("owned_rows", "items in discovery that the user bought before"),
        )
        if counts[column] > 0
    ]
    users, listed = counts["users"], counts["listed_users"]
    if users and listed < settings.min_users_with_list * users:
        length = min(settings.min_length, counts["sold_items"])
        sentence = f"users with a list of {length}: want {settings.min_users_with_list:.1%} of {users:,}, have {listed:,}"
        faults.append(Fault("listed_users", settings.min_users_with_list * users, listed, sentence))
    items, shown = counts["items"], counts["listed_items"]
    if shown < settings.min_items_share * items:
        sentence = f"items on any list: want {settings.min_items_share:.1%} of {items:,}, have {shown:,}"
        faults.append(Fault("listed_items", settings.min_items_share * items, shown, sentence))
    return faults


def unlearnt_settings(recommendations: DataFrame, ladder_version: str) -> DataFrame:
    """setting of the lists that no trained ranker ordered. ladder_version: the `model_version` of such lists."""
    return recommendations.where(F.col("model_version") == ladder_version).select("setting").distinct()


def comparable_evaluations(evaluations: DataFrame, cuts: Cuts, unlearnt: Collection[str], *, window_days: int) -> DataFrame:
    """The rows of ops.evaluations that the gate compares: none in a shop that is too young to be judged.

    While a young shop's windows are shorter than `window_days`, rows of `unlearnt` settings are left out: too few rows
    to train a ranker on are normal then.
    """
    if cuts.judged_from is not None:
        return evaluations.limit(0)
    return evaluations.where(~F.col("setting").isin(*unlearnt)) if cuts.window_days < window_days else evaluations


def live_lists(live: LiveRelease, cut: date) -> DataFrame | None:
    """The live release's rows of gold.recommendations as of a cut; None where it has none."""
    if live.row is None or LISTS not in live.row["versions"]:
        return None
    lists = live.read(LISTS).where(F.col("as_of") == F.lit(cut))
    return None if lists.isEmpty() else lists


def lists_beside_live(recommendations: DataFrame, live: DataFrame) -> DataFrame:
    """The lists of a cut and the live release's at the same cut, as the models `published` and `live`; both rows of gold.recommendations."""
    return published_lists(recommendations, JUDGED_AT).unionByName(published_lists(live, JUDGED_AT).withColumn("model", F.lit(LIVE)))


def baseline_faults(evaluations: Sequence[Mapping[str, Any]], metric: str, settings: GateSettings, *, may_tie: Collection[str] = ()) -> list[Fault]:
    """Where the published lists are not better than models that need no training.

    evaluations: rows of ops.evaluations of the cut; may be empty.
    may_tie:     settings whose lists no trained ranker ordered: they may be as good as the models they are made of.
    """
    gains = {(row["setting"], row["versus"]): row for row in evaluations if row["model"] == PUBLISHED and row["metric"] == metric and row["versus"]}
    faults = []
    for setting, models in BETTER_THAN.items():
        for model in models:
            gain = gains.get((setting, model))
            is_worse = gain is not None and not (gain["value"] > 0 or (gain["value"] == 0 and setting in may_tie))
            if gain is not None and gain["users"] >= settings.min_users and is_worse:
                difference = _difference_in_words(gain["value"], gain["low"], gain["high"])
                sentence = f"{setting}: want {metric} above {model}'s, have {difference} over {gain['users']:,} users"
                faults.append(Fault("above_baseline", 0, gain["value"], sentence, setting, model))
    return faults


def live_faults(judged: pa.Table, settings: GateSettings, evaluate: EvaluateSettings) -> tuple[list[Fault], dict[str, Interval]]:
    """Where the new lists are worse than the live release's at the same cut, and the paired difference of each setting.

    judged: rows of `judge.judged` for the models `published` and `live`; an empty table where there is no live release at this cut.
    """
    present = {(setting, model) for setting in BETTER_THAN for model in (PUBLISHED, LIVE)}
    faults, differences = [], {}
    for (setting, name), models in by_model(judged, JUDGED_AT, present).items():
        if name != GAIN_METRIC:
            continue
        gain = paired_difference(models[PUBLISHED], models[LIVE], evaluate.seed, evaluate.draws)
        differences[setting] = gain
        if len(models[LIVE]) >= settings.min_users and gain.low < -settings.margin:
            difference = _difference_in_words(*gain)
            sentence = f"{setting}: want {GAIN_METRIC} less the live recipe's at the same cut above {-settings.margin:+.4f}, have {difference}"
            faults.append(Fault("above_live", -settings.margin, gain.low, sentence, setting, LIVE))
    return faults, differences


def _difference_in_words(value: float, low: float, high: float) -> str:
    return f"{value:+.4f} (from {low:+.4f} to {high:+.4f})"
