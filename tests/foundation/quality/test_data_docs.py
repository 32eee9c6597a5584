"""Great Expectations' own pages of a run's results."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pyspark.sql import SparkSession

from basketgraph.foundation.config import data_yaml, parsed
from basketgraph.foundation.quality.check import QualityStop, check_all
from basketgraph.foundation.quality.suites import QualitySettings
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

SETTINGS = parsed(QualitySettings, data_yaml("conf/settings.yaml")["quality"], "settings.quality")
USER = "0123456789abcdef" * 2
LAST = date(2026, 3, 6)


def test_data_docs_are_made_of_the_runs_own_results_and_hold_no_value_of_a_person(spark: SparkSession, tmp_path: Path) -> None:
    targets, coupons = "silver.campaign_targets", "silver.coupons"
    settings = SETTINGS.model_copy(update={"data_docs": True})
    for run, tables in (("run-1", [targets]), ("run-2", [coupons, targets])):
        release = RunTables(spark, str(tmp_path), run)
        release.overwrite(rows(spark, targets, [{"user_id": USER}, {"user_id": f"{run}@example.org"}]), targets)
        release.overwrite(rows(spark, coupons, [{"item_id": run}]), coupons)
        for table in tables:  # job by job: both make one site
            try:
                check_all(release, [table], LAST, settings)
            except QualityStop:
                assert table == targets
    site = tmp_path / "reports" / "data_docs"
    pages = {str(page.relative_to(site)): page.read_text() for page in site.rglob("*.html")}
    index = pages.pop("index.html")
    assert sorted(page.split("/")[:4] for page in pages) == [["validations", "silver", name, "run-2"] for name in ("campaign_targets", "coupons")]
    assert "run-2" in index
    failed = next(page for name, page in pages.items() if "campaign_targets" in name)
    assert "Failed" in failed
    told = index + "".join(pages.values()) + "".join(result.read_text() for result in (site / "results").iterdir())
    assert USER not in told
    assert "example.org" not in told.replace("https://", "")
    assert not list(site.rglob("*.crc"))
