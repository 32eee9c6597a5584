"""Each critical promise is broken by one planted row and kept by the row beside it; results tell counts and never values."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date, datetime, timezone
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.config import UserError, data_yaml, parsed
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.quality.check import QualityStop, check_all
from basketgraph.foundation.quality.check_scope import Finding, whole_table
from basketgraph.foundation.quality.examine import examine
from basketgraph.foundation.quality.suites import Expectation, QualitySettings, Suite, suite, suites
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

DS = date(2026, 1, 3)
DAY = date(2026, 1, 2)
NOON = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)
LONG_AGO = datetime(2025, 12, 26, 12, tzinfo=timezone.utc)  # a day older than `fresh_days` before DS
USER = "0123456789abcdef" * 2
SETTINGS = parsed(QualitySettings, data_yaml("conf/settings.yaml")["quality"], "settings.quality")
VALUES: dict[str, Any] = {**SETTINGS.values, "ds": DS, "previous_rows": None, "later_delivery": None}
Rows = list[dict[str, Any]]

# Of a person and at a time at the limits.
SEEN = {
    "user_id": USER, "visitor_id": USER, "event_time": NOON, "event_date": date(2026, 1, 3), "ingested_at": NOON.replace(day=1),
}  # fmt: skip
# One row a table that keeps every promise, as near to the limits as it can be.
GOOD: dict[str, dict[str, Any]] = {
    "silver.events": {
        "event_id": "e", "event_type": "cancellation", "event_time": NOON, "event_date": date(2026, 1, 3), "user_id": USER, "visitor_id": USER,
        "quantity": 1, "amount_minor": 0, "list_amount_minor": 0, "discount_minor": 0, "coupon_minor": 0, "currency": "EUR",
        "ingested_at": NOON.replace(day=1),
    },
    "silver.items": {
        "item_id": "i", "valid_from": DAY, "valid_to": date(2026, 1, 3), "name": "Jam", "department": "Food", "category": "Jam",
        "recommendable": True,
    },
    "silver.users": {"user_id": USER, "valid_from": DAY, "valid_to": date(2026, 1, 3)},
    "silver.promotions": {"item_id": "i", "store_id": "s", "valid_from": DAY, "valid_to": date(2026, 1, 3)},
    "silver.campaigns": {"campaign_id": "c", "start_date": DAY, "end_date": DAY},
    "silver.campaign_targets": {"campaign_id": "c", "user_id": USER},
    "silver.coupons": {"coupon_id": "p", "campaign_id": "c", "item_id": "i"},
    "silver.redemptions": {"redemption_id": "r", "user_id": USER, "redemption_date": date(2026, 1, 3), "ingested_at": NOON},
    "silver.searches": {**SEEN, "search_id": "s", "query": "tea"},
    "silver.reviews": {
        "review_id": "r", "user_id": USER, "rating": 5.0, "rating_min": 1.0, "rating_max": 5.0, "event_time": NOON, "ingested_at": NOON,
    },
    "silver.exposures": {**SEEN, "exposure_id": "e", "clicked": True},
    "silver.messages": {**SEEN, "message_id": "m", "message_type": "question"},
    "silver.consents": {"user_id": USER, "purpose": "p", "channel": "all", "valid_from": DAY, "valid_to": date(2026, 1, 3)},
    "silver.identities": {"identifier_type": "card", "identifier": USER, "user_id": USER, "valid_from": DAY, "valid_to": date(2026, 1, 3)},
    "ops.list_outcomes": {
        "as_of": DS, "setting": "rebuy", "model": "published", "segment": "all", "customers": 3, "shopped": 3, "bought_from_list": 3, "places": 2,
        "places_bought": 2,
    },
    "silver.rejected_rows": {"rejected_id": "r", "reasons": ["no_user"], "payload": '{"mail": "***"}'},
    "ops.files": {"rows_read": 10, "rows_accepted": 5, "rows_rejected": 3, "rows_duplicate": 2, "status": "done"},
    "gold.interactions": {
        "as_of": DS, "user_id": USER, "item_id": "i", "first_date": DAY, "last_date": DAY, "weight": 0.001, "purchases": 1,
        "orders": 1, "quantity": 1,
    },
    "gold.refused_items": {"as_of": DS, "user_id": USER, "item_id": "i", "reason": "returned"},
    "gold.item_transitions": {"as_of": DS, "item_id": "i", "related_item_id": "j", "rank": 1, "score": 0.001},
    "gold.audiences": {"as_of": DS, "audience": "open_cart", "user_id": USER, "item_id": "i", "rank": 1, "last_at": NOON.replace(year=2025)},
    "gold.contacts": {
        "as_of": DS, "user_id": USER, "campaign_id": "c", "channel": "email", "proposed_at": NOON, "value": 0.0, "send_at": NOON, "sent": True,
    },
    "gold.price_bands": {"as_of": DS, "user_id": USER, "category": "c", "lines": 1, "low_minor": 0, "high_minor": 1},
    "gold.category_price_bands": {"as_of": DS, "category": "c", "lines": 1, "low_minor": 0, "high_minor": 1},
    "gold.price_sensitivity": {"as_of": DS, "user_id": USER, "discounted_share": 0.0, "expected_share": 1.0, "sensitivity_index": -1.0},
    "gold.price_conflicts": {
        "as_of": DS, "event_date": DAY, "store_id": "", "item_id": "i", "currency": "EUR", "lines": 2, "prices": 2, "low_minor": 0, "high_minor": 2,
    },
    "gold.campaign_scores": {"as_of": DS, "campaign_id": "c", "user_id": USER, "rank": 1, "probability": 0.001},
    "gold.coupon_scores": {
        "as_of": DS, "campaign_id": "c", "user_id": USER, "coupon_id": "p", "rank": 1, "probability": 0.0, "expected_spend_minor": 0.0,
        "discount_minor": None,
    },
    "gold.coupon_allocation": {
        "as_of": DS, "campaign_id": "c", "user_id": USER, "coupon_id": "p", "rank": 1, "probability": 0.0, "value_minor": 0.0, "cost_minor": 0.0,
    },
    "gold.campaign_budgets": {
        "as_of": DS, "campaign_id": "c", "budget_minor": 9.0, "set_on": DAY, "spent_minor": 4.0, "outstanding_minor": 3.0, "planned_minor": 2.0,
        "expected_cost_minor": 2.0, "shadow_price": 1.0, "within_budget": 1.0,
    },
    "gold.campaign_outcomes": {
        "as_of": DS, "campaign_id": "c", "start_date": DAY, "end_date": DAY, "people": 9, "redeemers": 2, "redemptions": 3, "holdout_people": 1,
        "holdout_redeemers": 0, "no_evidence": "too_few",
    },
    "gold.item_texts": {"item_id": "i", "text": "jam", "text_hash": hashlib.sha256(b"jam").hexdigest()},
    "gold.item_text_vectors": {"text_hash": "h", "model": "m", "vector": [0.6, 0.8], "by_characters": False},
    "gold.user_moods": {
        "as_of": DS, "user_id": USER, "mood": 0.0, "last_mood": 1.0, "last_text_at": datetime(2026, 1, 3, 9, tzinfo=timezone.utc), "texts": 1,
        "topics": [("Tops", 1.0)],
    },
    "gold.item_moods": {"as_of": DS, "item_id": "i", "mood": 1.0, "reviews": 1, "topics": [("Tops", 0.0)]},
    "gold.answers": {"as_of": DS, "question": "tea", "rank": 1, "score": 1.0, "found_by": "words", "searches": 2, "people": 2},
    "gold.search_indexes": {"name": "ab" * 16, "sha256": "ab" * 32, "titles": 1},
    "gold.user_profiles": {
        "as_of": DS, "user_id": USER, "recency_days": 1, "tenure_days": 1, "purchase_days": 1, "orders": 1, "purchases": 1, "orders_28d": 1,
        "orders_90d": 1, "orders_365d": 1, "discount_line_share": 1.0, "price_position": 0.0,
        "hour_shares": [1 / 24] * 24, "weekday_shares": [1 / 7] * 7, "lifecycle": "lapsed",
    },
    "gold.user_segments": {"as_of": DS, "user_id": USER, "kind": "rule", "segment": "all"},
    "gold.user_days": {
        "user_id": USER, "event_date": DAY, "orders": 1, "lines": 1, "discounted_lines": 1, "coupon_lines": 0, "orders_by_hour": [1] + [0] * 23,
        "bought": [("i", 1, 5, 5)], "views": 1999, "clicks": 1, "favourites": 0, "dismissals": 0, "cart_adds": 0, "cart_removes": 0,
        "searches": 0, "ratings": 0,
    },
    "gold.sessions": {
        "visit_id": "v", "user_id": USER, "event_date": DAY, "seconds": 90000, "events": 7, "views": 1, "clicks": 1, "favourites": 1,
        "dismissals": 1, "cart_adds": 1, "cart_removes": 1, "purchases": 1, "different_items": 7,
    },
    "gold.impossible_visitors": {
        "user_id": USER, "event_date": DAY, "looks": 101, "busiest_minute": 101, "different_items": 101, "is_too_fast": True, "is_too_broad": False,
    },
    "gold.kept_purchases": {
        "event_id": "e", "valid_from": DAY, "valid_to": date(2026, 1, 3), "event_date": DAY, "user_id": USER, "quantity": 2, "kept_quantity": 1,
        "amount_minor": -3, "kept_amount_minor": -3, "cancellation_ids": ["c"],
    },
    "gold.user_embeddings": {"as_of": DS, "user_id": USER, "embedding": [0.5]},
    "gold.item_embeddings": {"as_of": DS, "item_id": "i", "embedding": [0.5], "message": [0.0]},
    "gold.sequence_user_vectors": {"as_of": DS, "user_id": USER, "vector": [0.5]},
    "gold.sequence_item_vectors": {"as_of": DS, "item_id": "i", "vector": [0.5]},
    "gold.als_user_factors": {"as_of": DS, "user_id": USER, "factors": [0.5]},
    "gold.als_item_factors": {"as_of": DS, "item_id": "i", "factors": [0.5]},
    "gold.related_items": {"as_of": DS, "item_id": "i", "related_item_id": "j", "rank": 1, "score": 0.5},
    "gold.similar_items": {"as_of": DS, "item_id": "i", "related_item_id": "j", "rank": 1, "score": 0.001},
    "gold.new_item_candidates": {"as_of": DS, "user_id": USER, "item_id": "i", "rank": 4, "score": -0.5, "like_item_id": "j"},
    "gold.candidates": {"user_id": USER, "item_id": "i", "setting": "rebuy", "graph_score": 0.5},
    "gold.recommendations": {
        "as_of": DS, "setting": "rebuy", "user_id": USER, "rank": 1, "item_id": "i", "score": -1.0, "sources": ["graph"], "reason": "why",
        "propensity": 1.0,
    },
}  # fmt: skip

KEYS = {
    "silver.searches": "search_id", "silver.reviews": "review_id", "silver.exposures": "exposure_id", "silver.messages": "message_id",
    "silver.consents": "user_id,purpose,channel,valid_from", "silver.identities": "identifier_type,identifier,valid_from",
    "gold.sessions": "visit_id", "ops.list_outcomes": "as_of,setting,model,segment",
}  # fmt: skip
OF_VISITORS = ("silver.searches", "silver.exposures", "silver.messages")

# (table, the check that must find it, what is changed in the good row; None: the good row comes twice).
BROKEN: list[tuple[str, str, dict[str, Any] | None]] = [
    ("silver.events", "key_to_be_unique:event_id", None),
    ("silver.events", "column_values_to_meet:user_id", {"user_id": "17850"}),
    ("silver.events", "column_values_to_meet:item_id", {"item_id": " "}),
    ("silver.events", "column_values_to_meet:item_id", {"order_id": ""}),
    ("silver.events", "column_values_to_be_in_set:event_type", {"event_type": "hover"}),
    ("silver.events", "column_values_to_meet:visitor_id", {"visitor_id": "cookie"}),
    ("silver.events", "column_values_to_be_between:quantity", {"quantity": 0}),
    ("silver.events", "column_values_to_be_between:quantity#2", {"quantity": 1001}),
    ("silver.events", "column_values_to_be_between:amount_minor", {"event_type": "purchase", "amount_minor": -1, "coupon_minor": 1}),
    ("silver.events", "column_values_to_meet:list_amount_minor", {"amount_minor": 1}),
    ("silver.events", "column_values_to_meet:event_id", {"discount_minor": -1}),
    ("silver.events", "column_values_to_meet:currency", {"currency": "EURO"}),
    ("silver.events", "column_values_to_meet:event_date", {"event_date": date(2026, 1, 4)}),
    ("silver.events", "column_values_to_meet:event_time", {"event_time": NOON.replace(second=1)}),
    ("silver.items", "key_to_be_unique:item_id,valid_from", None),
    ("silver.items", "column_values_to_meet:item_id", {"item_id": ""}),
    ("silver.items", "column_values_to_meet:valid_to", {"valid_to": DAY}),
    ("silver.items", "column_values_to_meet:item_id#2", {"name": None}),
    ("silver.items", "column_values_to_meet:item_id#3", {"category": None}),
    ("silver.users", "key_to_be_unique:user_id,valid_from", None),
    ("silver.users", "column_values_to_meet:user_id", {"user_id": "ann@example.org"}),
    ("silver.users", "column_values_to_meet:valid_to", {"valid_to": DAY}),
    ("silver.promotions", "column_values_to_meet:valid_to", {"valid_to": DAY}),
    ("silver.promotions", "column_values_to_meet:valid_to#2", {"valid_to": date(2026, 3, 6)}),
    ("silver.campaigns", "key_to_be_unique:campaign_id", None),
    ("silver.campaigns", "column_values_to_meet:end_date", {"end_date": date(2026, 1, 1)}),
    ("silver.campaigns", "column_values_to_meet:end_date#2", {"end_date": date(2027, 1, 4)}),
    ("silver.campaign_targets", "key_to_be_unique:campaign_id,user_id", None),
    ("silver.campaign_targets", "column_values_to_meet:user_id", {"user_id": "1"}),
    ("silver.coupons", "key_to_be_unique:coupon_id,campaign_id,item_id", None),
    ("silver.coupons", "column_values_to_meet:coupon_id", {"coupon_id": ""}),
    ("silver.redemptions", "key_to_be_unique:redemption_id", None),
    ("silver.redemptions", "column_values_to_meet:user_id", {"user_id": "1"}),
    ("silver.redemptions", "column_values_to_meet:redemption_date", {"redemption_date": date(2026, 1, 4)}),
    *[(table, f"key_to_be_unique:{key}", None) for table, key in KEYS.items()],
    *[(table, "column_values_to_meet:user_id", {"user_id": "1"}) for table in KEYS if table.startswith("silver.")],
    *[(table, "column_values_to_meet:visitor_id", {"visitor_id": "1"}) for table in OF_VISITORS],
    *[(table, "column_values_to_meet:event_date", {"event_date": date(2026, 1, 4)}) for table in OF_VISITORS],
    *[(table, "column_values_to_meet:event_time", {"event_time": NOON.replace(second=1)}) for table in OF_VISITORS],
    ("silver.searches", "column_values_to_meet:query", {"query": " "}),
    ("silver.reviews", "column_values_to_meet:rating", {"rating_max": 1.0}),
    ("silver.reviews", "column_values_to_meet:event_time", {"event_time": NOON.replace(day=4)}),
    ("silver.consents", "column_values_to_meet:valid_to", {"valid_to": DAY}),
    ("silver.identities", "column_values_to_meet:valid_to", {"valid_to": DAY}),
    ("silver.identities", "column_values_to_meet:identifier", {"identifier": "1"}),
    ("gold.sessions", "column_values_to_meet:events", {"different_items": 8}),
    ("gold.sessions", "column_values_to_meet:seconds", {"seconds": 90001}),
    ("gold.impossible_visitors", "key_to_be_unique:user_id,event_date", None),
    ("gold.impossible_visitors", "column_values_to_meet:looks", {"is_too_fast": False}),
    ("gold.impossible_visitors", "column_values_to_meet:looks", {"busiest_minute": 102}),
    ("ops.list_outcomes", "column_values_to_meet:shopped", {"bought_from_list": 4}),
    ("ops.list_outcomes", "column_values_to_meet:places", {"places_bought": 3}),
    ("silver.rejected_rows", "key_to_be_unique:rejected_id", None),
    ("silver.rejected_rows", "column_values_to_meet:reasons", {"reasons": []}),
    ("silver.rejected_rows", "column_values_to_meet:payload", {"payload": '{"mail": "ann.lee@example.org"}'}),
    ("silver.rejected_rows", "column_values_to_meet:payload#2", {"payload": '{"note": "write to ***@***"}'}),
    ("ops.files", "column_values_to_meet:rows_read", {"rows_duplicate": 1}),
    ("ops.files", "column_values_to_meet:status", {"status": "started"}),
    ("ops.files", "column_values_to_meet:rows_rejected", {"rows_accepted": 4, "rows_left_out": 1}),  # 3 of the 9 that are not left out
    ("gold.interactions", "key_to_be_unique:as_of,user_id,item_id", None),
    ("gold.interactions", "column_values_to_meet:last_date", {"last_date": DS}),
    ("gold.interactions", "column_values_to_be_between:weight", {"weight": 0.0}),
    ("gold.interactions", "column_values_to_meet:purchases", {"orders": 2}),
    ("gold.interactions", "column_values_to_be_between:purchases", {"purchases": 2001}),
    ("gold.refused_items", "key_to_be_unique:as_of,user_id,item_id", None),
    ("gold.refused_items", "column_values_to_be_in_set:reason", {"reason": "disliked"}),
    ("gold.item_transitions", "key_to_be_unique:as_of,item_id,related_item_id", None),
    ("gold.item_transitions", "column_values_to_meet:score", {"related_item_id": "i"}),
    ("gold.item_transitions", "column_values_to_meet:score", {"score": 0.0}),
    ("gold.audiences", "key_to_be_unique:as_of,audience,user_id,item_id", None),
    ("gold.audiences", "column_values_to_be_in_set:audience", {"audience": "everybody"}),
    ("gold.audiences", "column_values_to_meet:last_at", {"last_at": NOON.replace(year=2027)}),
    ("gold.contacts", "key_to_be_unique:as_of,user_id,campaign_id,channel,proposed_at", None),
    ("gold.contacts", "column_values_to_meet:sent", {"sent": False, "send_at": None}),
    ("gold.contacts", "column_values_to_meet:proposed_at", {"send_at": NOON.replace(hour=11)}),
    ("gold.contacts", "column_values_to_meet:campaign_id", {"suppressed_by": "c"}),
    ("gold.contacts", "column_values_to_meet:value", {"value": float("nan")}),
    ("gold.price_bands", "key_to_be_unique:as_of,user_id,category", None),
    ("gold.price_bands", "column_values_to_meet:low_minor", {"low_minor": 1}),
    ("gold.category_price_bands", "key_to_be_unique:as_of,category", None),
    ("gold.category_price_bands", "column_values_to_meet:low_minor", {"lines": 0}),
    ("gold.price_sensitivity", "key_to_be_unique:as_of,user_id", None),
    ("gold.price_sensitivity", "column_values_to_meet:sensitivity_index", {"expected_share": 1.1}),
    ("gold.price_conflicts", "key_to_be_unique:as_of,event_date,store_id,item_id,currency", None),
    ("gold.price_conflicts", "column_values_to_meet:prices", {"prices": 1}),
    ("gold.campaign_scores", "key_to_be_unique:as_of,campaign_id,user_id", None),
    ("gold.campaign_scores", "column_values_to_meet:probability", {"probability": 0.0}),
    ("gold.campaign_scores", "column_values_to_meet:probability", {"probability": float("nan")}),
    ("gold.coupon_scores", "key_to_be_unique:as_of,campaign_id,user_id,coupon_id", None),
    ("gold.coupon_scores", "column_values_to_meet:probability", {"probability": float("nan")}),
    ("gold.coupon_scores", "column_values_to_meet:expected_spend_minor", {"discount_minor": 0.0}),
    ("gold.coupon_allocation", "key_to_be_unique:as_of,campaign_id,user_id,coupon_id", None),
    ("gold.coupon_allocation", "column_values_to_meet:cost_minor", {"value_minor": float("nan")}),
    ("gold.campaign_budgets", "key_to_be_unique:as_of,campaign_id", None),
    ("gold.campaign_budgets", "column_values_to_meet:budget_minor", {"spent_minor": -1.0}),
    ("gold.campaign_budgets", "column_values_to_meet:expected_cost_minor", {"outstanding_minor": 4.0}),
    ("gold.campaign_outcomes", "key_to_be_unique:as_of,campaign_id", None),
    ("gold.campaign_outcomes", "column_values_to_meet:redeemers", {"redeemers": 4}),
    ("gold.campaign_outcomes", "column_values_to_meet:end_date", {"end_date": DS}),
    ("gold.campaign_outcomes", "column_values_to_meet:forecast", {"forecast": "plan"}),
    ("gold.campaign_outcomes", "column_values_to_meet:holdout_people", {"no_evidence": None, "difference_minor": None}),
    ("gold.item_texts", "key_to_be_unique:item_id", None),
    ("gold.item_texts", "column_values_to_meet:text", {"text": "tea"}),
    ("gold.item_text_vectors", "key_to_be_unique:text_hash,model", None),
    ("gold.item_text_vectors", "column_values_to_meet:by_characters", {"by_characters": True}),
    ("gold.item_text_vectors", "column_values_to_meet:vector", {"vector": [0.6, 0.9]}),
    ("gold.user_moods", "key_to_be_unique:as_of,user_id", None),
    ("gold.user_moods", "column_values_to_meet:mood", {"last_mood": float("nan")}),
    ("gold.user_moods", "column_values_to_meet:last_text_at", {"last_text_at": datetime(2026, 1, 4, tzinfo=timezone.utc)}),
    ("gold.user_moods", "column_values_to_meet:texts", {"last_mood": None}),
    ("gold.user_moods", "column_values_to_meet:topics", {"topics": [("Tops", 0.1)] * 4}),
    ("gold.item_moods", "key_to_be_unique:as_of,item_id", None),
    ("gold.item_moods", "column_values_to_meet:mood", {"mood": 1.1}),
    ("gold.item_moods", "column_values_to_meet:topics", {"reviews": 0}),
    ("gold.answers", "key_to_be_unique:question,rank", None),
    ("gold.answers", "column_values_to_be_between:rank", {"rank": 0}),
    ("gold.answers", "column_values_to_be_in_set:found_by", {"found_by": "chance"}),
    ("gold.answers", "column_values_to_meet:score", {"score": float("nan")}),
    ("gold.answers", "column_values_to_meet:people", {"people": 3}),
    ("gold.search_indexes", "key_to_be_unique:name", None),
    ("gold.search_indexes", "column_values_to_meet:name", {"sha256": "cd" * 32}),
    ("gold.search_indexes", "column_values_to_be_between:titles", {"titles": 0}),
    ("gold.user_profiles", "key_to_be_unique:as_of,user_id", None),
    ("gold.user_profiles", "column_values_to_be_between:recency_days", {"recency_days": 0}),
    ("gold.user_profiles", "column_values_to_meet:tenure_days", {"recency_days": 2}),
    ("gold.user_profiles", "column_values_to_meet:orders", {"orders": 2}),
    ("gold.user_profiles", "column_values_to_meet:orders_28d", {"orders_28d": 2}),
    ("gold.user_profiles", "column_values_to_meet:user_id", {"price_position": 1.01}),
    ("gold.user_profiles", "column_values_to_meet:hour_shares", {"weekday_shares": [0.2] * 5}),
    ("gold.user_profiles", "column_values_to_meet:hour_shares#2", {"hour_shares": [0.05] * 24}),
    ("gold.user_profiles", "column_values_to_be_in_set:lifecycle", {"lifecycle": "gone"}),
    ("gold.user_segments", "key_to_be_unique:as_of,user_id,kind,segment", None),
    ("gold.user_segments", "column_values_to_be_in_set:kind", {"kind": "guess"}),
    ("gold.user_segments", "column_values_to_meet:segment", {"segment": " "}),
    ("gold.user_days", "key_to_be_unique:user_id,event_date", None),
    ("gold.user_days", "column_values_to_meet:lines", {"orders": 2, "orders_by_hour": [2] + [0] * 23}),
    ("gold.user_days", "column_values_to_meet:bought", {"bought": []}),
    ("gold.user_days", "column_values_to_meet:orders_by_hour", {"orders_by_hour": [0] * 24}),
    ("gold.user_days", "column_values_to_meet:discounted_lines", {"discounted_lines": 2}),
    ("gold.kept_purchases", "key_to_be_unique:event_id,valid_from", None),
    ("gold.kept_purchases", "column_values_to_meet:kept_quantity", {"kept_quantity": 2}),
    ("gold.kept_purchases", "column_values_to_meet:kept_quantity", {"kept_quantity": -1, "kept_amount_minor": 0}),
    ("gold.kept_purchases", "column_values_to_meet:kept_amount_minor", {"kept_amount_minor": 4}),
    ("gold.kept_purchases", "column_values_to_meet:kept_amount_minor", {"kept_quantity": 0}),
    ("gold.kept_purchases", "column_values_to_meet:valid_from", {"valid_from": date(2026, 1, 1)}),
    ("gold.kept_purchases", "column_values_to_meet:valid_from", {"valid_to": DAY}),
    ("gold.kept_purchases", "column_values_to_meet:cancellation_ids", {"cancellation_ids": []}),
    (
        "gold.user_days",
        "column_values_to_meet:people_not_bots",
        {"orders": 51, "lines": 51, "bought": [("i", 1, 5, 5)] * 51, "orders_by_hour": [51] + [0] * 23},
    ),
    (
        "gold.user_days",
        "column_values_to_meet:people_sleep",
        {"orders": 17, "lines": 17, "bought": [("i", 1, 5, 5)] * 17, "orders_by_hour": [1] * 17 + [0] * 7},
    ),
    ("gold.user_embeddings", "key_to_be_unique:as_of,user_id", None),
    ("gold.user_embeddings", "column_values_to_meet:embedding", {"embedding": [float("nan")]}),
    ("gold.item_embeddings", "key_to_be_unique:as_of,item_id", None),
    ("gold.item_embeddings", "column_values_to_meet:embedding", {"message": []}),
    ("gold.sequence_user_vectors", "key_to_be_unique:as_of,user_id", None),
    ("gold.sequence_user_vectors", "column_values_to_meet:vector", {"vector": [float("nan")]}),
    ("gold.sequence_item_vectors", "key_to_be_unique:as_of,item_id", None),
    ("gold.sequence_item_vectors", "column_values_to_meet:vector", {"vector": []}),
    ("gold.als_user_factors", "key_to_be_unique:as_of,user_id", None),
    ("gold.als_user_factors", "column_values_to_meet:factors", {"factors": []}),
    ("gold.als_item_factors", "key_to_be_unique:as_of,item_id", None),
    ("gold.als_item_factors", "column_values_to_meet:factors", {"factors": [float("nan")]}),
    ("gold.related_items", "key_to_be_unique:as_of,item_id,related_item_id", None),
    ("gold.related_items", "column_values_to_meet:related_item_id", {"related_item_id": "i"}),
    ("gold.similar_items", "key_to_be_unique:as_of,item_id,related_item_id", None),
    ("gold.similar_items", "column_values_to_meet:related_item_id", {"score": 0.0}),
    ("gold.new_item_candidates", "key_to_be_unique:as_of,user_id,item_id", None),
    ("gold.new_item_candidates", "key_to_be_unique:as_of,user_id,rank", None),
    ("gold.new_item_candidates", "column_values_to_be_between:rank", {"rank": 5}),
    ("gold.new_item_candidates", "column_values_to_meet:score", {"score": float("nan")}),
    ("gold.new_item_candidates", "column_values_to_meet:like_item_id", {"like_item_id": "i"}),
    ("gold.candidates", "column_values_to_meet:item_id", {"graph_score": None}),
    ("gold.recommendations", "key_to_be_unique:as_of,setting,user_id,rank", None),
    ("gold.recommendations", "key_to_be_unique:as_of,setting,user_id,item_id", None),
    ("gold.recommendations", "column_values_to_be_between:rank", {"rank": 0}),
    ("gold.recommendations", "column_values_to_be_in_set:setting", {"setting": "both"}),
    ("gold.recommendations", "column_values_to_meet:score", {"score": float("nan")}),
    ("gold.recommendations", "column_values_to_meet:reason", {"reason": " "}),
    ("gold.recommendations", "column_values_to_meet:item_id", {"item_id": ""}),
    ("gold.recommendations", "column_values_to_meet:propensity", {"propensity": 0.0}),
    ("gold.recommendations", "column_values_to_meet:list_row_id", {"list_row_id": "0" * 32}),
]


def findings(spark: SparkSession, table: str, given: Rows) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(suite(table), VALUES, whole_table(rows(spark, table, given), DS, SETTINGS))}


@pytest.mark.parametrize("table", sorted(GOOD))
def test_each_planted_fault_is_found_by_its_own_check_and_a_row_at_the_limits_by_none(spark: SparkSession, table: str) -> None:
    """All of a table's faults lie in one frame beside the good row, so each check must count its own rows and no others."""
    planted = [(name, change) for where, name, change in BROKEN if where == table]
    found = findings(spark, table, [GOOD[table], *({**GOOD[table], **(change or {})} for _, change in planted)])
    expected = Counter(name for name, _ in planted)
    for name, finding in found.items():
        if name.startswith("key_to_be_unique"):
            assert (finding.success, finding.unexpected_count == 0) == (False, False), name
        elif finding.unexpected_count is not None:
            assert (name, finding.unexpected_count, finding.success) == (name, expected[name], expected[name] == 0)
        else:
            assert finding.success, f"{name}: {finding.observed}"


