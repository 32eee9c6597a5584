"""When each pipeline of conf/pipelines.yaml runs, what its publishing starts, and what its lateness costs."""

from __future__ import annotations

from dataclasses import dataclass

SILVER, LISTS = "basketgraph_silver", "basketgraph_lists"  # assets: checked data are live, new lists are live
CHECK_CRON = "0 12 * * *"  # UTC: of `status --check`, when the day's lists are expected to be live


@dataclass(frozen=True)
class Timing:
    """cron: UTC; after: the asset that starts it; makes: the asset that its publishing updates. lateness: for the DAG's page, in Markdown."""

    lateness: str
    cron: str | None = None
    after: str | None = None
    makes: str | None = None


TIMETABLE = {
    "clean": Timing(
        cron="0 4 * * 0-5",  # on Saturdays `all` begins with the same step
        makes=SILVER,
        lateness="""**If it is late**, readers see the data and lists of the day before; nothing they see is wrong. A
day late costs lists that do not know yesterday's purchases. Files that land meanwhile are picked up by the next run:
there is nothing to backfill.

**What to do.** Read the end of the failed task's log: its exit code says whose fault it is (docs/operating.md, It is
03:00). Mend that, then clear the task. What quality stopped (exit code 3) stays stopped until the data or the promise
are mended, or a person accepts it.""",
    ),
    "recommend": Timing(
        after=SILVER,
        makes=LISTS,
        lateness="""**If it is late**, customers go on seeing the live lists: they still name what was bought since,
and new customers have none. After `alerts.lists_days` (2) the DAG `basketgraph_check` alerts.

**What to do.** Clear the failed task: steps that succeeded are skipped. Refused by the gate (exit code 4): the new
lists are not good enough, the old ones stay; docs/operating.md says which comparison means what. Where it did not
start at all, look at `basketgraph_clean`, whose publishing starts it.""",
    ),
    "all": Timing(
        cron="0 4 * * 6",
        makes=SILVER,
        lateness="""**If it is late**, nobody knows whether the lists are still better than bestsellers: this run
judges them by what was bought in the window after its cut. It cleans first, in place of Saturday's `clean`, so data
and lists are a day older, too. What it publishes are lists as of the cut, a window ago: they are live until
`basketgraph_recommend`, which its publishing starts, has ended.

**What to do.** Trigger `basketgraph_clean`: the day's data and lists then go their usual way. The judgement may wait
for office hours; clear the failed task then, at a time when neither `clean` nor `recommend` runs.""",
    ),
    "offer": Timing(lateness="It runs when somebody triggers it, before a campaign. Nothing waits for it."),
    "content": Timing(lateness="It runs when somebody triggers it, or weekly. Until then moods, index and answers are those of its last run."),
    "maintain": Timing(
        cron="0 2 * * 0",
        lateness="""**If it is late**, the warehouse grows by what a week's runs replaced. Nothing else waits for it.

**What to do.** Nothing at night. Clear the task, or trigger the DAG, when no other one runs.""",
    ),
    "replay": Timing(
        makes=SILVER, lateness="It runs when somebody triggers it, after a mapping was mended, and then starts `recommend`. Nothing waits for it."
    ),
    "profiles": Timing(lateness="It runs when somebody triggers it, at a shop that wants no lists. Nothing waits for it."),
}
CHECK_DOC = """**Whether data and lists are as new as conf allows** (`alerts.data_days`, `alerts.lists_days`):
`basketgraph status --check`.

It runs by the clock, so it also finds that the others never started. It fails, and calls the hooks of conf `alerts`,
where data or lists are late or a killed run was not followed by another one. It does not run when Airflow itself is
down: give the same line to a cron of another machine.

**What to do.** `basketgraph status` says which run failed last, and why; then see the page of that DAG.
"""
