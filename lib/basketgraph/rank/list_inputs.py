"""What lists are made of, as it was known at a cut: candidates with features, labels of the validation window, and what explains a list."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import Cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.item_names import product_name
from basketgraph.foundation.point_in_time import items_or_sold, kept_before, known_before
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.rank.evidence import Evidence, evidence
from basketgraph.rank.exposure_labels import clicked_items
from basketgraph.rank.features import features, labelled
from basketgraph.rank.histories import own_history, purchases_before
from basketgraph.rank.recommendations import listed_neighbours, recent_buyers
from basketgraph.rank.settings import RankSettings


class ListInputs:
    """The tables of a run, each read as of a cut."""

    def __init__(self, conf: Config, tables: RunTables, cuts: Cuts, settings: RankSettings) -> None:
        self.tables, self.cuts, self.settings = tables, cuts, settings
        self.persons, self.kept = GoalEvents(tables, conf.source), tables.read("gold.kept_purchases")
        self.items = items_or_sold(tables.read("silver.items"), self.persons.events, conf.source)

    def at(self, table: str, cut: date) -> DataFrame:
        """The rows of a gold table as of a cut."""
        return self.tables.read(table).where(F.col("as_of") == F.lit(cut))

    def featured(self, candidates: DataFrame, cut: date) -> DataFrame:
        """Rows of `features.features`. candidates: gold.candidates rows of the cut, or those of `labelled`."""
        purchases = purchases_before(self.persons.at(cut), self.kept, self.items, as_of=cut)
        own = own_history(purchases, half_life_days=self.settings.half_life_days).localCheckpoint()  # six frames are made of it
        return features(candidates, purchases, own)

    def labelled(self) -> DataFrame:
        """The validation cut's candidates to train on: rows of `features.labelled`."""
        cut = self.cuts.validation
        return labelled(
            self.at("gold.candidates", cut),
            self.persons.at(cut),
            self.kept,
            as_of=cut,
            window_days=self.cuts.window_days,
            settings=self.settings,
            clicked=self._clicked() if self.settings.click_labels else None,
        )

    def _clicked(self) -> DataFrame:
        cut = self.cuts.validation
        exposures, lists, links = self.tables.read("silver.exposures"), self.tables.read("gold.recommendations"), self.persons.links(cut)
        return clicked_items(exposures, lists, links, as_of=cut, window_days=self.cuts.window_days)

    def bought_in_window(self) -> DataFrame:
        """user_id, item_id of what was bought in the validation window, and kept as known at its end."""
        cut = self.cuts.validation
        kept = kept_before(self.persons.at(cut), self.kept, as_of=self.cuts.end(cut))
        return kept.where(F.col("event_date") >= F.lit(cut)).select("user_id", "item_id")

    def evidence(self, lists: DataFrame, *, popularity_days: int) -> Evidence:
        """What explains the lists of the test cut. lists: rows of `recommendations.ranked_lists`."""
        cut = self.cuts.test
        return evidence(
            known_before(self.items, cut).select("item_id", product_name().alias("name")).orderBy("item_id").toArrow(),
            recent_buyers(self.at("gold.candidates", cut)).toArrow(),
            listed_neighbours(self.at("gold.related_items", cut), lists).toArrow(),
            listed_neighbours(self.at("gold.similar_items", cut), lists).toArrow(),
            self.at("gold.item_embeddings", cut).select("item_id", "embedding", "message").toArrow(),
            popularity_days=popularity_days,
            parts=self.settings.evidence_items,
            words=self.persons.goal.words,
            mixed=not self.at("gold.interactions", cut).where("size(behaviours) > 0").isEmpty(),
        )