@pytest.mark.parametrize(
    ("table", "name", "change"),
    [
        ("silver.events", "column_max_to_be_between:event_date", {"event_date": LONG_AGO.date(), "event_time": LONG_AGO}),
        ("silver.items", "column_values_to_meet:item_id#4", {"recommendable": False}),
    ],
)
def test_a_fault_of_the_whole_table_is_found(spark: SparkSession, table: str, name: str, change: dict[str, Any]) -> None:
    assert [f.check for f in findings(spark, table, [{**GOOD[table], **change}]).values() if not f.success] == [name]


def test_every_critical_promise_about_rows_has_a_planted_fault() -> None:
    promised = {(s.table, name) for s in suites().values() for name, e in s.expectations.items() if e.severity == "critical" and e.columns}
    whole = {("silver.items", "column_values_to_meet:item_id#4")}  # has a test of its own above
    whole |= {("gold.recommendations", "looked_up_values_to_meet:item_is_listed")}  # and this one beside the other look-ups
    assert promised - {(table, name) for table, name, _ in BROKEN} == whole


def test_an_empty_table_of_events_items_or_interactions_stops(spark: SparkSession) -> None:
    for table in ("silver.events", "silver.items", "gold.interactions"):
        broken = [f.check for f in findings(spark, table, []).values() if not f.success and f.severity == "critical"]
        assert broken == ["table_row_count_to_be_between"], table


