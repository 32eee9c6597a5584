"""Draft silver.reviews: who thinks what of an item."""

from __future__ import annotations

from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.draft_tables import Lets, Table, count_equal_rows, flag_sql, label_sql, set_id, set_who
from basketgraph.onboard.events import moment_of_sale
from basketgraph.onboard.headerless import AS_RATINGS, FLAG
from basketgraph.onboard.role_scores import SCALE
from basketgraph.onboard.roles import Reading

SCALES = (5.0, 10.0)  # the best rating of usual scales; the worst is 1, or what is below it


def reviews_table(reading: Reading, lets: Lets) -> Table | None:
    """Draft silver.reviews where the files have ratings or reviews."""
    if reading.table != "reviews":
        return None
    table = Table("silver.reviews")
    _set_review_id(reading, table)
    set_id(reading, table, "item")
    set_who(reading, table, roles=("user",))
    when = moment_of_sale(reading, lets)
    if when is not None:
        table.columns |= {"event_time": when.instant, "event_date": when.day}
    _set_rating(reading, table)
    texts = {"title": reading.roles.get("review_title") or reading.roles.get("name"), "text": reading.roles.get("review_text")}
    for column, profile in texts.items():
        if profile is not None:
            table.columns[column] = label_sql(profile)
            table.guess(column, f"{profile.name} is the {column}", "the header says so")
    flag = reading.roles.get("recommended")
    if flag is not None:
        table.columns["recommended"] = flag_sql(flag)
        table.guess("recommended", f"{flag.name} says whether the item is recommended", reading.because["recommended"])
    return table


def _set_review_id(reading: Reading, table: Table) -> None:
    line = reading.roles.get("line")
    if line is not None:
        table.columns["review_id"] = label_sql(line)
        table.guess("review_id", f"{line.name} is the number of the review", reading.because["line"])
    else:
        count_equal_rows(reading, table, "reviews")


def _set_rating(reading: Reading, table: Table) -> None:
    """Set the rating and its scale, by the values seen."""
    rating = reading.roles.get("rating")
    if rating is None:
        return
    table.columns["rating"] = f"cast({rating.number_sql} as double)"
    table.guess("rating", f"{rating.name} is the rating", reading.because["rating"])
    if AS_RATINGS in reading.sample.because.get("header", ""):
        table.guess(
            "rating", f"the third field is a rating, else onboard again with `{FLAG} user,item,quantity,time`", "its values are few and small"
        )
    worst, best = scale(rating)
    seen = f"the sample has {min(rating.numbers):g} to {max(rating.numbers):g}"
    table.columns |= {"rating_min": f"{worst:g}", "rating_max": f"{best:g}"}
    table.guess("rating_min", f"ratings go from {worst:g} to {best:g}", seen)


def scale(rating: Profile) -> tuple[float, float]:
    """(worst, best) rating that could be given, by the values seen: the smallest usual scale that has them."""
    least, most = min(rating.numbers), max(rating.numbers)
    return min(least, 1.0), next((best for best in SCALES if most <= best), float(SCALE[1]))
