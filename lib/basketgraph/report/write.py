"""Putting the page where people find it, whole or not at all."""

from __future__ import annotations

from basketgraph.failures import at_the_end
from basketgraph.tables import Warehouse


def write_page(warehouse: Warehouse, run_id: str, html: str) -> str:
    """Write `html` to <warehouse>/reports/<run_id>.html through Hadoop's file system, by a rename; returns the path."""
    target = f"{warehouse.root}/reports/{run_id}.html"
    system, place = warehouse.hadoop_path(target)
    _, half = warehouse.hadoop_path(f"{warehouse.root}/reports/.{run_id}.html.half")
    system.setWriteChecksum(False)  # a .crc file beside a page that people open would only puzzle them
    out = system.create(half, True)
    with at_the_end(f"{half}: left open", out.close):
        out.write(bytearray(html.encode()))
    jvm, gateway = warehouse.spark._jvm, warehouse.spark.sparkContext._gateway
    rename = jvm.org.apache.hadoop.fs.Options.Rename  # type: ignore[union-attr]
    overwrite = gateway.new_array(rename, 1)  # type: ignore[union-attr]
    overwrite[0] = rename.OVERWRITE
    jvm.org.apache.hadoop.fs.FileContext.getFileContext(place.toUri(), system.getConf()).rename(half, place, overwrite)  # type: ignore[union-attr]
    return target