def test_a_critical_failure_stops_with_what_was_promised_and_found_and_is_kept(spark: SparkSession, tmp_path: Any) -> None:
    release = RunTables(spark, str(tmp_path), "run-1")
    events = [GOOD["silver.events"], {**GOOD["silver.events"], "event_id": "secret@example.org", "user_id": "secret@example.org"}]
    release.overwrite(rows(spark, "silver.events", events), "silver.events")
    with pytest.raises(QualityStop) as stopped:
        check_all(release, ["silver.events"], DS, SETTINGS)
    assert (stopped.value.exit_code, stopped.value.ds) == (3, DS)
    assert "user id is a pseudonym, have not true of 1 row of 2 (50.0\N{NO-BREAK SPACE}%)" in str(stopped.value)
    assert "expectations/silver/events.yaml" in str(stopped.value)
    assert "basketgraph replay --from DAY --to DAY" in str(stopped.value), "rows that are in already are not read again by cleaning"
    kept = release.read("ops.quality_results").collect()
    assert {row.check_name for row in kept if not row.success and row.severity == "critical"} == {"column_values_to_meet:user_id"}
    assert {(row.run_id, row.table_version, row.ds) for row in kept} == {("run-1", release.version("silver.events"), DS)}
    assert "secret" not in str(kept) + str(stopped.value)


