"""What commands print of a warehouse for people: its state, its releases, and where the time of a run went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from basketgraph.cli.freshness import age_in_words
from basketgraph.cli.measured import table
from basketgraph.cli.summary import console, print_refused, print_tables, quality_in_words
from basketgraph.foundation.progress import in_words


def print_status(state: Mapping[str, Any]) -> None:
    """state: what `status` says."""
    out = console()
    print_tables(out, state["tables"])
    shown = table("\nlast steps", "step", "status", "ended", "seconds", "run")
    for step in state["last_steps"]:
        shown.add_row(step["step"], step["status"], step["finished_at"], f"{step['seconds']:.1f}", step["run_id"])
    out.print(shown)
    shown = table("\nnewest runs", "run", "pipeline", "status", "started", "ended", "seconds", "memory")
    for run in state["runs"]:
        status = f"failed in {run['failed_step']}" if run["failed_step"] else run["status"]
        memory = f"{run['peak_memory_bytes'] / 2**30:.1f} GiB"
        shown.add_row(run["run_id"], run["pipeline"], status, run["started_at"], run["finished_at"], f"{run['seconds']:.0f}", memory)
    out.print(shown)
    out.print(f"\nquality   {quality_in_words(state['quality'])}")
    out.print(f"release   {state['release']}" + (f", as of {state['as_of']}" if state["as_of"] else ""))
    for what, age in state["ages"].items():
        out.print(f"{what:<9} {age_in_words(what, age)}{' (late)' if age['is_late'] else ''}")
    out.print(f"report    {state['report'] or 'none, or it was deleted'}", soft_wrap=True)
    held = state["holder"]
    if held and held["state"] != "ended":
        step = f", in {held['step']}" if held["step"] else ""
        what = "is running" if held["state"] == "running" else "was killed"
        out.print(f"lock      run {held['run_id']} {what}{step} (process {held['process']} on {held['host']})")
    if error := state["last_error"]:
        since = "it went well since" if error["is_over"] else "nothing went well since"
        code = "" if error["exit_code"] is None else f", exit code {error['exit_code']}"
        out.print(f"last error at {error['at']}, run {error['run_id']} in {error['step']}{code} ({since}):\n  {error['error']}", soft_wrap=True)
    print_refused(out, state)


def print_releases(releases: Sequence[Mapping[str, Any]]) -> None:
    """releases: newest first, as `basketgraph releases --json` has them."""
    shown = table("releases, newest first", "release", "published", "as of", "tables", "", "run")
    for row in releases:
        what = f"the tables of {row['restores']} again" if row["restores"] else ""
        notes = [*(["live"] if row["live"] else []), *([what] if what else []), *([] if row["kept"] else ["files may be deleted"])]
        shown.add_row(str(row["release"]), row["published_at"], str(row["as_of"]), str(row["tables"]), ", ".join(notes), row["run_id"])
    console().print(shown)


def print_rollback(plan: Mapping[str, Any]) -> None:
    """plan: what `rollback --dry-run --json` has."""
    out = console()
    was, then = plan["as_of"]
    out.print(
        f"dry run: nothing is written. Release {plan['live']} is live; the tables of release {plan['restores']} would be, lists as of {then} ({was})"
    )
    shown = table("\ntables that would change", "table", "version", "then", "rows", "then")
    for name, change in plan["tables"].items():
        cells = ["none" if value is None else f"{value:,}" for value in (*change["version"], *change["rows"])]
        shown.add_row(name, *cells)
    out.print(shown)


def print_run_times(times: Mapping[str, Any]) -> None:
    """times: what `runs show --json` has."""
    out = console()
    status = f"failed in {times['failed_step']}" if times["failed_step"] else times["status"]
    memory = f"{times['peak_memory_bytes'] / 2**30:.1f} GiB"
    out.print(f"run {times['run_id']}, {times['pipeline']}: {status}; {times['started_at']} to {times['finished_at']}, {memory} at the most")
    _print_step_times(out, times)
    if times["profile"] is None:
        out.print("\nno event log of Spark was kept: `basketgraph run --profile` keeps one")
        return
    out.print(f"\nevent log {times['profile']}", soft_wrap=True)
    columns = ("jobs", "stages", "tasks", "in jobs", "task time", "Python", "GC", "shuffle wait", "shuffle", "spilled", "idle cores")
    shown = table("\nSpark, seconds but for counts and MB", "step", *columns)
    for step in times["steps"]:
        cost = step["spark"]
        seconds = ("busy_seconds", "task_seconds", "python_seconds", "gc_seconds", "shuffle_wait_seconds")
        cells = [f"{cost[name]:,}" for name in ("jobs", "stages", "tasks")] + [f"{cost[name]:,.1f}" for name in seconds]
        cells += [f"{cost[name] / 1e6:,.1f}" for name in ("shuffle_bytes", "spilled_bytes")]
        shown.add_row(step["step"], *cells, f"{cost['idle_seconds']:,.1f}")
    out.print(shown)
    out.print("in jobs: wall clock in which a job ran, the rest is Python, planning and ranks. task time and what follows: of all cores together")


def _print_step_times(out: Console, times: Mapping[str, Any]) -> None:
    shown = table("", "step", "status", "seconds", "share", "checks", "rows in", "rows out")
    for step in times["steps"]:
        share = step["seconds"] / times["seconds"] if times["seconds"] else 0.0
        rows = ("" if step[name] is None else f"{step[name]:,}" for name in ("rows_in", "rows_out"))
        shown.add_row(step["step"], step["status"], f"{step['seconds']:,.1f}", f"{share:.0%}", f"{step['check_seconds']:,.1f}", *rows)
    shown.add_row("between steps", "", f"{times['between_seconds']:,.1f}", "", "", "", "")
    shown.add_row("all", "", f"{times['seconds']:,.1f}", in_words(times["seconds"]), "", "", "")
    out.print(shown)
