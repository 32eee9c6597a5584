"""What steps measured, for people: tables and lines of a run's summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from basketgraph.foundation.money import number_in_words

SHOWN_REDEEMERS = 20  # the figures of a campaign with fewer are noise


def table(title: str, *columns: str) -> Table:
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number == 0 else "right")
    return made


def print_measured(out: Console, metrics: Mapping[str, Any]) -> None:
    """metrics: those of the run's JSON object; what a step measured beside models of lists is printed."""
    for name, told in PRINTERS.items():
        if name in metrics:
            told(out, metrics)


def _print_behaviour_weights(out: Console, metrics: Mapping[str, Any]) -> None:
    weights: Mapping[str, Mapping[str, Any]] = metrics["behaviour_weights"]
    shown = table("\nwhat one event counts where a purchase counts 1", "behaviour", "weight", "interval", "")
    for name, of in weights.items():
        shown.add_row(name.replace("_", " "), f"{of['weight']:g}", f"{of['low']:g} .. {of['high']:g}" if "low" in of else "", of["from"])
    out.print(shown)


def _print_segments(out: Console, metrics: Mapping[str, Any]) -> None:
    found = metrics["segments"]
    since = f", moved since {found['compared_with']}" if found["compared_with"] else ""
    title = f"\nsegments as of {found['as_of']}{since}"
    shown = table(title, "segment", "kind", "people", f"{found['currency']} of 28 days", f"{found['currency']} of 90 days", "joined", "left")
    for row in found["segments"]:
        spend = [number_in_words(row[name], found["currency"]) for name in ("spend_minor_28d", "spend_minor_90d")]
        moved = ["" if row[name] is None else f"{row[name]:,}" for name in ("joined", "left")]
        shown.add_row(row["segment"], row["kind"], f"{row['people']:,}", *spend, *moved)
    out.print(shown)
    for sentence in found["without_column"]:
        out.print(sentence, soft_wrap=True)


def _print_price_bands(out: Console, metrics: Mapping[str, Any]) -> None:
    metrics = metrics["price_bands"]
    title = f"\nprice ranges: want {metrics['level']:.0%} of later prices within them"
    shown = table(title, "lines of the person in the category", "later lines", "within", "width in log price", "interval score")
    for name, of in metrics["buckets"].items():
        shown.add_row(name, f"{of['lines']:,}", f"{of['coverage']:.1%}", f"{of['log_width']:.3f}", f"{of['interval_score']:.3f}")
    out.print(shown)


def _print_price_habits(out: Console, metrics: Mapping[str, Any]) -> None:
    index, conflicts = metrics["price_sensitivity"], metrics["price_conflicts"]
    if index["correlation_later"] is not None:
        correlation = f"{index['correlation_later']:.2f}"
        out.print(f"\nprice sensitivity: the index before the cut and after it, of {index['users_later']:,} people: correlation {correlation}")
    share = conflicts["lines_with_two_prices"] / conflicts["lines"] if conflicts["lines"] else 0.0
    out.print(f"two prices for one item, store and day without a coupon: {share:.2%} of the lines of {conflicts['days']} days")


def _print_redemption(out: Console, metrics: Mapping[str, Any]) -> None:
    redemption, coupons = metrics["redemption"], metrics["coupons"]
    if not redemption["chosen"]["evidence"]:
        out.print("\nredemption: no evidence, too few people redeemed anything before; everybody has the base rate")
    for name, of in {"all": redemption.get("all"), **redemption.get("campaigns", {})}.items():
        if of is None:
            continue
        title = f"\nredemption, {name}: {of['redeemers']:,} of {of['people']:,} people, {of['expected']:,.0f} expected; with 90 % intervals"
        shown = table(title, "score", "AUC", "average precision", "recall in the top 20 %")
        for score, quality in of["scores"].items():
            shown.add_row(score.replace("_", " "), *(_with_interval(quality[one]) for one in ("auc", "average_precision", "recall_top_20")))
        if name == "all" or of["redeemers"] >= SHOWN_REDEEMERS:
            out.print(shown)
    if "scores" in coupons:
        title = f"\nshare of a redeemer's coupons among the first of the campaign; {coupons['redeemed']:,} redeemed"
        shown = table(title, "in order of", "first 5", "first 10")
        for score, quality in coupons["scores"].items():
            shown.add_row(score, *(_with_interval(quality[one]) for one in ("top_5", "top_10")))
        out.print(shown)
    out.print(redemption["note"])


