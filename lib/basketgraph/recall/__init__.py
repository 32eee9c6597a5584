"""Candidates: what each recommender would show each user, and how sure it is."""

from basketgraph.recall.als_factors import als_factors
from basketgraph.recall.assortment import assortment
from basketgraph.recall.candidates import candidates, edges_for_ease, user_rows
from basketgraph.recall.catalogue import Catalogue, catalogue
from basketgraph.recall.related_items import related_items, sampled_edges
from basketgraph.recall.settings import RecallSettings

__all__ = [
    "Catalogue",
    "RecallSettings",
    "als_factors",
    "assortment",
    "candidates",
    "catalogue",
    "edges_for_ease",
    "related_items",
    "sampled_edges",
    "user_rows",
]
