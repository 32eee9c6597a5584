"""What the commands share: flags, the exit code, and JSON output."""

from __future__ import annotations

import functools
import inspect
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from basketgraph.foundation.config import CONF_VARIABLE, Config, load, user_path
from basketgraph.foundation.runs.arguments import exit_code_of, log_to_stderr, set_pairs

Env = Annotated[str, typer.Option("--env", help="conf/environments/<env>.yaml: local, cluster")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override: landing=DIR, warehouse=DIR, recall.seed=1")]
Json = Annotated[bool, typer.Option("--json", help="one JSON object as the last line of stdout")]
ConfDir = Annotated[str | None, typer.Option("--conf-dir", help="a folder with conf/, schemas/, expectations/ that are looked at first")]
Debug = Annotated[bool, typer.Option("--debug", help="show the traceback of a mistake")]


@dataclass(frozen=True)
class Options:
    """The flags of every command that works on a shop's warehouse."""

    source: Annotated[str, typer.Option("--source", help="the shop: conf/sources/<source>.yaml", show_default=True)] = "complete_journey"
    env: Env = "local"
    sets: Set = None
    as_json: Json = False

    def config(self, overrides: Mapping[str, str] | None = None, *, pipeline: str = "all") -> Config:
        """overrides: further settings that other flags of the command set; where --set names one of them, too, the flag counts."""
        return load(self.env, self.source, {**set_pairs(self.sets or []), **(overrides or {})}, pipeline=pipeline)


def command(function: Callable[..., int | None]) -> Callable[..., None]:
    """A command of the command line: `function` with --conf-dir and --debug, and the flags of Options in place of a parameter `options`."""
    own = inspect.signature(function, eval_str=True).parameters
    shared = inspect.signature(Options, eval_str=True).parameters if "options" in own else {}
    common = inspect.signature(run_command, eval_str=True).parameters

    @functools.wraps(function)
    def run(**flags: Any) -> None:
        arguments = {name: value for name, value in flags.items() if name in own}
        if shared:
            arguments["options"] = Options(**{name: flags[name] for name in shared})
        raise typer.Exit(run_command(functools.partial(function, **arguments), flags["conf_dir"], flags["debug"]))

    flags = [flag for name, flag in {**shared, **common, **own}.items() if name not in ("options", "action")]
    keywords = [flag.replace(kind=inspect.Parameter.KEYWORD_ONLY) for flag in flags]
    run.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    return run


def run_command(action: Callable[[], int | None], conf_dir: ConfDir = None, debug: Debug = False) -> int:
    """The exit code of a command, which returns it, or None for 0. A mistake prints want, have and cure; other errors are raised."""
    log_to_stderr()
    try:
        if conf_dir is not None:
            os.environ[CONF_VARIABLE] = str(user_path(conf_dir, "--conf-dir"))
        return action() or 0
    except Exception as error:
        return exit_code_of(error, debug=debug)


def print_json(value: Any) -> None:
    print(json.dumps(value, default=str), flush=True)
