"""CSV files with damage in random places."""

from __future__ import annotations

import csv
import io
import random

TEXTS = [
    "",
    " ",
    "null",
    "NaN",
    "Infinity",
    "-1",
    "0",
    "2.5",
    "1e400",
    "9" * 40,
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999.9999",
    "1,234.50",
    '"',
    '""',
    'a "b" c',
    "'; drop",
    "\\",
    "\0",
    "p\0q",
    "\u202e\u0000\ufeff",
    "😀" * 50,
    "crème",
    "x" * 5000,
    "C",
    "c536379",
    "17850.5",
    "0000-01-01 00:00:00",
    "+10000-01-01 00:00:00",
    "9999-12-31 23:59:59",
    "2011-02-30 08:00:00",
    "2011-03-27 01:30:00",
    "01/12/2010 08:26",
    "\t",
    "\r",
    "\n",
    "a\nb",
    ",",
    ",,,,,,",
    "-0",
    "1970-01-01T00:00:00Z",
]
LEFT_TO_CSV = 0.9  # of the rows are written as they should be; the others are just joined by commas


def sale(chance: random.Random, number: int) -> list[str]:
    """A row as online_retail should deliver it."""
    cancelled = chance.random() < 0.1
    pieces = chance.randrange(1, 100) * (-1 if cancelled else 1)
    moment = f"2011-{chance.randrange(1, 7):02d}-{chance.randrange(1, 29):02d} {chance.randrange(8, 20):02d}:26:00"
    return [f"{'C' if cancelled else ''}{536365 + number}", f"8{chance.randrange(5000):04d}A", "WHITE HANGING HEART", str(pieces), moment,
            f"{chance.randrange(1, 999) / 100:.2f}", f"{chance.randrange(12346, 18287)}.0", "United Kingdom"]  # fmt: skip


def fuzzed_csv(chance: random.Random, rows: int, header: list[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for number in range(rows):
        row = sale(chance, number)
        for _ in range(chance.choice([0, 0, 1, 1, 2, 5])):
            row[chance.randrange(len(row))] = chance.choice(TEXTS)
        if any(broken in value for value in row for broken in "\r\n"):  # or what follows the break may look like a line whose last field is cut
            row = [value.replace('"', "'").replace(",", ";") for value in row]
        if chance.random() < LEFT_TO_CSV:
            writer.writerow(row)  # fields with line breaks want multiLine, which this source does not have: each of their lines is refused
        else:
            text.write(",".join(row) + "\n")
    return text.getvalue().encode()