def test_a_warning_is_kept_and_stops_nothing(spark: SparkSession, tmp_path: Any) -> None:
    release = RunTables(spark, str(tmp_path), "run-1")
    release.overwrite(rows(spark, "ops.files", [{**GOOD["ops.files"], "status": "quarantined"}]), "ops.files")
    check_all(release, ["ops.files"], DS, SETTINGS)
    (kept,) = release.read("ops.quality_results").where("NOT success").collect()
    assert (kept.check_name, kept.severity, kept.unexpected_count) == ("looked_up_values_to_meet:newest_is_read", "warning", 1)


@pytest.mark.long
def test_fewer_rows_than_the_run_before_saw_are_a_warning(spark: SparkSession, tmp_path: Any) -> None:
    items = [{**GOOD["silver.items"], "item_id": f"i{number}"} for number in range(10)]
    seen = []
    for run, kept in (("run-1", 10), ("run-2", 9), ("run-3", 8)):  # 9 of 10 are enough, 8 of 9 are not: 0.9 of 9 is 8.1
        release = RunTables(spark, str(tmp_path), run)
        release.overwrite(rows(spark, "silver.items", items[:kept]), "silver.items")
        check_all(release, ["silver.items"], DS, SETTINGS)
        (row,) = release.read("ops.quality_results").where(f"run_id = '{run}' AND check_name = 'table_row_count_to_be_between#2'").collect()
        seen.append((row.outcome, row.observed))
    assert seen == [("not_compared", "not compared yet: no previous rows"), ("kept", "it is 9"), ("broken", "it is 8")]


