"""What gold.user_moods knew of each person before a day, as columns of their profile."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.persons import of_persons

MOODS = {"mood": "double", "last_mood": "double", "topics": "array<struct<name:string,share:double>>"}  # columns of both tables, and their types


def known_moods(moods: DataFrame, links: DataFrame | None, *, as_of: date) -> DataFrame:
    """The moods of the newest day up to `as_of`, by the person as of that day.

    moods:   gold.user_moods rows of any day.
    links:   whose an actor is, as from `Persons.links`; of actors who became one person since, the one who wrote last counts.
    returns: user_id and MOODS, one row a person; none where all moods are as of a later day.
    """
    newest = moods.where(F.col("as_of") <= F.lit(as_of)).agg(F.max("as_of").alias("as_of"))
    known = moods.join(F.broadcast(newest), "as_of", how="left_semi")
    latest = F.struct(F.col("last_text_at"), F.col("texts"), *MOODS)
    persons = known if links is None else of_persons(known, links)
    chosen = persons.groupBy("user_id").agg(F.max(latest).alias("latest"))
    return chosen.select("user_id", *(F.col("latest")[name].alias(name) for name in MOODS))
