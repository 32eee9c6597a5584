"""What commands print for people: a run's rows, tables, quality, models and example lists; plans, traces and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from basketgraph.cli.measured import print_measured, table
from basketgraph.foundation.cuts import not_judged_in_words
from basketgraph.foundation.recommenders import LIST_SETTINGS

if TYPE_CHECKING:
    from basketgraph.report.examples import Example

WIDTH = 130  # a summary in a log file or a pipe must not be cut at 80 columns


def console(file: IO[str] | None = None) -> Console:
    """A console without markup: names of items hold brackets and colons."""
    plain: dict[str, Any] = {"file": file, "highlight": False, "markup": False, "emoji": False}
    made = Console(**plain)
    return made if made.is_terminal else Console(**plain, width=WIDTH)


def print_summary(outcome: Mapping[str, Any], examples: Sequence[Example], *, file: IO[str] | None = None) -> None:
    """outcome: the run's JSON object (docs/operating.md); examples: users of the live lists, or of the newest."""
    out = console(file)
    _print_rows(out, outcome["rows"])
    print_tables(out, outcome["tables"])
    for setting in (name for name in LIST_SETTINGS if name in outcome["metrics"]):
        _print_models(out, setting, outcome["metrics"][setting], outcome["gains"].get(setting, {}))
    print_measured(out, outcome["metrics"])
    if outcome.get("judged_from"):
        out.print(f"\nnot judged yet: {not_judged_in_words(outcome['judged_from'])}")
    for example in examples:
        _print_example(out, example)
    out.print(f"\nquality   {quality_in_words(outcome['quality'])}")
    out.print(f"release   {outcome['release']}" + (f", as of {outcome['as_of']}" if outcome["as_of"] else ""))
    out.print(f"memory    {outcome['peak_memory_bytes'] / 2**30:.1f} GiB at the most, all processes together")
    for name in ("report", "tensorboard"):
        if outcome[name]:
            out.print(f"{name:<9} {outcome[name]}", soft_wrap=True)
    print_refused(out, outcome)


def quality_in_words(quality: Mapping[str, int]) -> str:
    """0 critical failures, 2 warnings, 1 accepted by a person."""
    accepted = f", {quality['accepted']} accepted by a person" if quality.get("accepted") else ""
    earlier = f", {quality['critical_of_earlier_runs']} critical since an earlier run" if quality.get("critical_of_earlier_runs") else ""
    waiting = f", {quality['open_warnings']} open of earlier looks" if quality.get("open_warnings") else ""
    uncompared = f", {quality['not_compared']} not compared yet" if quality.get("not_compared") else ""
    return f"{quality['critical_failures']} critical failures{earlier}, {quality['warnings']} warnings{waiting}{accepted}{uncompared}"


def print_refused(out: Console, state: Mapping[str, Any]) -> None:
    if state.get("refused"):
        out.print(Text.assemble(("\nnot released:", "bold"), f" {state['refused']}"), soft_wrap=True)


def _print_rows(out: Console, rows: Mapping[str, Mapping[str, Any]]) -> None:
    shown = table("rows, over all files ever picked up", "table", "read", "accepted", "rejected", "duplicates", "left out", "rejected by reason")
    for name, counts in rows.items():
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts["rejected_by_reason"].items(), key=lambda pair: -pair[1]))
        names = ("read", "accepted", "rejected", "duplicates", "left_out")
        cells = (f"{counts.get(name, 0):,}" for name in names)  # older run logs have no left_out
        shown.add_row(name, *cells, reasons)
    if rows:
        out.print(shown)
    for name, counts in rows.items():
        if counts.get("retracted"):  # older run logs have none
            out.print(f"{name}: {counts['retracted']:,} accepted rows are no longer in the table: newer versions of them were refused")


def print_tables(out: Console, tables: Mapping[str, Mapping[str, int]]) -> None:
    shown = table("\ntables of the live release", "table", "version", "rows")
    for name, state in tables.items():
        shown.add_row(name, str(state["version"]), f"{state['rows']:,}")
    if tables:
        out.print(shown)


def _print_models(out: Console, setting: str, models: Mapping[str, Mapping[str, float]], gains: Mapping[str, Mapping[str, float]]) -> None:
    title = f"\n{setting}: at 20, with 95 % intervals over users"
    shown = table(title, "model", "recall", "interval", "NDCG", "interval", "NDCG of published, less this")
    for name, values in models.items():
        cells = []
        for metric in ("recall@20", "ndcg@20"):
            cells += [f"{values[metric]:.4f}", f"{values[metric + '_low']:.4f} .. {values[metric + '_high']:.4f}"]
        gain = gains.get(name)
        shown.add_row(name, *cells, f"{gain['ndcg@20']:+.4f}  ({gain['low']:+.4f} .. {gain['high']:+.4f})" if gain else "")
    out.print(shown)


def _print_example(out: Console, example: Example) -> None:
    user = (f"\nuser {example.user_id[:12]}{'' if example.live else ' (this list is not live)'}", "bold")
    out.print(Text.assemble(user, f" bought lately: {'; '.join(example.bought)}"), soft_wrap=True)
    for name, reason in example.recommended:
        out.print(f"  {name}: {reason}", soft_wrap=True)


