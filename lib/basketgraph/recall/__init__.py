"""Candidates: what each source would show each user, and how sure it is."""

from basketgraph.recall.als import als_factors
from basketgraph.recall.candidates import candidates, edges_for_ease, user_rows
from basketgraph.recall.catalogue import Catalogue, catalogue
from basketgraph.recall.popular import assortment
from basketgraph.recall.related import related_items
from basketgraph.recall.settings import SETTINGS, SOURCES, RecallSettings

__all__ = [
    "SETTINGS",
    "SOURCES",
    "Catalogue",
    "RecallSettings",
    "als_factors",
    "assortment",
    "candidates",
    "catalogue",
    "edges_for_ease",
    "related_items",
    "user_rows",
]
