"""The shopping guide: what is advertised and what is not, and a message that says nothing that is not in the row."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from typer.testing import CliRunner

from basketgraph.cli.app import app
from basketgraph.foundation.config import CONF_VARIABLE, UserError, data_yaml, load, parsed
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey, pseudonyms
from basketgraph.foundation.tables.releases import publish, utc_now
from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables
from basketgraph.offers.guide import Guide, GuideItem, PersonRows, Price, shopping_guide
from basketgraph.offers.guide_endpoint import worded_message
from basketgraph.offers.guide_message import invented, template_message, undated
from basketgraph.offers.guide_rows import guide_rows, person_rows
from basketgraph.offers.guide_settings import GuideSettings
from support.contract_rows import rows
from support.wording_endpoint import BROKEN, SLOW, wording_endpoint

DAY, NOON = date(2026, 3, 10), datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
KEY = "a key of the tests, long enough"
MAIL, NAME, USER = "zoe.quill@secret-mail.example", "Zoe Quill", "quill-7731"
SETTINGS = parsed(GuideSettings, data_yaml("conf/settings.yaml")["guide"], "settings.guide")
TEA = GuideItem("t", "GREEN TEA", "Own brand", "You bought it 3 times, last on 2026-03-01.", Price(199, 349, "EUR", "you"))
JAM = GuideItem("j", "TEA JAM", "", "Bought by those who also buy GREEN TEA.", Price(250, 250, "EUR", "everybody"))
GUIDE = Guide(DAY, again=(TEA,), new=(JAM,))


def listed(setting: str, *items: str) -> list[dict[str, Any]]:
    return [{"setting": setting, "rank": place, "item_id": item, "reason": f"why {item}"} for place, item in enumerate(items, 1)]


def bought(item: str, days_ago: int | None, purchases: int = 1) -> dict[str, Any]:
    return {"item_id": item, "purchases": purchases, "last_purchase_date": None if days_ago is None else DAY - timedelta(days=days_ago)}


def test_what_was_sent_back_dismissed_or_just_bought_is_not_advertised() -> None:
    person = PersonRows(
        DAY,
        lists=[*listed("rebuy", "new1", "tea4", "tea3", "sent", "oil", "oil2"), *listed("discovery", "fig", "no", "seen", "tea4")],
        had=[bought("tea4", 4), bought("tea3", 3), bought("sent", 9), bought("oil", 60), bought("oil2", 60), bought("seen", None, 0)],
        refused=[{"item_id": "sent", "reason": "returned"}, {"item_id": "no", "reason": "dismissed"}],
        related=[
            {"item_id": "tea3", "related_item_id": item, "score": score}
            for item, score in (("cup", 0.5), ("sent", 0.9), ("fig", 0.8), ("oil", 0.7), ("pot", 0.6))
        ]
        + [{"item_id": "oil", "related_item_id": "pan", "score": 1.0}],
        coupons=[
            {"campaign_id": "c", "coupon_id": "5%", "item_ids": ["a", "b", "fig", "sent", "z"]},
            {"campaign_id": "c", "coupon_id": "of what was sent back", "item_ids": ["no", "sent", "tea3"]},
        ],
        names={"oil": {"name": "OIL", "kind": "1 l", "category": "Oils"}, "oil2": {"name": "OIL", "category": "Oils"}, "fig": {"category": "Fruit"}},
        own_prices={"Oils": {"low_minor": 500, "high_minor": 700, "currency": "EUR"}},
        usual_prices={name: {"low_minor": 100, "high_minor": 200, "currency": "EUR"} for name in ("Oils", "Fruit")},
    )
    guide = shopping_guide(person, SETTINGS)
    assert [item.item_id for item in guide.again] == ["tea4", "oil"], "four days ago is long enough, three are not; of one name the first"
    assert [item.item_id for item in guide.new] == ["fig", "seen"], "what was only looked at is new"
    assert [(item.item_id, item.reason) for item in guide.goes_with] == [(i, "Goes with tea3, which you bought last.") for i in ("pot", "cup")]
    assert guide.left_out == {"no": "dismissed", "sent": "returned", "tea3": "just_bought"}
    assert [item.price.words if item.price else None for item in (*guide.again, *guide.new)] == [None, "5.00 to 7.00 EUR", "1.00 to 2.00 EUR", None]
    assert [(coupon.coupon_id, coupon.items, coupon.of) for coupon in guide.coupons] == [("5%", ("fig", "a", "b"), 4)]
    long_ago = PersonRows(DAY, person.lists, had=[bought("tea3", 15)], related=person.related)
    assert (shopping_guide(long_ago, SETTINGS).goes_with, shopping_guide(long_ago, SETTINGS).last_purchase) == ((), None)


def test_a_message_has_room_for_160_letters_and_names_products_whole() -> None:
    message = template_message(GUIDE)
    assert message.body == "Picked for you: GREEN TEA (1.99 to 3.49 EUR), TEA JAM (2.50 EUR)."
    assert message.subject == "GREEN TEA and more for you"
    many = tuple(GuideItem(str(n), f"PRODUCT {n:02d} {'X' * 30}", "", "") for n in range(9))
    long = template_message(Guide(DAY, new=many))
    assert (len(long.body) <= 160, long.body.count("PRODUCT"), long.body[-1]) == (True, 3, ".")
    assert template_message(Guide(DAY, new=(GuideItem("a", "Y" * 200, "", ""),))) == type(long)("Picked for you", "Picked for you.")
    assert [undated(text) for text in (TEA.reason, "Seen 2026-03-01.")] == ["You bought it 3 times.", ""]


@pytest.mark.parametrize(
    ("body", "is_said"),
    [
        ("How about GREEN TEA (1.99 to 3.49 EUR) and tea jam for 2.50 EUR?", True),
        ("Time for green tea again: it’s still your favourite!", True),
        ("GREEN TEA for 0.99 EUR", False),
        ("TEA JAM for 1.99 EUR", False),  # another product's price
        ("2.50 EUR: TEA JAM", False),  # a price belongs behind its product
        ("GREEN TEA with CHOCOLATE CAKE", False),
        ("GREEN JAM and GREEN TEA", False),  # no product is called so
        ("GREEN TEA is 20% off", False),
        ("GREEN TEA and another one free", False),
        ("Buy one, get one: TEA JAM", False),  # a promise
        ("TEA JAM for $2.50", False),  # another currency
        ("See what is new for you", False),
        (f"GREEN TEA{' for you' * 20}", False),
    ],
)
def test_what_is_not_in_the_row_is_invented(body: str, is_said: bool) -> None:
    assert (invented("Just for you", body, GUIDE.items) is None) == is_said
    assert invented("Half price", "GREEN TEA", GUIDE.items) is not None


def to(address: str, **changed: Any) -> GuideSettings:
    return SETTINGS.model_copy(update={"endpoint": address, "model": "words-1", "timeout_seconds": 0.3, **changed})


@pytest.mark.parametrize(
    ("answers", "by", "tries", "fallback"),
    [
        ([("For you", "GREEN TEA is back.")], "endpoint", 1, None),
        ([BROKEN, ("For you", "GREEN TEA is back.")], "endpoint", 2, None),
        ([SLOW, ("For you", "GREEN TEA is back.")], "endpoint", 2, None),
        ([SLOW], "template", 2, "no answer"),
        (["Sure! Here is your message:"], "template", 2, "no answer"),
        ([("For you", "GREEN TEA for 0.49 EUR")], "template", 1, "price"),
        ([("For you", "GREEN TEA and LOBSTER")], "template", 1, "LOBSTER"),
    ],
)
def test_an_endpoint_words_the_message_unless_it_fails_twice_or_invents(answers: list[Any], by: str, tries: int, fallback: str | None) -> None:
    with wording_endpoint(*answers) as server:
        message = worded_message(GUIDE, to(server.address), {"BASKETGRAPH_WORDING_KEY": "token"})
    assert (message.by, len(server.requests)) == (by, tries)
    assert message.body == ("GREEN TEA is back." if by == "endpoint" else template_message(GUIDE).body)
    assert (message.fallback is None) if fallback is None else (fallback in str(message.fallback))
    path, headers, body = server.requests[0]
    assert (path, headers["Authorization"]) == ("/v1/chat/completions", "Bearer token")
    asked = json.loads(body)
    assert (asked["model"], [told["role"] for told in asked["messages"]]) == ("words-1", ["system", "user"])
    assert json.loads(asked["messages"][1]["content"]) == {
        "products": [
            {"name": "GREEN TEA", "price": "1.99 to 3.49 EUR", "reason": "You bought it 3 times."},
            {"name": "TEA JAM", "price": "2.50 EUR", "reason": "Bought by those who also buy GREEN TEA."},
        ]
    }


def test_an_endpoint_without_an_address_or_a_model_is_refused_and_one_that_is_not_there_is_done_without() -> None:
    for wrong in ({"guide.endpoint": "ftp://host"}, {"guide.endpoint": "http://host/v1"}):
        with pytest.raises(UserError, match=r"endpoint: want|model: want"):
            load("local", "complete_journey", wrong).section("guide", GuideSettings)
    message = worded_message(GUIDE, to("http://127.0.0.1:1/v1"), {})
    assert (message.by, "no answer" in str(message.fallback)) == ("template", True)


@pytest.mark.long
def test_the_command_writes_a_page_and_planted_personal_values_never_reach_the_endpoint(spark: SparkSession, tmp_path: Path) -> None:
    import pandas as pd

    (pseudonym,) = pseudonyms(pd.Series([USER]), "complete_journey", PseudonymKey(KEY.encode()))
    tables = RunTables(spark, str(tmp_path / "warehouse"), "run-1")
    of_day, before = {"as_of": DAY, "user_id": pseudonym}, DAY - timedelta(days=1)
    names = {"tea": "GREEN TEA, 20 BAGS", "mail": f"Mug for {MAIL}", "own": f"Cup of {USER}", "pot": "<b>POT</b>"}
    list_of = [(setting, item) for setting, items in (("rebuy", ["tea"]), ("discovery", ["mail", "own"])) for item in items]
    planted: dict[str, list[dict[str, Any]]] = {
        "silver.messages": [{"user_id": pseudonym, "message_type": "complaint", "text": f"{NAME}, {MAIL}"}],
        "silver.items": [
            {
                "item_id": item,
                "name": name,
                "package_size": "20 BAGS" if item == "tea" else None,
                "category": "Drinks",
                "valid_from": date(2026, 1, 1),
            }
            for item, name in names.items()
        ],
        "gold.recommendations": [
            {**of_day, "setting": setting, "rank": rank, "item_id": item, "reason": "You bought it once, on 2026-02-01."}
            for rank, (setting, item) in enumerate(list_of, 1)
        ],
        "gold.interactions": [{**of_day, "item_id": "tea", "purchases": 1, "last_purchase_date": DAY - timedelta(days=5)}],
        "gold.related_items": [{"as_of": DAY, "item_id": "tea", "related_item_id": "pot", "rank": 1, "score": 0.5}],
        "gold.price_bands": [{**of_day, "category": "Drinks", "low_minor": 199, "high_minor": 349, "currency": "USD"}],
        "silver.campaigns": [{"campaign_id": name, "start_date": DAY - timedelta(days=5), "end_date": DAY} for name in ("c", "withheld")],
        "silver.coupons": [{"campaign_id": "c", "coupon_id": k, "item_id": item} for k, item in (("held", "tea"), ("new", "pot"), ("used", "pot"))]
        + [{"campaign_id": "withheld", "coupon_id": "new", "item_id": "tea"}],
        "silver.redemptions": [
            {"campaign_id": "c", "coupon_id": k, "user_id": user, "redemption_date": before} for k, user in (("used", pseudonym), ("new", "card"))
        ],
        "silver.identities": [{"identifier": "card", "identifier_type": "card", "user_id": pseudonym, "valid_from": before, "valid_to": None}],
        "silver.events": [],
        "gold.impossible_visitors": [],
        "gold.coupon_allocation": [
            {"as_of": day, "campaign_id": "c", "coupon_id": k, "user_id": pseudonym} for k, day in (("held", before), ("used", before), ("new", DAY))
        ]
        + [{**of_day, "campaign_id": "withheld", "coupon_id": "new"}],
        "gold.contacts": [{**of_day, "as_of": day, "campaign_id": "c", "sent": True, "send_at": NOON} for day in (before, DAY)]
        + [{**of_day, "campaign_id": "withheld", "sent": False, "send_at": None, "reason": "week_cap"}],
    }
    for table, given in planted.items():
        tables.append(rows(spark, table, given), table)
    publish(tables, as_of=DAY, now=utc_now())
    page = tmp_path / "guide.html"
    with wording_endpoint(("For you", "GREEN TEA (1.99 to 3.49 USD) goes with POT")) as server:
        sets = {"warehouse": str(tmp_path / "warehouse"), "guide.endpoint": server.address, "guide.model": "words-1"}
        flags = [part for name, value in sets.items() for part in ("--set", f"{name}={value}")]
        runner = CliRunner(env={"BASKETGRAPH_KEY": KEY, CONF_VARIABLE: ""})
        done = runner.invoke(app, ["guide", USER, *flags, "--out", str(page), "--json"])
        every = runner.invoke(app, ["guide", "--all", "--pages", *flags, "--out", str(tmp_path / "guides"), "--json"])
    assert (done.exit_code, every.exit_code) == (0, 0), done.output + every.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert [coupon["coupon_id"] for coupon in found["coupons"]] == ["held", "new"], "those of earlier plans stay, until they are redeemed"
    counts = json.loads(every.stdout.splitlines()[-1])
    assert (counts["guides"], counts["messages"], counts["pages"]) == (1, 1, 1)
    (line,) = (tmp_path / "guides" / "guides-00000.jsonl").read_text().splitlines()
    made = json.loads(line)
    assert {name: of for name, of in made.items() if name not in ("user_id", "message")} == {
        name: of for name, of in found.items() if name not in ("page", "message")
    }, "everybody's guide is the one of the person alone"
    message = json.loads((tmp_path / "guides" / "messages.jsonl").read_text())
    assert (message["user_id"], message["campaign_id"], message["by"]) == (pseudonym, "c", "template")
    assert 0 < len(message["body"]) <= 160
    of_all = (tmp_path / "guides" / "pages" / pseudonym[:2] / f"{pseudonym}.html").read_text()
    assert all(secret not in line + of_all for secret in (MAIL, NAME, USER))
    assert [[item["item_id"] for item in found[part]] for part in ("again", "new", "goes_with")] == [["tea"], ["mail", "own"], ["pot"]]
    assert found["message"]["by"] == "template", "POT is called <b>POT</b>"
    with pytest.raises(UserError, match=r"want a customer of .* with a published list"):
        person_rows(LiveRelease(spark, str(tmp_path / "warehouse")), ["nobody"], SETTINGS, {})
    of_person = person_rows(LiveRelease(spark, str(tmp_path / "warehouse")), [pseudonym], SETTINGS, {})
    assert [coupon["coupon_id"] for coupon in of_person.coupons] == ["held"], "the other was redeemed with the card"
    tables.overwrite(
        rows(spark, "gold.recommendations", [{**row, "as_of": DAY + timedelta(days=1)} for row in planted["gold.recommendations"]]),
        "gold.recommendations",
    )
    publish(tables, as_of=DAY + timedelta(days=1), now=utc_now())
    later = guide_rows(LiveRelease(spark, str(tmp_path / "warehouse")), SETTINGS, {})
    assert (later.contacts_of, [row.contacts for row in later.people.collect()]) == (DAY, [None]), "contacts of before these lists were written to"
    html = page.read_text()
    assert all(
        text in html for text in ("GREEN TEA", "You usually pay 1.99 to 3.49 USD", "&lt;b&gt;POT", "Goes with GREEN TEA, which you bought last.")
    )
    ((_, headers, body),) = server.requests  # for everybody's guides it is not asked
    for secret in (MAIL, "zoe.quill", NAME, "Zoe", USER, pseudonym, "2026"):
        assert secret not in body + str(headers), secret
    assert all(secret not in html for secret in (MAIL, NAME, USER, pseudonym))