def _with_interval(of: Mapping[str, float | None]) -> str:
    bounds = "" if of.get("low") is None else f" ({of['low']:.3f} .. {of['high']:.3f})"
    return "-" if of["value"] is None else f"{of['value']:.3f}{bounds}"


def _print_allocation(out: Console, metrics: Mapping[str, Any]) -> None:
    metrics = metrics["allocation"]
    currency = metrics["currency"]
    redeemed = f"{metrics['expected_redemptions']:,.0f} redemptions expected; in {currency}"
    title = f"\ncoupons: {metrics['coupons']:,} for {metrics['people']:,} people, {redeemed}"
    shown = table(title, "budget", "limit", "spent", "of coupons held", "planned", "expected cost", "value of one more", "draws within")
    for name, of in metrics["budgets"].items():
        held = "" if of["within_budget"] is None else f"{of['within_budget']:.0%}"
        money = (number_in_words(of.get(one, 0.0), currency) for one in ("budget", "spent", "outstanding", "planned", "expected_cost"))
        shown.add_row(name, *money, f"{of['shadow_price']:.2f}", held)
    out.print(shown)
    reserve, whole = (number_in_words(metrics[name], currency) for name in ("reserve_price", "value_without_reserve"))
    out.print(f"the reserve costs {reserve} of {whole} {currency} expected spend with coupons")
    for name, of in metrics["floors"].items():
        if of["short"]:
            out.print(f"{name}: {of['short']:,} coupons short of {of['wanted']:,}: the budget does not reach")


def _print_text_vectors(out: Console, metrics: Mapping[str, Any]) -> None:
    metrics = metrics["text_vectors"]
    speed, share = metrics["texts_per_cpu_second"], metrics["by_characters"] / max(metrics["titles"], 1)
    out.print(f"\ntitles    {metrics['titles']:,}, {metrics['texts']:,} different texts", soft_wrap=True)
    if metrics["model"] is None:
        out.print("          compared by words and characters alone (content.encode)", soft_wrap=True)
        return
    encoded = f"{metrics['encoded']:,} encoded{f' ({speed:g} a CPU second)' if speed else ''}, {metrics['reused']:,} there before"
    out.print(f"          vectors of present and earlier ones: {encoded}", soft_wrap=True)
    by_characters = f"          {metrics['by_characters']:,} ({share:.1%}) are compared by their characters alone"
    out.print(f"{by_characters}, since {metrics['model']} does not know their words", soft_wrap=True)


def _print_moods(out: Console, metrics: Mapping[str, Any]) -> None:
    found = metrics["moods"]
    for name in ("mood", "topic"):
        if (of := found[name]) is None:
            out.print(f"{name:<9} no evidence: too few reviews with a label of two kinds")
            continue
        learned = f"read from {of['space']}, learned from {of['learned']:,} reviews"
        area = f"AUC {_bounds(of, 'auc')}, " if "auc" in of else ""
        commonest = f"the commonest label {of['majority']:.3f}"
        told = f"{area}accuracy {_bounds(of, 'accuracy')}, {commonest}, calibration error {of['calibration_error']:.3f}"
        out.print(f"{name:<9} {learned}; on {of['judged']:,} later ones {told}", soft_wrap=True)
    out.print(f"          of {found['people']:,} people and {found['items']:,} products")


def _bounds(of: Mapping[str, float], name: str) -> str:
    return f"{of[name]:.3f} ({of[f'{name}_low']:.3f} .. {of[f'{name}_high']:.3f})"


def _print_search_index(out: Console, metrics: Mapping[str, Any]) -> None:
    found = metrics["search_index"]
    if not found["titles"]:
        out.print(f"index     none: {found['why']}", soft_wrap=True)
        return
    kept = "" if found.get("is_new", True) else ", kept as it was"
    out.print(f"index     {found['titles']:,} titles of {found['items']:,} items, {found['bytes'] / 2**20:.0f} MiB{kept}")


