"""A shop and a pipeline small enough to run in seconds, through the real runner, lock, tables and releases: written into a folder for --conf-dir."""

from __future__ import annotations

import json
from pathlib import Path

PIPELINES = """
steps:
  load:
    {help: users from the landing folder, reads: [], writes: [silver.campaign_targets], settings: [], always: true}
  copy:
    {help: one row a user, reads: [silver.campaign_targets], writes: [silver.redemptions], settings: [interactions]}
  judge:
    {help: what the landing folder says, reads: [silver.redemptions], writes: [], settings: []}
  publish:
    {help: make it live, reads: [], writes: [ops.releases], settings: [], always: true}
  report:
    {help: a page, reads: [ops.releases], writes: [], settings: [], files: [report]}
pipelines:
  all:
    {help: everything, steps: [load, copy, judge, publish, report]}
"""

SUITE = """
name: {table}
expectations:
  - type: expect_table_row_count_to_be_between
    kwargs: {{min_value: 1}}
    severity: critical
    notes: Without users there is nothing to publish.
"""

HEAD = """
from datetime import datetime, timezone
from pathlib import Path
from basketgraph.foundation.runs.job import StepReport, job_main
LINEAGE = "'file' as source_file, 'hash' as file_hash, timestamp'2026-01-01' as source_time, 'run' as run_id, timestamp'2026-01-01' as ingested_at"
"""

JOBS = {
    "load": """
def run(spark, conf, ds, release):
    users = Path(conf.source["landing"], "users").read_text().split()
    frame = spark.createDataFrame([(user,) for user in users], "user_id string")
    release.merge(frame.selectExpr("'1' as campaign_id", "user_id", *LINEAGE.split(", ")), "silver.campaign_targets")
    return StepReport(rows_in=len(users), rows_out=len(users))
""",
    "copy": """
def run(spark, conf, ds, release):
    users = release.read("silver.campaign_targets")
    columns = ["user_id as redemption_id", "user_id", "'c' as coupon_id", "campaign_id", "date'2026-01-01' as redemption_date"]
    release.overwrite(users.selectExpr(*columns, *LINEAGE.split(", ")), "silver.redemptions")
    return StepReport(rows_out=users.count())
""",
    "judge": """
from basketgraph.foundation.config import UserError
from basketgraph.foundation.quality.check import QualityStop
class Refused(Exception):
    exit_code = 4
def run(spark, conf, ds, release):
    verdict = Path(conf.source["landing"], "verdict")
    word = verdict.read_text() if verdict.exists() else "fine"
    if word != "fine":
        raise {"quality": QualityStop, "gate": Refused, "mistake": UserError, "crash": RuntimeError}[word](f"told to: {word}")
""",
    "report": """
def run(spark, conf, ds, release):
    page = Path(conf.warehouse, "page.html")
    page.write_text(f"run {release.run_id}")
    return StepReport(detail={"report": str(page)})
""",
}


class TinyShop:
    """`conf` for --conf-dir, `landing` with a file `users` and perhaps a `verdict`, and a warehouse."""

    def __init__(self, root: Path) -> None:
        self.conf, self.landing, self.warehouse = root / "conf-dir", root / "landing", root / "warehouse"
        for folder in (self.conf / "conf" / "sources", self.conf / "jobs", self.landing):
            folder.mkdir(parents=True)
        (self.conf / "conf" / "pipelines.yaml").write_text(PIPELINES)
        (self.conf / "conf" / "sources" / "tiny.yaml").write_text(
            f"shop: tiny\nlanding: {json.dumps(str(self.landing))}\ntime_zone: UTC\ncurrency: EUR\n"
        )
        for table in ("campaign_targets", "redemptions"):  # held against them before they go live; the users here have plain names
            place = self.conf / "expectations" / "silver" / f"{table}.yaml"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(SUITE.format(table=f"silver.{table}"))
        for name, text in JOBS.items():
            self.write_job(name, text)
        self.users("ann", "bob")

    def write_job(self, name: str, text: str) -> None:
        (self.conf / "jobs" / f"{name}.py").write_text(f'{HEAD}\n{text}\nif __name__ == "__main__":\n    job_main(run, "{name}", __file__)\n')

    def users(self, *names: str) -> None:
        (self.landing / "users").write_text(" ".join(names))

    def verdict(self, word: str) -> None:
        (self.landing / "verdict").write_text(word)

    @property
    def flags(self) -> list[str]:
        return ["--source", "tiny", "--conf-dir", str(self.conf), "--set", f"warehouse={self.warehouse}"]
