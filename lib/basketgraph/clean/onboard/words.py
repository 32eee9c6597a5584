"""What shops call their columns: the words of each role, in English first, then of other languages. Lower case, without accents."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# Role -> phrases, the most telling first. A phrase counts wholly where it is the whole header, less where it is a part of it.
WORDS: dict[str, str] = {
    "user": (
        "customer id|user id|customer|user|client id|client|member id|member|household id|household key|household|buyer id|buyer|shopper id|visitor id"
        "|account id|cust id|cust|uid|customer no|customer number|customer key|user key|loyalty id|loyalty card|card id|card number|cardholder|person id|patron"
        "|session user|kunde|kundennr|kundennummer|kunden nr|kunden id|kd nr|kundenkonto|id client|numero client|code client|cliente|id cliente|cod cliente"
        "|codigo cliente|codice cliente|usuario|utilisateur|klant|klantnummer|klant id|klant nr|klient|id klienta|nr klienta|klienci|kund|kundnr|kund nr|asiakas|musteri|zakaznik|vasarlo"
    ),
    "item": (
        "product id|item id|sku|article id|stock code|product code|item code|product|item|article|upc|ean|gtin|asin|isbn|plu|barcode|style id|material|product no"
        "|product number|item no|item number|part number|variant id|goods id|content id|artikel|artikelnr|artikelnummer|artikel nr|art nr|artnr|produkt|produktnr|produkt id|ean code"
        "|id produit|produit|code produit|reference|ref produit|code article|producto|id producto|cod producto|codigo producto|referencia|articulo|prodotto|codice prodotto|id prodotto"
        "|articolo|codice articolo|produto|cod produto|codigo produto|id produktu|towar|indeks|kod produktu|varenr|varenummer|vare|artikelkode|artikelcode|tuote|urun|urun kodu|zbozi|cikkszam"
    ),
    "order": (
        "order id|invoice no|invoice|order no|order number|order|transaction id|basket id|basket|receipt id|receipt no|receipt|invoice id|invoice number|ticket|ticket id|trans id"
        "|bill no|bill id|purchase id|cart id|checkout id|transaction number|transaction no|document number|session id|bestellnr|bestellnummer|bestell nr|bestellung"
        "|auftrag|auftragsnr|auftragsnummer|rechnung|rechnungsnr|rechnungsnummer|beleg|belegnr|belegnummer|bon|bonnr|bon nr|kassenbon|commande|numero commande|id commande|num commande|facture"
        "|numero facture|pedido|id pedido|numero pedido|factura|ordine|id ordine|numero ordine|scontrino|fattura|bestelling|bestelnummer|ordernummer|bonnummer|zamowienie|numer zamowienia|id zamowienia"
        "|paragon|faktura|ordrenr|ordrenummer|siparis|siparis no|tilaus|objednavka"
    ),
    "line": "line id|event id|row id|order line id|order item id|line item id|transaction line id|record id|event uuid|message id|positions id|id ligne|line uid",
    "position": "line no|line number|position|pos|line|row number|order item number|ligne|zeile|riga|linea",
    "quantity": (
        "quantity|qty|units|number of items|num items|items sold|amount|pieces|count|pcs|volume|order qty|quantity sold|units sold|menge|anzahl|stueck|stuck|stueckzahl|stk|quantite|qte|cantidad"
        "|cant|unidades|quantita|qta|pezzi|quantidade|qtd|aantal|ilosc|sztuk|antal|antall|maara|kpl|adet|miktar|mnozstvi|mennyiseg|number of cds|num"
    ),
    "unit_price": (
        "unit price|price per unit|item price|sales price|price|selling price|sale price|price each|unit cost|net price|gross price|einzelpreis|stueckpreis|stuckpreis|preis|verkaufspreis|vk preis"
        "|prix unitaire|prix|pu|precio unitario|precio|prezzo unitario|prezzo|preco unitario|preco|valor unitario|stuksprijs|eenheidsprijs|prijs|cena jednostkowa|cena|styckpris|stykpris|pris|yksikkohinta"
        "|hinta|fiyat|birim fiyat|ar|egysegar"
    ),
    "amount": (
        "line total|line amount|total price|sales value|total amount|amount|sales amount|revenue|total|net amount|gross amount|turnover|sales|extended price|dollar value|spend|value|subtotal|paid|amount paid"
        "|sales revenue|order value|payment|gesamtpreis|gesamtbetrag|summe|betrag|umsatz|positionswert|zeilenbetrag|bruttobetrag|nettobetrag|brutto|netto|wert|montant|montant total|total ligne|prix total"
        "|chiffre affaires|importe|importe total|monto|valor|valor total|total linea|importo|totale|importo totale|bedrag|totaal|regelbedrag|omzet|kwota|wartosc|suma|belopp|belob|summa|tutar|toplam|castka|osszeg"
    ),
    "list_amount": "list price|regular price|shelf price|original price|base price|msrp|rrp|retail price|listenpreis|uvp|prix catalogue|precio lista",
    "discount": "discount|discount amount|retail disc|markdown|reduction|rabatt|nachlass|remise|descuento|sconto|desconto|korting|rabat|alennus|indirim",
    "coupon": "coupon|coupon disc|coupon amount|coupon discount|voucher|voucher amount|gutschein|bon reduction|cupon|buono",
    "cost": "cost|asset|purchase price|cogs|einkaufspreis|ek preis|prix achat|costo|custo|kostprijs|tax|vat|mwst|ust|tva|iva|btw|shipping|freight|freight value|versand|margin|profit",
    "time": (
        "event time|timestamp|invoice date|order date|transaction date|purchase date|date time|datetime|created at|order purchase timestamp|purchased at|transaction dt|occurred at|order time|sold at"
        "|sale date|sales date|date|dt|ts|day|trans date|event date|event timestamp|created|time stamp|time|order timestamp|paid at|placed at|bestelldatum|datum|kaufdatum|rechnungsdatum|auftragsdatum"
        "|belegdatum|verkaufsdatum|zeitpunkt|zeitstempel|date commande|date achat|date facture|date vente|horodatage|fecha|fecha pedido|fecha compra|fecha hora|data|data ordine|data acquisto|data pedido"
        "|data compra|data zamowienia|orderdatum|besteldatum|aankoopdatum|ordredato|dato|datum objednavky|paivamaara|tarih|siparis tarihi|datum a cas"
    ),
    "clock": "time|trans time|transaction time|order time|purchase time|sale time|hour minute|uhrzeit|zeit|heure|hora|ora|tijd|godzina|tid|klockslag|saat|cas",
    "event_type": "event type|event name|event|action|type|transaction type|behavior type|behaviour type|activity|interaction|event kind|record type|line type|buchungsart|vorgang|belegart|aktion|tipo evento|tipo|type evenement",
    "status": "status|order status|state|payment status|bestellstatus|auftragsstatus|statut|estado|stato|stan|zustand|fulfillment status",
    "cancelled": "cancelled|is cancelled|canceled|is return|returned|is returned|refunded|return flag|storno|storniert|retoure|annule|annulee|devuelto|reso|devolvido|geannuleerd|retour",
    "currency": "currency|currency code|iso currency|waehrung|wahrung|devise|moneda|divisa|valuta|moeda|waluta|valuutta|mena|para birimi|curr|cur",
    "name": (
        "product name|item name|description|title|product title|product description|item description|name|article name|label|prod name|item desc|stock description|artikelbezeichnung|bezeichnung|produktname|artikelname"
        "|beschreibung|artikeltext|libelle|designation|nom produit|nom|descripcion|nombre producto|nombre|descrizione|nome prodotto|nome|descricao|nome produto|omschrijving|productnaam|artikelnaam|naam|nazwa|nazwa produktu"
        "|opis|produktnavn|varenavn|benamning|beskrivelse|tuotenimi|urun adi|nazev"
    ),
    "department": "department|division|product group|main category|section|category level 1|l1 category|abteilung|hauptkategorie|rayon|departamento|reparto|departement|avdeling|dzial",
    "category": (
        "category|product category|category id|category code|category name|class|product class|commodity|product group name|category level 2|genre|product type|warengruppe|kategorie|produktgruppe|categorie|famille"
        "|categoria|familia|productgroep|kategoria|grupa|kategori|varegruppe|varugrupp"
    ),
    "subcategory": "subcategory|sub category|product subclass|subclass|sub class|sub commodity|aisle|product subcategory|unterkategorie|untergruppe|sous categorie|sous famille|subcategoria|subfamilia|sottocategoria|podkategoria",
    "brand": "brand|brand name|label name|marke|marque|marca|merk|marka|varumarke|merke|merkki|znacka",
    "manufacturer": "manufacturer|manufacturer id|vendor|supplier|producer|hersteller|lieferant|fabricant|fournisseur|fabricante|proveedor|produttore|fornitore|leverancier|producent",
    "package_size": "package size|pack size|size|packaging|packung|gebinde|verpackung|groesse|taille|tamano|formato|maat|rozmiar",
    "store": "store id|store|shop id|shop|branch|outlet|location id|store code|store nbr|store number|market id|filiale|filial nr|filialnr|markt|laden|magasin|tienda|negozio|punto vendita|loja|winkel|filiaal|sklep|butik|butikk|magaza|prodejna",
    "channel": "channel|sales channel|order channel|platform|device|device type|source|traffic source|medium|kanal|vertriebsweg|canal|canale|kanaal",
    "country": "country|country code|country name|customer country|land|pays|pais|paese|kraj|maa|ulke|zeme|lieferland",
    "age_band": "age group|age band|age|age range|alter|altersgruppe|tranche age|edad|eta|idade|leeftijd|wiek|alder",
    "income_band": "income|income band|income group|income level|einkommen|revenu|ingresos|reddito",
    "marital_status": "marital status|married|familienstand|situation familiale|estado civil|stato civile",
    "home_ownership": "home ownership|homeowner|homeowner desc|housing",
    "household_size": "household size|hh size|family size|haushaltsgroesse",
    "household_composition": "household composition|household comp|hh comp|hh comp desc",
    "kids_count": "kids|kids count|number of children|children|kid category desc|kinder",
}
# Headers of people's data, besides the user's own id; one of these words is enough.
PERSONAL = set(
    "email mail phone telephone tel mobile fax firstname lastname surname fullname forename vorname nachname prenom apellido cognome address addr street strasse straat rue calle "
    "adresse direccion indirizzo postcode postal zip zipcode plz postleitzahl pin pincode cp cap city town ort stadt ville ciudad citta birth birthday birthdate dob geburtstag geburtsdatum "
    "naissance nacimiento ip ipaddress iban bic card creditcard kreditkarte gender sex geschlecht sexe sexo genero age alter income salary ssn passport nationality latitude longitude lat lon lng "
    "geolocation cookie deviceid fingerprint useragent telefon handy mobil epost correo hausnummer".split()
)
PERSONAL_PHRASES = ("customer name", "client name", "user name", "username", "full name", "first name", "last name", "kundenname", "nom client", "buyer name", "recipient", "e mail")
PURCHASES = set(
    "purchase purchased buy bought order ordered sale sold sales transaction checkout conversion paid payment complete completed kauf gekauft verkauf bestellung achat vente compra venta acquisto "
    "vendita koop aankoop verkoop zakup kop salg order_completed order_placed invoice rechnung s p purchase_completed".split()
)
CANCELLATIONS = set(
    "cancellation cancel cancelled canceled return returned refund refunded void reversal credit credit_note storno stornierung retoure ruckgabe rueckgabe gutschrift annulation annule retour "
    "remboursement avoir devolucion reembolso cancelado anulacion reso rimborso annullato zwrot retur order_cancelled order_refunded r c".split()
)
UNDONE = set("pending failed declined open abandoned draft created processing unpaid expired unavailable ausstehend offen en_attente pendiente".split())
OTHERS = set(
    "view viewed page_view pageview product_view item_view detail detail_view view_item click clicked cart add_to_cart addtocart cart_add remove_from_cart removefromcart impression search wishlist favorite fav like pv "
    "begin_checkout add_to_wishlist session_start login signup scroll visit share rate rating review ansicht warenkorb vue panier vista carrito".split()
)
# Of these languages' headers the day is written first, and money is likely that of their land.
LANGUAGES: dict[str, tuple[str, str, str, set[str]]] = {
    "German": ("EUR", "Europe/Berlin", "de", set("kunde kundennr kundennummer kunden artikel artikelnr artikelnummer bestellnr bestellnummer bestelldatum datum menge anzahl preis einzelpreis stueckpreis betrag umsatz gesamtpreis bezeichnung warengruppe kategorie rechnungsnr rechnungsnummer rechnungsdatum bon bonnr belegnr filiale marke uhrzeit waehrung summe artikelbezeichnung kaufdatum".split())),
    "French": ("EUR", "Europe/Paris", "fr", set("commande produit quantite prix montant facture libelle magasin devise pays categorie marque achat qte".split())),
    "Spanish": ("EUR", "Europe/Madrid", "es", set("pedido producto cantidad precio fecha importe tienda moneda cliente unidades descripcion factura".split())),
    "Italian": ("EUR", "Europe/Rome", "it", set("ordine prodotto quantita prezzo importo negozio valuta scontrino descrizione fattura".split())),
    "Dutch": ("EUR", "Europe/Amsterdam", "nl", set("klant klantnummer bestelling bestelnummer aantal prijs stuksprijs bedrag winkel omschrijving besteldatum".split())),
    "Polish": ("PLN", "Europe/Warsaw", "pl", set("klient zamowienie ilosc cena kwota nazwa sklep waluta wartosc towar".split())),
    "Portuguese": ("EUR", "Europe/Lisbon", "pt", set("produto quantidade preco loja moeda encomenda descricao".split())),
}  # fmt: skip


def words_of(header: str) -> list[str]:
    """`CustomerID`, `customer_id`, `Kunden-Nr.` as lower-case words without accents; of a nested field the path counts."""
    german = header.translate(str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O"}))
    plain = unicodedata.normalize("NFKD", german).encode("ascii", "ignore").decode()
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return re.findall(r"[a-z]+|\d+", apart.lower())


PHRASES: dict[str, list[tuple[list[str], float]]] = {
    role: [(phrase.split(), 1.0 - 0.15 * place / len(text.split("|"))) for place, phrase in enumerate(text.split("|"))] for role, text in WORDS.items()
}


# What may stand beside the word for a thing and leave the header a name of the thing itself, not of something about it.
BESIDE = set("id ids no nr number num nbr code key hash uuid raw ref the my main original orig unique internal external global source dim fk pk of new".split())


@cache
def header_score(role: str, header: str) -> float:
    """How much a header speaks for a role, 0 to 1."""
    words = words_of(header)
    joined = "".join(words)
    best = 0.0
    for phrase, weight in PHRASES[role]:
        together = "".join(phrase)
        if joined == together:
            best = max(best, weight)
        elif any(words[i : i + len(phrase)] == phrase for i in range(len(words))):
            others = [word for word in words if word not in phrase and not word.isdigit()]
            about = role in ("user", "item", "order", "store", "line") and bool(set(others) - BESIDE)
            best = max(best, weight * (0.45 + 0.4 * len(phrase) / len(words)) * (0.6 if about else 1.0))
        elif len(together) >= 5 and together in joined:
            best = max(best, weight * (0.3 + 0.4 * len(together) / len(joined)))
    return best


def is_personal(header: str) -> bool:
    words = words_of(header)
    joined = "".join(words)
    return bool(set(words) & PERSONAL) or joined in PERSONAL or any(phrase in " ".join(words) for phrase in PERSONAL_PHRASES)


def language(headers: list[str]) -> str | None:
    """The language that at least two of the headers are of, if it is not English."""
    words = [set(words_of(header)) | {"".join(words_of(header))} for header in headers]
    hits = {name: sum(bool(one & told[3]) for one in words) for name, told in LANGUAGES.items()}
    best = max(hits, key=lambda name: hits[name])
    return best if hits[best] >= 2 else None
