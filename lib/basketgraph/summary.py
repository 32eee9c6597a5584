"""What a run prints at its end: rows, tables, quality, models with intervals, three example users, and where to look further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any

from rich.console import Console
from rich.table import Table

from basketgraph.report.examples import Example

WIDTH = 130  # a summary in a log file or a pipe must not be cut at 80 columns


def console(file: IO[str] | None = None) -> Console:
    made = Console(file=file, highlight=False)
    return made if made.is_terminal else Console(file=file, highlight=False, width=WIDTH)


def table(title: str, *columns: str) -> Table:
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number == 0 else "right")
    return made


def print_summary(outcome: Mapping[str, Any], examples: Sequence[Example], *, file: IO[str] | None = None) -> None:
    """outcome: the run's JSON object (DESIGN section 10); examples: users of the live lists."""
    out = console(file)
    _print_rows(out, outcome["rows"])
    _print_tables(out, outcome["tables"])
    for setting, models in outcome["metrics"].items():
        _print_models(out, setting, models, outcome["gains"].get(setting, {}))
    for example in examples:
        _print_example(out, example)
    quality = outcome["quality"]
    let_pass = f", {quality['accepted']} let pass by a person" if quality.get("accepted") else ""
    out.print(f"\nquality   {quality['critical_failures']} critical failures, {quality['warnings']} warnings{let_pass}")
    out.print(f"release   {outcome['release']}" + (f", as of {outcome['as_of']}" if outcome["as_of"] else ""))
    out.print(f"memory    {outcome['peak_memory_bytes'] / 2**30:.1f} GiB at the most, all processes together")
    for name in ("report", "tensorboard"):
        if outcome[name]:
            out.print(f"{name:<9} {outcome[name]}", soft_wrap=True)
    if outcome.get("refused"):
        out.print(f"\n[bold]not released:[/bold] {outcome['refused']}", soft_wrap=True)


def _print_rows(out: Console, rows: Mapping[str, Mapping[str, Any]]) -> None:
    shown = table("rows, over all files ever picked up", "table", "read", "accepted", "rejected", "duplicates", "rejected by reason")
    for name, counts in rows.items():
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts["rejected_by_reason"].items(), key=lambda pair: -pair[1]))
        shown.add_row(name, *(f"{counts[c]:,}" for c in ("read", "accepted", "rejected", "duplicates")), reasons)
    if rows:
        out.print(shown)


def _print_tables(out: Console, tables: Mapping[str, Mapping[str, int]]) -> None:
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
    out.print(f"\n[bold]user {example.user_id[:12]}[/bold] bought lately: {'; '.join(example.bought)}", soft_wrap=True)
    for name, reason in example.recommended:
        out.print(f"  {name}: {reason}", soft_wrap=True)


def print_plan(plan: Sequence[Mapping[str, str]]) -> None:
    shown = table("dry run: nothing is written", "step", "runs", "why")
    for row in plan:
        shown.add_row(row["step"], row["runs"], row["why"])
    console().print(shown)


def print_status(found: Mapping[str, Any]) -> None:
    out = console()
    _print_tables(out, found["tables"])
    shown = table("\nlast steps", "step", "status", "when", "seconds", "run")
    for step in found["last_steps"]:
        shown.add_row(step["step"], step["status"], str(step["finished_at"]), f"{step['seconds']:.1f}", step["run_id"])
    out.print(shown)
    out.print(f"\nrelease {found['release']}" + (f", as of {found['as_of']}" if found["as_of"] else ""))
