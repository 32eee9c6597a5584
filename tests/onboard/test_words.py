"""Headers of many languages are scored against the words of conf/onboard_words.yaml; no Spark."""

from __future__ import annotations

from basketgraph.onboard.words import header_score, is_personal, language


def test_headers_speak_many_languages_and_tell_people_from_things() -> None:
    for role, headers in {
        "user": ("CustomerID", "Kunden-Nr.", "code client", "cust_id"),
        "visitor": ("visitorid", "anonymousId", "cookie", "device_id"),
        "session": ("user_session", "session_id", "sid"),
        "item": ("StockCode", "Artikelnummer", "Référence", "article_id", "SKU"),
        "quantity": ("Qty", "Menge", "quantité"),
        "time": ("InvoiceDate", "Bestelldatum", "event_time"),
    }.items():
        for header in headers:
            assert header_score(role, header) > 0.7, header
    assert header_score("user", "user_feature_0") < 0.4
    assert [is_personal(name) for name in ("e-mail", "first_name", "PIN_CODE", "product_name", "order_id")] == [True, True, True, False, False]
    assert (language(["Kundennr", "Menge", "x"]), language(["customer", "Menge"])) == ("German", None)