def print_plan(plan: Sequence[Mapping[str, str]]) -> None:
    shown = table("dry run: nothing is written", "step", "runs", "why")
    for row in plan:
        shown.add_row(row["step"], row["runs"], row["why"])
    console().print(shown)


def print_changes(
    changes: Mapping[str, Mapping[str, Any]], left: Mapping[str, Mapping[str, str]], state: Mapping[str, Any], *, file: IO[str] | None = None
) -> None:
    """What `basketgraph replay` changed in each table, and the files that it could not read again."""
    out = console(file)
    names = ("files", "rows_before", "rows_after", "newly_accepted", "changed", "removed", "newly_rejected", "no_longer_rejected", "still_rejected")
    shown = table("files read again under the present mapping", "table", *(name.replace("_", " ") for name in names))
    for name, counts in changes.items():
        shown.add_row(name, *(f"{counts[c]:,}" for c in names))
    out.print(shown if changes else "no file to read again: nothing changed")
    for name, counts in changes.items():
        for reason, rows in counts["newly_rejected_by_reason"].items():
            out.print(f"{name}: {rows:,} newly rejected: {reason}")
        if counts["of_these_other_reasons"]:
            out.print(f"{name}: {counts['of_these_other_reasons']:,} of the still rejected rows have other reasons now")
    for name, files in left.items():
        for path, why in files.items():
            out.print(f"{name}: {path} was not read again: {why}", soft_wrap=True)
    if state:
        out.print(f"release   {state['release']}\nreport    {state['report']}", soft_wrap=True)


def print_trace(traced: Mapping[str, Any]) -> None:
    """The lineage of a row, as `basketgraph trace` found it."""
    out = console()
    state = "is in the table" if traced["row"] else "is no longer in the table; as it last was"
    key = ", ".join(f"{name} {value}" for name, value in traced["key"].items())
    out.print(Text.assemble((traced["table"], "bold"), f" {key}: {state}"), soft_wrap=True)
    if refused := traced["retracted_by"]:
        what = f"a newer version of it in {refused['source_file']} was refused: {', '.join(refused['reasons'])}"
        out.print(f"retracted {what} (rejected row {refused['rejected_id']})", soft_wrap=True)
    file = traced["file"]
    if file:
        out.print(f"\nfile      {file['path']}", soft_wrap=True)
        for name, value in file.items():
            if name != "path" and value:
                out.print(f"  {name.replace('_', ' '):<14} {value if not isinstance(value, list) else ', '.join(value)}", soft_wrap=True)
    if traced["run"]:
        shown = table(f"\nrun {traced['run']['run_id']}", "step", "pipeline", "status", "from", "to", "fingerprint")
        for step in traced["run"]["steps"]:
            cells = (step["pipeline"], step["status"], str(step["started_at"]), str(step["finished_at"]), step["fingerprint"][:12])
            shown.add_row(step["step"], *cells)
        out.print(shown)
    shown = table("\ncommits of that run", "version", "at", "operation", "batch")
    for commit in traced["commits"]:
        shown.add_row(str(commit["version"]), str(commit["at"]), commit["operation"], str(commit["batch_id"]))
    out.print(shown)
    for row in traced["versions"]:
        changes = "; ".join(f"{name}: {was} -> {now}" for name, (was, now) in row["changed"].items())
        what = f"{row['what']} ({changes})" if changes else row["what"]
        out.print(f"version {row['version']} {row['at']}: {what} from {row['source_file']}", soft_wrap=True)
    for day in traced["user_days"]:
        counted = f"user {day['user_id']}, {day['event_date']}: {day['orders']} orders, {day['lines']} lines"
        out.print(f"\ncounted   gold.user_days, {counted}", soft_wrap=True)
    words = {True: "shows it", False: "does not show it", None: "its files are gone"}
    for release in traced["releases"]:
        when = f"{release['published_at']}{', live' if release['live'] else ''}"
        out.print(f"release {release['release']} of {when}: version {release['version']} {words[release['shows']]}", soft_wrap=True)


def print_maintenance(removed: Mapping[str, Any], *, dry_run: bool) -> None:
    """What `basketgraph maintain` removed and kept; of a dry run what it would."""
    out = console()
    would = "would be " if dry_run else ""
    hours = removed["retain_hours"].values() or [0]
    hours_in_words = f"{min(hours)}" if min(hours) == max(hours) else f"{min(hours)} to {max(hours)}"
    out.print(f"{removed['tables']} tables {would}compacted; files deleted more than {hours_in_words} hours ago {would}removed")
    for name, rows in removed["rows_removed"].items():
        out.print(f"{name}: {rows:,} rows past their retention {would}removed or cleared")
    for path in removed["files_removed"]:
        out.print(f"{path} {would}removed", soft_wrap=True)
    for name, files in removed.get("vacuumable", {}).items():
        out.print(f"{name}: {files:,} files would be deleted")
    kept = removed["kept_releases"]
    out.print(f"kept: all that releases {kept[0]} to {kept[-1]} show" if kept else "kept: there is no release yet")
