"""gold.user_profiles: what is known of each user before a day, from user_days, items and users."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from basketgraph.foundation.config import Settings
from basketgraph.foundation.point_in_time import known_before
from basketgraph.profiles.moods import MOODS
from basketgraph.profiles.tastes import tastes
from basketgraph.profiles.user_days import COUNTS, HOURS, RATING_UNITS

# Parts of column names, so not in conf.
SPEND_WINDOWS_DAYS = (28, 90, 365)
WEEKDAYS = 7
DEMOGRAPHICS = (
    "country",
    "age_band",
    "income_band",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_composition",
    "kids_count",
    "occupation",
)
# Decayed sums are integers in this unit: a sum of doubles depends on the order of the rows, so a second run would differ.
WEIGHT_UNITS = 10**6


class ProfilesSettings(Settings):
    """Section `profiles` of conf/settings.yaml."""

    half_life_days: float
    top_affinities: int
    price_days: int
    new_days: int
    active_days: int
    active_gaps: float
    lapsed_days: int
    rewrite_days: int
    session_minutes: int
    impossible_minute_looks: int
    impossible_day_items: int
    view_weight: float
    favourite_weight: float
    cart_weight: float
    open_cart_days: int

    @property
    def affinity_weights(self) -> dict[str, float]:
        """Event type -> the part of a purchase that it counts as in affinities."""
        return {"view": self.view_weight, "click": self.view_weight, "favourite": self.favourite_weight, "cart_add": self.cart_weight}


def user_profiles(
    days: DataFrame,
    items: DataFrame,
    users: DataFrame,
    carts: DataFrame | None = None,
    moods: DataFrame | None = None,
    *,
    as_of: date,
    settings: ProfilesSettings,
) -> DataFrame:
    """The profile of each user, by what was known before `as_of`.

    days:    gold.user_days rows, as from `net_days`; those of days before `as_of` count.
    items:   silver.items rows with their history; may be empty.
    users:   silver.users rows with their history; may be empty.
    carts:   user_id, item_id: what lies in a user's cart at the beginning of `as_of`; None for a shop that records purchases alone, whose
             affinities are of purchases.
    moods:   as from `known_moods`; None where there are none.
    returns: gold.user_profiles rows, one per user with a day before `as_of`.
    """
    weights = None if carts is None else settings.affinity_weights
    past = weighted_days(days.where(F.col("event_date") < F.lit(as_of)), as_of=as_of, half_life_days=settings.half_life_days)
    taste = tastes(past, known_before(items, as_of), as_of=as_of, price_days=settings.price_days, top=settings.top_affinities, weights=weights)
    demographics = known_before(users, as_of).select("user_id", *DEMOGRAPHICS)
    nothing = F.array().cast("array<struct<name:string,share:double>>")
    profiles = summarise(past, as_of=as_of)
    if carts is not None:
        profiles = profiles.join(carts.groupBy("user_id").agg(F.count("*").alias("open_cart_items")), "user_id", how="left")
    if moods is None:
        moods = users.select("user_id", *(F.lit(None).cast(kind).alias(name) for name, kind in MOODS.items())).limit(0)
    return (
        profiles.join(taste, "user_id", how="left")  # at most one row a user on every right side
        .join(demographics, "user_id", how="left")
        .join(moods, "user_id", how="left")
        .withColumns(
            {
                "as_of": F.lit(as_of),
                "lifecycle": lifecycle(settings),
                "open_cart_items": F.lit(0).cast("bigint") if carts is None else F.coalesce("open_cart_items", F.lit(0)),
                "categories": F.coalesce("categories", nothing),
                "brands": F.coalesce("brands", nothing),
            }
        )
    )


def weighted_days(past: DataFrame, *, as_of: date, half_life_days: float) -> DataFrame:
    """Add `weight` to each user's days, in WEIGHT_UNITS: it halves with every half-life before as_of.

    At least one unit is left, so that the shares of a user who lapsed long ago do not vanish.
    """
    decay = F.pow(F.lit(0.5), F.datediff(F.lit(as_of), "event_date") / F.lit(float(half_life_days)))
    return past.withColumn("weight", F.greatest(F.lit(1), F.round(decay * WEIGHT_UNITS)).cast("bigint"))


def summarise(past: DataFrame, *, as_of: date) -> DataFrame:
    """Recency, frequency, spend, baskets, gaps and habits of each user.

    past:    weighted days before as_of.
    returns: one row per user: the columns of gold.user_profiles that need no items, no users and no carts.
    """
    age_days = F.datediff(F.lit(as_of), "event_date")
    bought = F.col("orders") > 0
    days_bought = Window.partitionBy("user_id", bought).orderBy("event_date")
    gap_days = F.when(bought, F.datediff("event_date", F.lag("event_date").over(days_bought)))
    windows = {
        f"{column}_{days}d": F.sum(F.when(age_days <= days, F.col(source)).otherwise(0))
        for days in SPEND_WINDOWS_DAYS
        for column, source in (("orders", "orders"), ("spend_minor", "amount_minor"))
    }
    counts = {
        "recency_days": F.min(F.when(bought, age_days)),
        "tenure_days": F.max(F.when(bought, age_days)),
        "last_seen_days": F.min(age_days),
        "purchase_days": F.count_if(bought),
        "orders": F.sum("orders"),
        "purchases": F.sum("lines"),
        "spend_minor": F.sum("amount_minor"),
        **windows,
        **{name: F.sum(F.coalesce(name, F.lit(0))) for name in COUNTS},
    }
    gaps, gaps_sum, squares = F.col("gaps"), F.col("gaps_sum"), F.col("gaps_square_sum")
    return (
        past.drop("bought")
        .withColumn("gap_days", gap_days)  # null on the first day on which the user bought
        .groupBy("user_id")
        .agg(*(value.alias(name) for name, value in {**counts, **_habits()}.items()))
        .withColumn("looks", F.col("views") + F.col("clicks"))
        .select(
            *("user_id", *counts),
            (F.col("rating_points") / F.col("ratings") / RATING_UNITS).alias("rating_mean"),
            _ratio("purchases", "looks").alias("buys_a_view"),
            _ratio("cart_adds", "looks").alias("carts_a_view"),
            _ratio("purchases", "cart_adds").alias("buys_a_cart"),
            *(_preferred(f"{name}s").alias(f"preferred_{name}") for name in ("channel", "device")),
            _ratio("decayed_lines", "decayed_orders").alias("basket_lines_mean"),
            _ratio("decayed_amount_minor", "decayed_orders").alias("basket_minor_mean"),
            _ratio("decayed_discounted_lines", "told_discount_lines").alias("discount_line_share"),
            _ratio("decayed_discount_minor", "decayed_list_amount_minor").alias("discount_rate"),
            _ratio("decayed_coupon_lines", "told_coupon_lines").alias("coupon_line_share"),
            _ratio("decayed_coupon_minor", "decayed_list_amount_minor").alias("coupon_rate"),
            F.when(F.col("orders") > 0, F.transform("hours", lambda units: units / F.col("decayed_orders"))).alias("hour_shares"),
            F.when(F.col("orders") > 0, F.transform("weekdays", lambda units: units / F.col("decayed_orders"))).alias("weekday_shares"),
            _ratio("gaps_sum", "gaps").alias("gap_days_mean"),
            "gap_days_median",
            F.when(gaps > 1, F.sqrt((squares - gaps_sum * gaps_sum / gaps) / (gaps - 1))).alias("gap_days_sd"),
        )
    )


def _habits() -> dict[str, Column]:
    """The sums that ratios, habits and gaps are made of, by name; over weighted days that have gap_days, too."""
    weight = F.col("weight")
    weekday = F.weekday("event_date")  # 0 is Monday

    def decayed(column: Column) -> Column:
        return F.sum(weight * column)

    def days_with(names: str) -> Column:  # of days without any, none is kept
        return F.collect_list(F.when(F.size(names) > 0, F.struct("weight", F.col(names).alias("names"))))

    return {
        "rating_points": F.sum("rating_points"),
        **{name: days_with(name) for name in ("channels", "devices")},
        **{f"decayed_{c}": decayed(F.col(c)) for c in ("orders", "lines", "amount_minor")},
        # Only lines with a known discount or coupon count; null where the shop has none.
        "told_discount_lines": decayed(F.when(F.col("discounted_lines").isNotNull(), F.col("lines"))),
        "told_coupon_lines": decayed(F.when(F.col("coupon_lines").isNotNull(), F.col("lines"))),
        **{f"decayed_{c}": decayed(F.col(c)) for c in ("discounted_lines", "coupon_lines", "discount_minor", "coupon_minor", "list_amount_minor")},
        "hours": F.array(*(decayed(F.col("orders_by_hour")[hour]) for hour in range(HOURS))),
        "weekdays": F.array(*(F.sum(F.when(weekday == day, weight * F.col("orders")).otherwise(0)) for day in range(WEEKDAYS))),
        "gap_days_median": F.median("gap_days"),
        "gaps": F.count("gap_days"),
        "gaps_sum": F.sum("gap_days"),
        "gaps_square_sum": F.sum(F.col("gap_days").cast("bigint") * F.col("gap_days")),
    }


def _preferred(days: str) -> Column:
    """The name with the largest weight of days, the first by name of equals; null without any. days: array<struct<weight, names>>."""
    names = F.array_distinct(F.flatten(F.transform(days, lambda day: day["names"])))

    def weighed(name: Column) -> Column:
        mine = F.filter(days, lambda day: F.array_contains(day["names"], name))
        weight = F.aggregate(mine, F.lit(0).cast("bigint"), lambda so_far, day: so_far + day["weight"])
        return F.struct((-weight).alias("minus_weight"), name.alias("name"))

    return F.get(F.array_sort(F.transform(names, weighed)), F.lit(0))["name"]


def lifecycle(settings: ProfilesSettings) -> Column:
    """The segment of a user; the first rule that fits.

    prospect: bought nothing yet.
    new:     the first purchase was at most `new_days` before as_of.
    lapsed:  the last purchase was more than `lapsed_days` before as_of.
    active:  the last purchase was at most `active_days`, or `active_gaps` of the user's median gaps, before as_of.
    at_risk: all others.
    """
    recency_days = F.col("recency_days")
    is_in_rhythm = recency_days <= F.coalesce(settings.active_gaps * F.col("gap_days_median"), F.lit(0.0))
    return (
        F.when(F.col("tenure_days").isNull(), "prospect")
        .when(F.col("tenure_days") <= settings.new_days, "new")
        .when(recency_days > settings.lapsed_days, "lapsed")
        .when((recency_days <= settings.active_days) | is_in_rhythm, "active")
        .otherwise("at_risk")
    )


def _ratio(above: str, below: str) -> Column:
    """above / below; null where below is 0 or null."""
    return F.when(F.col(below) > 0, F.col(above) / F.col(below))