def _print_answers(out: Console, metrics: Mapping[str, Any]) -> None:
    found = metrics["answers"]
    days = f"the {found['days']} days before {found['as_of']}"
    if not found.get("has_index", True):
        out.print("questions none are answered: there is no index")
        return
    if not found["searches"]:
        out.print(f"questions none: nobody searched in {days}")
        return
    out.print(f"questions {found['questions']:,} of {found['different']:,} were asked by {found['least']} people or more in {days}", soft_wrap=True)
    if not found["questions"]:
        return
    by = ", ".join(f"{found[f'by_{kind}']:,} by {kind}" for kind in ("words", "letters", "meaning"))
    out.print(f"          {found['asked']:,} of {found['searches']:,} searches; answered {by}, {found['milliseconds']:g} ms each", soft_wrap=True)
    if found["unanswered"]:
        out.print(f"          {found['unanswered']:,} have no answer, in {found['unanswered_asked']:,} searches", soft_wrap=True)


def _print_contacts(out: Console, metrics: Mapping[str, Any]) -> None:
    found = metrics["contacts"]
    money = number_in_words(found["value"], found["currency"])
    sent = (
        f"{found['sent']:,} of {found['proposed']:,} are sent, to {found['people']:,} people, with an expected value of {money} {found['currency']}"
    )
    out.print(f"\ncontacts of {found['of']} as of {found['as_of']}: {sent}")
    for reason, of in found["withheld"].items():
        lost = f"{number_in_words(of['value'], found['currency'])} {found['currency']}"
        out.print(f"  withheld, {reason.replace('_', ' ')}: {of['contacts']:,}, of {lost}")


def _print_new_places(out: Console, metrics: Mapping[str, Any]) -> None:
    told = {setting: of for setting, of in metrics["new_places"].items() if of["people"] or of["places"]}
    shown = table("\nplaces kept for new items; points of precision that so many gain on the validation window", "list", "kept", "people", *"234")
    for setting, of in told.items():
        gains = (f"{100 * gain['mean']:+.2f} ({100 * gain['low']:+.2f} .. {100 * gain['high']:+.2f})" for gain in of["gains"].values())
        shown.add_row(setting, f"{of['places']} of {of['k']}", f"{of['people']:,}", *gains)
    if told:
        out.print(shown)


def _print_outcomes(out: Console, metrics: Mapping[str, Any]) -> None:
    found = metrics["outcomes"]
    if not found["campaigns"]:
        return
    shown = table(f"\ncampaigns that ended before {found['as_of']}", "campaign", "people", "expected to redeem", "redeemed", "cost", "within budget")
    for one in found["campaigns"]:
        expected = "" if one.get("expected_redeemers") is None else _expected(one, "expected_redeemers")
        kept = {None: "", True: "yes", False: "no"}[one.get("within_budget") if one.get("coupons_of") == "given" else None]
        cost = number_in_words(one["cost_minor"], found["currency"])
        shown.add_row(one["campaign_id"], f"{one['people']:,}", expected, f"{one['redeemers']:,}", cost, kept)
    out.print(shown)
    out.print("what was redeemed is not what a campaign changed")


def _expected(one: Mapping[str, Any], name: str) -> str:
    return f"{one[name]:,.0f} ({one[f'{name}_low']:,.0f} .. {one[f'{name}_high']:,.0f})"


PRINTERS: dict[str, Callable[[Console, Mapping[str, Any]], None]] = {  # by what a run's metrics have
    "behaviour_weights": _print_behaviour_weights,
    "segments": _print_segments,
    "price_bands": _print_price_bands,
    "price_conflicts": _print_price_habits,
    "redemption": _print_redemption,
    "allocation": _print_allocation,
    "contacts": _print_contacts,
    "outcomes": _print_outcomes,
    "text_vectors": _print_text_vectors,
    "moods": _print_moods,
    "search_index": _print_search_index,
    "new_places": _print_new_places,
    "answers": _print_answers,
}
