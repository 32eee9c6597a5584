"""The two lights of the page: whether the data can be used, and whether the lists can. One sentence each, for a manager."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from basketgraph.foundation.quality.renderers import listed, number_in_words
from basketgraph.foundation.runs.alerts import STOPPED
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.report.lists_in_words import judged_in_words, per_hundred
from basketgraph.report.promises import critical_failures, kept, lack_rows, not_compared_in_words, refusals, state
from basketgraph.report.sentences import KINDS, day_in_words, first_sentence

if TYPE_CHECKING:
    from basketgraph.report.page_data import PageData

MISTAKE = 2  # exit code: of the user, in flags, mapping or input
DATA_STEPS = ("clean", "replay", "kept_purchases")  # the others make something of the data
WORDS = {"good": "in order", "warning": "needs a look", "critical": "stopped", "none": "nothing yet"}


@dataclass(frozen=True)
class Light:
    """level: good, warning, critical or none; never told by colour alone, so `words` says it too."""

    subject: str
    level: str
    sentence: str

    @property
    def words(self) -> str:
        return WORDS[self.level]


def failed_step(data: PageData) -> Mapping[str, Any] | None:
    """The step that ended the run; None where none did."""
    return next((step for step in reversed(data.steps) if step["status"] == "failed"), None)


def is_about_data(step: Mapping[str, Any], data: PageData) -> bool:
    """Whether a failed step says something of the shop's data: it reads them, or its checks found them broken."""
    own, _ = critical_failures(data.checks, data.run_id)
    return step["step"] in DATA_STEPS or (step["exit_code"] == STOPPED and any(check["table_name"].startswith("silver.") for check in own))


def data_light(data: PageData) -> Light:
    states, failed = [state(check) for check in data.checks], failed_step(data)
    own, earlier = critical_failures(data.checks, data.run_id)
    if failed and is_about_data(failed, data):
        if failed["exit_code"] == STOPPED and lack_rows(own):
            missing = listed(sorted(KINDS.get(check["table_name"], check["table_name"]) for check in own))
            return Light("The data", "warning", f"There are no {missing} yet.")
        why = f"{number_in_words(len(own), 'promise')} about the new data {'is' if len(own) == 1 else 'are'} broken"
        told = why if failed["exit_code"] == STOPPED and own else f"the new data could not be read: {first_sentence(failed['error'])}"
        return Light("The data", "critical", f"{told[0].upper()}{told[1:]}; customers still see what they saw before.")
    if not states:
        return Light("The data", "none", "Nothing was checked yet.")
    counts = [
        (len(own) + len(earlier), "broken promise"),
        (states.count("warning") + states.count("open"), "warning"),
        (states.count("unusual"), "unusual number"),
        (states.count("accepted"), "exception that a person accepted"),
        (len(data.quarantined), "file that could not be used"),
    ]
    look = [_plural(count, noun) for count, noun in counts if count]
    if data.unfinished:
        look = ["a step that did not finish", *look]
    if look:
        return Light("The data", "warning", f"They can be used; to look at: {listed(look)}.")
    if not kept(states):
        return Light("The data", "none", f"None of {number_in_words(len(states), 'promise')} about them could be compared yet.")
    later = f"; {others}" if (others := not_compared_in_words(states)) else ""
    return Light(
        "The data",
        "good",
        f"{number_in_words(kept(states))} of {number_in_words(len(states), 'promise')} about them {'is' if len(states) == 1 else 'are'} kept{later}.",
    )


def _plural(count: int, noun: str) -> str:
    head, that, rest = noun.partition(" that ")
    return f"{number_in_words(count, head)}{that}{rest}"


def lists_light(data: PageData) -> Light:
    lists, failed = data.lists, failed_step(data)
    stay = f"Customers still see those as of {day_in_words(lists.as_of)}." if lists and lists.live else "No lists are live yet."
    if refusals(data.steps):
        return Light("The lists", "critical", f"The new lists were refused: they are not good enough to be shown. {stay}")
    if failed and _makes_lists(failed):
        level, why = _why_none(failed, data)
        return Light("The lists", level, f"There are no new lists: {why}. {stay}")
    if lists is None:
        return Light("The lists", "none", "There are no lists yet.")
    if not lists.live:
        return Light("The lists", "warning", f"The newest lists, as of {day_in_words(lists.as_of)}, are not live: no release names them yet.")
    if not lists.are_judged:
        return Light(
            "The lists",
            "good" if lists.outcomes else "warning",
            f"They are live. {_first(judged_in_words(lists, data.window_days, data.judged_from))}",
        )
    rows = {row["model"]: row for row in lists.outcomes if row["setting"] == "rebuy" and row["segment"] == "all"}
    own, bestsellers = rows["published"], rows["popularity"]
    is_better = (own["places_share"] or 0) > (bestsellers["places_share"] or 0)
    told = f"{per_hundred(own['customers_share'])} of 100 customers who shopped bought something from their list"
    than = f"a bestseller list would have reached {per_hundred(bestsellers['customers_share'])}"
    return Light("The lists", "good" if is_better else "warning", f"They are live: {told}; {than}.")


def _why_none(failed: Mapping[str, Any], data: PageData) -> tuple[str, str]:
    """The level, and why the run that ended in this step made no lists."""
    own, _ = critical_failures(data.checks, data.run_id)
    if failed["exit_code"] == MISTAKE:
        return "warning", first_sentence(failed["error"])
    if failed["exit_code"] == STOPPED and lack_rows(own):
        return "warning", "there is not enough data to make them of yet"
    if failed["exit_code"] == STOPPED and own:
        about = "the new data" if is_about_data(failed, data) else "them"
        return "critical", f"{number_in_words(len(own), 'promise')} about {about} {'is' if len(own) == 1 else 'are'} broken"
    return "critical", f"the run ended early, in its step “{failed['step'].replace('_', ' ')}”"


def _makes_lists(step: Mapping[str, Any]) -> bool:
    """Whether the run that this step ended was to make lists."""
    pipeline = pipelines().pipelines.get(step["pipeline"])
    return pipeline is None or "recommendations" in pipeline.steps


def _first(text: str) -> str:
    return f"{text.split('. ')[0].rstrip('.')}."
