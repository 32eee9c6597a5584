"""Putting the page where people find it, whole or not at all."""

from __future__ import annotations

from basketgraph.foundation.tables.warehouse import Warehouse


def write_page(warehouse: Warehouse, run_id: str, html: str) -> str:
    """Write `html` to <warehouse>/reports/<run_id>.html; returns the path."""
    target = f"{warehouse.root}/reports/{run_id}.html"
    warehouse.files.write(target, html)
    return target
