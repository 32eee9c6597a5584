"""Files that cleaning quarantines."""

from __future__ import annotations

import gzip
import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq

from support.corner_shop import HEADER, csv, line


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.csv", csv(line(1)))
    return held.getvalue()


def parquet() -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table({"line": ["1"]}), held)
    return held.getvalue()


QUARANTINED = {  # file -> content, part of the reason
    "truncated.csv.gz": (gzip.compress(csv(*map(line, range(100, 900))))[:-50], "not readable to its end: EOFException"),
    "latin1.csv": (csv(line(40, title="caf\xe9")).decode().encode("latin-1"), "encoding: not UTF-8 within the 8192 bytes before byte"),
    "utf16.csv": (csv(line(41)).decode().encode("utf-16"), "encoding: not UTF-8"),
    "missing_column.csv": (csv("42,u1", header="line,customer"), "missing column product"),
    "column_twice.csv": (csv(line(43) + ",1", header=HEADER + ",line"), "header: line more than once"),
    "broken_last_field.csv": (csv(line(44, title='"Tea'), 'for two"', line(45)), "1 of 3 lines of which a part would be lost"),
    "long_record.csv": (csv(line(46), line(47, title="x" * 3_600_000)), "a record of more than 2000000 bytes"),
    "long_header.csv": (csv(line(48), header=HEADER + ",x" * 600_000), "no line break within 1048576 bytes"),
    "empty.csv": (b"", "empty: the file has no bytes"),
    "zip.csv": (zipped(), "encoding: not UTF-8"),
    "parquet.csv": (parquet(), "encoding: not UTF-8"),
    "many_fields.csv": (csv(line(49), "50" + "," * 30_000), "not readable: "),
    "co:lon.csv": (csv(line(51)), "a path with a colon beside []{}"),
    "10:30/in.csv": (csv(line(53)), "a path with a colon beside []{}"),
    "quote_in_header.csv": (csv(line(52), header='line,"customer"x,product,pieces,price,at,title'), "header: not a line of CSV"),
}
