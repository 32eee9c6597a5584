"""Page data made by hand, without Spark: a run in which all went well, and what tests change in it."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

from basketgraph.foundation.contracts import contract
from basketgraph.report.examples import Example, Place
from basketgraph.report.exposures import Exposures
from basketgraph.report.lists import Lists
from basketgraph.report.page import page
from basketgraph.report.page_data import PageData
from basketgraph.report.visits import Visits

DS = date(2026, 1, 3)  # a Saturday
NOW = datetime(2026, 1, 3, 6, tzinfo=timezone.utc)


def check(**changed: Any) -> dict[str, Any]:
    """A row of ops.quality_results as `newest_checks` tells it: what is not named is kept, or null."""
    told = {"check_name": "column_values_to_be_between:quantity", "expected": "quantity is at least 1", "observed": "true of all 10 rows"}
    place = {"run_id": "run-1", "table_name": "silver.events", "table_version": 4, "element_count": 10, "ds": DS, "notes": "why it is so"}
    kept = {"severity": "critical", "success": True, "outcome": "kept" if changed.get("success", True) else "broken", "scope_kind": "table"}
    row = {**dict.fromkeys([*contract("ops.quality_results").columns, "open"]), **told, **place, **kept}
    assert changed.keys() <= row.keys()
    return {**row, **changed}


def of_days(*days: int) -> dict[str, Any]:
    """The scope columns of a look at some days of March 2026; of none where nothing changed."""
    return {"scope_kind": "days", "scope_days": [date(2026, 3, day) for day in days], "scope_reason": "changed since the last check"}


def failed_step(step: str = "clean", **changed: Any) -> dict[str, Any]:
    """A row of ops.runs of a step that ended with an error of ours; what is not named is null."""
    row = {**dict.fromkeys(contract("ops.runs").columns), "step": step, "status": "failed", "seconds": 1.0, "exit_code": 1, "error": "it broke"}
    assert changed.keys() <= row.keys()
    return {**row, **changed}


def score(model: str, value: float, versus: str = "", metric: str = "ndcg@20", half: float = 0.01) -> dict[str, Any]:
    named = {"as_of": DS, "setting": "rebuy", "model": model, "metric": metric, "versus": versus, "users": 1999}
    return {**named, "value": value, "low": value - half, "high": value + half}


def outcome(setting: str, model: str, segment: str = "all", **changed: Any) -> dict[str, Any]:
    """A row of ops.list_outcomes of the lists of DS."""
    counts = {"window_days": 28, "customers": 90, "shopped": 80, "bought_from_list": 60, "places": 1600, "places_bought": 400}
    spend = {"currency": "EUR", "spend_minor": 1_000_000, "listed_spend_minor": 150_000}
    shares = {"customers": (0.75, 0.7, 0.8), "places": (0.25, 0.22, 0.28), "spend": (0.15, 0.12, 0.18)}
    ends = {f"{name}_{end}": value for name, values in shares.items() for end, value in zip(("share", "low", "high"), values, strict=True)}
    row = {"as_of": DS, "setting": setting, "model": model, "segment": segment, **counts, **spend, **ends}
    assert row.keys() == set(contract("ops.list_outcomes").columns)
    assert changed.keys() <= row.keys()
    return {**row, **changed}


LISTS = Lists(
    as_of=DS,
    live=True,
    customers=90,
    known=100,
    listed=50,
    assortment=1000,
    products=[
        {"setting": "rebuy", "name": "BANANAS", "customers": 72, "kinds": 3, "of": 90},
        {"setting": "rebuy", "name": "Jam <small>", "customers": 9, "kinds": 1, "of": 90},
        {"setting": "discovery", "name": "POTATOES", "customers": 45, "kinds": 1, "of": 90},
    ],
    reasons=[
        {"setting": "rebuy", "source": "personal_frequency", "places": 1600},
        {"setting": "rebuy", "source": "ease", "places": 150},
        {"setting": "rebuy", "source": "als", "places": 50},
        {"setting": "discovery", "source": "graph", "places": 1800},
    ],
    outcomes=[
        *(outcome("rebuy", "published", segment) for segment in ("active", "all", "lapsed")),
        outcome("rebuy", "popularity", customers_share=0.5, customers_low=0.45, customers_high=0.55, places_share=0.04),
        outcome("rebuy", "personal_frequency", customers_share=0.74),
        outcome("discovery", "published", customers_share=0.46, places_share=0.037, places_low=0.035, places_high=0.039, spend_share=0.02),
        outcome("discovery", "popularity", customers_share=0.4),
    ],
)

FACTS = PageData(
    run_id="run-1",
    ds=DS,
    release={"release": 7, "rows": {"silver.events": 900}},
    steps=[failed_step("user_days", status="done", seconds=1.25, rows_in=10, rows_out=1, exit_code=None, error=None)],
    checks=[check()],
    runs=[{"critical": 0, "warnings": 1}, {"critical": 0, "warnings": 0}],
    files=[{"table_name": "silver.events", "files": 1, "read": 1000, "accepted": 900, "rejected": 75, "duplicate": 25, "about": 1000, "left_out": 0}],
    quarantined=[],
    deliveries=[
        {"table_name": "silver.events", "day": DS - timedelta(days=1), "read": 10, "rejected": 1},
        {"table_name": "silver.events", "day": DS, "read": 990, "rejected": 74},
    ],
    days=[{"event_date": DS - timedelta(days=ago), "lines": 100 + ago} for ago in (2, 1)],
    rejected=[{"table_name": "silver.events", "reason": "no_user", "rows": 75, "first": '{"user": "***", "note": "ok"}', "last": None}],
    evaluations=[
        *(score("published", value, metric=metric) for metric, value in (("ndcg@20", 0.352), ("recall@20", 0.144))),
        score("popularity", 0.146),
        score("ease", 0.349),
        score("published", 0.206, versus="popularity"),
        score("published", 0.003, versus="ease"),
    ],
    examples=[
        Example(
            "u1",
            ("Bread",),
            {
                "rebuy": (
                    Place("BANANAS", "You bought it once.", "40 LB", bought=True),
                    Place("Jam <small>", "bought 3 times"),
                    Place("BANANAS", "You bought it 2 times.", "Organic brand"),
                ),
                "discovery": (Place("POTATOES", "Bought by those who also buy Bread."),),
            },
            days=28,
        )
    ],
    lists=LISTS,
    versions={"silver.events": 4, "ops.files": 1},
)

LAST = DS - timedelta(days=1)
VISITS = Visits(
    last_day=LAST,
    days=[  # the last week has 25 of 500 visits with an order, the one before 20 of 400, and earlier ones more
        {"event_date": LAST - timedelta(days=ago), "visits": visits, "looked": visits - 10, "carted": 10, "bought": bought}
        for ago, (visits, bought) in enumerate([(71, 3)] * 6 + [(74, 7)] + [(57, 2)] * 6 + [(58, 8)] + [(90, 9)] * 14)
    ][::-1],
    channels=[
        {"name": "web", "visits": 300, "carted": 60, "bought": 9, "visits_before": 300, "carted_before": 60, "bought_before": 12},
        {"name": None, "visits": 200, "carted": 10, "bought": 16, "visits_before": 100, "carted_before": 10, "bought_before": 8},
    ],
    categories=[
        {
            "name": "Teapots <and> kettles",
            "looks": 1200,
            "carts": 90,
            "purchases": 30,
            "looks_before": 1000,
            "carts_before": 80,
            "purchases_before": 30,
        },
        {"name": "Jam", "looks": 90, "carts": 9, "purchases": 3, "looks_before": 0, "carts_before": 0, "purchases_before": 0},
    ],
    impossible=3,
)
EXPOSURES = Exposures(
    last_day=LAST,
    lists=[
        {"setting": "rebuy", "name": None, "shown": 4000, "told": 4000, "clicked": 260, "known": 3000, "bought": 150},
        {"setting": None, "name": "bestsellers", "shown": 1000, "told": 0, "clicked": 0, "known": 0, "bought": 0},
        {"setting": None, "name": None, "shown": 10, "told": 10, "clicked": 1, "known": 10, "bought": 0},
    ],
    places=[
        {"name": "home page", "position": 10, "shown": 900, "told": 900, "clicked": 9, "known": 900, "bought": 9},
        {"name": "home page", "position": 2, "shown": 1000, "told": 1000, "clicked": 90, "known": 1000, "bought": 30},
        {"name": "home page", "position": None, "shown": 20, "told": 20, "clicked": 1, "known": 20, "bought": 1},
        {"name": "e-mail", "position": None, "shown": 20, "told": 20, "clicked": 1, "known": 20, "bought": 1},
        {"name": None, "position": None, "shown": 10, "told": 10, "clicked": 1, "known": 10, "bought": 0},
    ],
)
SEGMENTS: dict[str, Any] = {
    "as_of": "2026-01-03",
    "compared_with": "2025-12-27",
    "currency": "EUR",
    "without_column": ["students: the shop does not have occupation, so the segment holds nobody"],
    "segments": [
        {"kind": kind, "segment": segment, "people": 1200, "spend_minor_28d": 123_450, "spend_minor_90d": 9_000_000, "joined": moved, "left": moved}
        for kind, segment, moved in (("rule", "new_customers", 7), ("learned", "order often, spend <much>", None))
    ],
}
OUTCOME: dict[str, Any] = {
    "campaign_id": "autumn", "campaign_type": "Type <A>", "start_date": "2025-11-01", "end_date": "2025-11-30", "forecast": "back_test",
    "people": 400,
    "expected_redeemers": 53.0, "expected_redeemers_low": 40.0, "expected_redeemers_high": 66.0, "redeemers": 52, "redemptions": 70,
    "cost_minor": 9000.0, "redeemers_spend_minor": 123_400.0, "coupons_of": "planned", "coupons": 650, "expected_redemptions": 34.0,
    "expected_redemptions_low": 20.0, "expected_redemptions_high": 50.0, "redeemed_coupons": 19, "coupons_with_discount": 11,
    "expected_cost_minor": 2000.0,
    "expected_cost_minor_low": 1000.0, "expected_cost_minor_high": 3000.0, "coupons_cost_minor": 3000.0, "budget_minor": 2500.0,
    "charged_minor": 3000.0, "within_budget": False, "holdout_people": 60, "holdout_redeemers": 0, "holdout_spend_minor": 1000.0,
    "others_spend_minor": 1200.0, "difference_minor": 200.0, "difference_minor_low": 50.0, "difference_minor_high": 350.0,
    "no_evidence": "not_contacted",
}  # fmt: skip
LISTED = ("campaign_id", "campaign_type", "start_date", "end_date", "people", "redeemers", "redemptions", "cost_minor", "redeemers_spend_minor")
OUTCOMES: dict[str, Any] = {
    "as_of": "2026-01-03",
    "currency": "EUR",
    "campaigns": [OUTCOME, {**{name: OUTCOME[name] for name in LISTED}, "campaign_id": "spring", "no_evidence": "no_holdout"}],
}
RESPONSES = [{"setting": "rebuy", "bought": 400, "returned": 12, "dismissed": 3, "ratings": 20, "stars": 4.25, "low": 2}]


def made(found: PageData) -> str:
    return page(found, shop="corner_shop", description="groceries", made_at=NOW)