def test_a_table_that_was_never_written_is_a_mistake(spark: SparkSession, tmp_path: Any) -> None:
    with pytest.raises(UserError, match=r"silver\.items: not checked"):
        check_all(RunTables(spark, str(tmp_path), "run-1"), ["silver.items"], DS, SETTINGS)


def test_what_great_expectations_does_not_know_or_refuses_is_told_all_at_once(spark: SparkSession) -> None:
    def one(type_: str, **kwargs: Any) -> Expectation:
        return Expectation(type=type_, kwargs=kwargs, severity="critical", notes="why")

    wrong = {
        "a": one("expect_miracles", column="item_id"),
        "b": one("expect_column_values_to_be_in_set", column="item_id", value_set=3),
        "c": one("expect_column_values_to_meet", column="item_id", condition="true", colour="red"),
    }
    with pytest.raises(UserError) as refused:
        examine(Suite("silver.items", wrong), VALUES, whole_table(rows(spark, "silver.items", []), DS, SETTINGS))
    assert {fault.partition(":")[0] for fault in refused.value.faults} == {"a", "b", "c"}
    broken = {"d": one("expect_column_values_to_meet", column="item_id", condition="colour = 'red'")}
    with pytest.raises(UserError, match="colour"):
        examine(Suite("silver.items", broken), VALUES, whole_table(rows(spark, "silver.items", [{}]), DS, SETTINGS))


def test_conditions_name_columns_of_the_contract(spark: SparkSession) -> None:
    from basketgraph.foundation.quality.suites import filled

    for terms in suites().values():
        frame = spark.createDataFrame([], contract(terms.table).struct)
        for expectation in terms.expectations.values():
            for argument in ("condition", "row_condition", "metric", "bucket", "measure"):
                if argument in expectation.kwargs and "found" not in expectation.kwargs[argument]:
                    frame.selectExpr(filled(expectation, VALUES).kwargs[argument])  # raises where a name is not a column
