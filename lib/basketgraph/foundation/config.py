"""Configuration: where the YAML files lie, how they are merged, and the error that a user's mistake becomes."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from basketgraph.foundation.paths import absolute, file_url, local_folder, no_glob, writable_fault

CONF_VARIABLE = "BASKETGRAPH_CONF"
CONF_DIR = f"--conf-dir / {CONF_VARIABLE}"
FOLDERS = ("conf", "schemas", "expectations")


class UserError(Exception):
    """A mistake that the user can mend: what was wrong, each fault as `where: want A, have B`, and the cure. Exit code 2."""

    exit_code = 2

    def __init__(self, what: str, faults: Sequence[str] = (), cure: str = "") -> None:
        super().__init__("\n".join([what, *(f"  {fault}" for fault in faults), *([cure] if cure else [])]))
        self.what, self.faults, self.cure = what, tuple(faults), cure


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean X?` with the known name that is most like `name`; empty where none is much like it."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


class Settings(BaseModel):
    """A stage's numbers: a frozen model that refuses keys it does not know. Each stage derives its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


SettingsT = TypeVar("SettingsT", bound=Settings)


class Environment(Settings):
    """conf/environments/<env>.yaml."""

    warehouse: str  # {source} is replaced by the shop's name
    work_dir: str | None = None  # a folder that every machine sees, for shard sets and models; none: the warehouse itself. {source} as above
    ranks: int
    launcher: Literal["processes", "spark"]
    spark_conf: str  # a file below conf/
    lock_wait_seconds: int
    profile: bool = False  # keep Spark's event log of the run
    settings: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Config:
    """The configuration of a run: one environment, one shop, and the stages' settings after all overrides."""

    env: str
    source_name: str
    environment: Environment
    source: Mapping[str, Any]
    settings: Mapping[str, Mapping[str, Any]]
    pipeline: str = "all"
    overrides: Mapping[str, str] = field(default_factory=dict)

    @property
    def warehouse(self) -> str:
        return self.environment.warehouse

    @property
    def work_root(self) -> str:
        """Where shard sets, models and TensorBoard's events lie, as Hadoop takes it: a file:// URL wherever that is a folder."""
        place = self.environment.work_dir or self.warehouse
        folder = local_folder(place)
        return place if folder is None else file_url(folder)

    def want_warehouse(self) -> None:
        """Make the warehouse's folder, before anything is started. Raises UserError where that cannot be, or the folder cannot be written to."""
        folder = local_folder(self.warehouse)
        fault = None if folder is None else writable_fault(folder)
        if fault is not None:
            raise UserError("the warehouse cannot be used", [f"warehouse: {fault}"], "Name another: --set warehouse=DIR.")

    def shared_folder(self) -> Path:
        """The same as a folder, since ranks read and write plain files. Raises UserError where it is none, or `work_dir` is not mounted here."""
        work_dir = self.environment.work_dir
        folder = local_folder(work_dir or self.warehouse)
        cure = f"Name a folder that is mounted on every machine: `work_dir` in conf/environments/{self.env}.yaml, or --set work_dir=DIR."
        if folder is None:
            have = f"work_dir {work_dir}" if work_dir else f"warehouse {self.warehouse} and no work_dir"
            raise UserError("shard sets and models need a folder", [f"work_dir: want a path or a file:/// URL, have {have}"], cure)
        if work_dir:
            mounted = folder.is_dir() or folder.parent.is_dir()
            fault = writable_fault(folder) if mounted else f"want a mounted folder, have no {folder.parent}"
            if fault is not None:
                raise UserError("shard sets and models need a folder", [f"work_dir: {fault}"], cure)
        return folder

    @property
    def shop(self) -> str:
        """The name under which its users' ids become pseudonyms."""
        return str(self.source.get("shop", self.source_name))

    def section(self, name: str, model: type[SettingsT]) -> SettingsT:
        """The settings `name`, as the stage's own model. Raises UserError with every fault at once."""
        return parsed(model, self.settings.get(name, {}), f"settings.{name}")


def state_folder(environment: Mapping[str, str]) -> Path:
    """Where this user's key and logs lie."""
    state = environment.get("XDG_STATE_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".local" / "state")
    return Path(state) / "basketgraph"


def conf_without_shop(name: str) -> Config:
    """The conf of what works on plain files of this machine: the local environment, with the user's state folder in place of a warehouse."""
    environment = parsed(Environment, data_yaml("conf/environments/local.yaml"), "conf/environments/local.yaml")
    return Config("local", name, environment.model_copy(update={"warehouse": str(state_folder(os.environ)), "work_dir": None}), {}, {})


def user_path(text: str, flag: str) -> Path:
    """The absolute path of a local file or folder that a user gave with `flag`. Raises UserError for what is none."""
    try:
        path = local_folder(absolute(text))
    except ValueError as error:
        raise UserError(f"{flag}: {error}", cure="Name another path.") from None
    if path is None:
        raise UserError(f"{flag}: want a path on this machine, have {text}")
    return path


def parsed(model: type[SettingsT], values: Mapping[str, Any], where: str) -> SettingsT:
    """`values` as `model`; raises UserError that lists each fault with its place."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        known = ", ".join(sorted(model.model_fields))
        faults = []
        for e in error.errors():
            meant = did_you_mean(str(e["loc"][-1]), keys_of(model)) if e["type"] == "extra_forbidden" else ""
            faults.append(f"{'.'.join([where, *map(str, e['loc'])])}: {e['msg']}, have {e['input']!r:.80}{meant}")
        raise UserError(f"{where} cannot be used", faults, f"Keys known here: {known}.") from None


def keys_of(model: type[BaseModel]) -> set[str]:
    """The keys of a model and of those that it holds."""
    keys: set[str] = set()
    for name, terms in model.model_fields.items():
        keys |= {name}.union(*(keys_of(inner) for inner in _models_in(terms.annotation)))
    return keys


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def made(folder: Path, flag: str) -> Path:
    """The folder that a user gave with `flag`, with all above it. Raises UserError where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{flag}: want a folder, have {error.strerror}: {error.filename}", cure="Name another folder.") from None
    return folder


@lru_cache(maxsize=1)
def _roots(override: str | None) -> tuple[Traversable, ...]:
    """Where the YAML folders may lie, first wins: the override, the checkout, the package's own data (also inside a zip)."""
    roots: list[Traversable] = []
    if override:
        if not Path(override).is_dir():
            raise UserError(f"{CONF_DIR}: want a folder with {', '.join(FOLDERS)}, have {override}", cure="Name an existing folder.")
        roots.append(Path(override))
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "conf").is_dir() and (checkout / "schemas").is_dir():
        roots.append(checkout)
    roots.append(files("basketgraph") / "_data")
    return tuple(roots)


def version() -> str:
    """The package's version; that of a zip, which has no metadata, is not known."""
    try:
        return metadata.version("basketgraph")
    except metadata.PackageNotFoundError:
        return "unknown"


def _conf_roots() -> tuple[Traversable, ...]:
    override = os.environ.get(CONF_VARIABLE)
    return _roots(str(user_path(override, CONF_DIR)) if override else None)


def conf_folder() -> Path | None:
    """The folder with conf/ that is looked at first, where it is one that files can be put into; None for an installed package."""
    first = _conf_roots()[0]
    return first if isinstance(first, Path) and (os.environ.get(CONF_VARIABLE) or (first / "schemas").is_dir()) else None


def data_file(relative: str) -> Traversable:
    """The file `relative` (for instance `conf/settings.yaml`) of the first root that has it. Raises UserError where none has."""
    roots = _conf_roots()
    for root in roots:
        file = root.joinpath(*relative.split("/"))
        if file.is_file():
            return file
    folder, _, name = relative.rpartition("/")
    there = sorted({stem for stem, _ in data_files(folder)})
    meant = did_you_mean(name.removesuffix(".yaml"), there)
    faults = [f"{folder}/: have {', '.join(there) or 'nothing'}{meant}", f"looked in: {', '.join(map(str, roots))}"]
    raise UserError(f"{relative}: want a file, have none", faults)


def data_files(folder: str, suffix: str = ".yaml") -> Iterator[tuple[str, Traversable]]:
    """(stem, file) of every file in `folder`, each stem once, the first root winning, in order of the stem."""
    by_stem: dict[str, Traversable] = {}
    for root in reversed(_conf_roots()):
        place = root.joinpath(*folder.split("/"))
        if place.is_dir():
            by_stem.update({f.name.removesuffix(suffix): f for f in place.iterdir() if f.name.endswith(suffix)})
    yield from sorted(by_stem.items())


def data_text(relative: str) -> str:
    return data_file(relative).read_text(encoding="utf-8")


class _UniqueKeys(yaml.SafeLoader):
    """YAML whose mappings name each key once; plain YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} is there twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def data_yaml(relative: str) -> dict[str, Any]:
    """A YAML file of conf/, schemas/ or expectations/ as a dict. errors: as of `yaml_mapping`."""
    return yaml_mapping(data_text(relative), relative)


def yaml_mapping(text: str, where: str) -> dict[str, Any]:
    """YAML text as a dict. Raises UserError with the line of a syntax error or of a key that is there twice.   where: what the text is called."""
    try:
        loaded = yaml.load(text, Loader=_UniqueKeys)
    except (yaml.YAMLError, ValueError) as error:  # a ValueError for 2026-02-30
        raise UserError(f"{where}: not readable as YAML", str(error).splitlines(), "Mend the syntax at that line.") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{where}: want keys and values, have {type(loaded).__name__}")
    return loaded


def load(env: str, source: str, overrides: Mapping[str, str] | None = None, *, pipeline: str = "all") -> Config:
    """Read the conf of one run.

    overrides: `--set` pairs: `warehouse`, `work_dir`, `landing`, `ranks`, `launcher`, ..., or `<section>.<key>` of conf/settings.yaml.
    errors:    UserError for an unknown environment, shop or key; all unknown keys at once.
    """
    overrides = dict(overrides or {})
    environment = parsed(Environment, data_yaml(f"conf/environments/{env}.yaml"), f"conf/environments/{env}.yaml")
    shop = data_yaml(f"conf/sources/{source}.yaml")
    settings = deepcopy(data_yaml("conf/settings.yaml"))
    for layer in (environment.settings, shop.get("settings") or {}):
        _merge_sections(settings, layer, source)
    changed = {name: place.replace("{source}", source) for name in ("warehouse", "work_dir") if (place := getattr(environment, name))}
    unknown, unreadable = [], []
    for key, text in overrides.items():
        section, _, name = key.partition(".")
        if key == "landing":
            shop["landing"] = text
        elif key in Environment.model_fields and key != "settings":
            changed[key] = text
        elif name and section in settings and name in settings[section]:
            try:
                settings[section][name] = yaml.safe_load(text)
            except (yaml.YAMLError, ValueError):
                unreadable.append(f"{key}: want a value as YAML writes it, have {text!r:.80}")
        else:
            unknown.append(key)
    if unknown:
        places = ["landing", *(k for k in Environment.model_fields if k != "settings"), *(f"{s}.{k}" for s in settings for k in settings[s])]
        faults = [f"{key}: want a key of conf/settings.yaml{did_you_mean(key, places)}" for key in unknown]
        raise UserError("--set: unknown keys", faults, f"Known: {', '.join(places)}.")
    if unreadable:
        raise UserError("--set: values cannot be read", unreadable, "Quote brackets, braces and colons that belong to a text.")
    folders = _absolute({"warehouse": changed.get("warehouse", ""), "work_dir": changed.get("work_dir") or None, "landing": shop.get("landing")})
    if "landing" in folders:
        shop["landing"] = folders.pop("landing")
    environment = parsed(Environment, {**environment.model_dump(), **changed, **folders}, "--set")
    return Config(env, source, environment, shop, settings, pipeline, overrides)


def _absolute(places: Mapping[str, Any]) -> dict[str, str]:
    """The paths, made absolute. Raises UserError with every one that cannot be used. What is no text is left out: its model refuses it."""
    paths, faults = {}, {}
    for name, place in places.items():
        if isinstance(place, str):
            try:
                paths[name] = absolute(place)
            except ValueError as error:
                faults[name] = str(error)
    faults |= {
        name: f"want no colon beside []{{}}*?,\\, which Spark takes for a pattern, have {path}" for name, path in paths.items() if no_glob(path)
    }
    if "`" in paths.get("warehouse", ""):
        faults["warehouse"] = f"want a path without backticks, between which Delta's SQL puts it, have {paths['warehouse']}"
    if faults:
        cure = f"Name another: {', '.join(f'--set {name}=DIR' for name in faults)}."
        raise UserError("paths cannot be used", [f"{name}: {fault}" for name, fault in faults.items()], cure)
    return paths


def _merge_sections(settings: dict[str, Any], layer: Mapping[str, Mapping[str, Any]], source: str) -> None:
    flat = [section for section, keys in layer.items() if not isinstance(keys, Mapping)]
    if flat:
        faults = [f"settings.{section}: want keys and values, have {layer[section]!r}" for section in flat]
        raise UserError(f"conf/sources/{source}.yaml or the environment: settings cannot be used", faults)
    unknown = [f"{s}.{k}" for s, keys in layer.items() for k in keys if s not in settings or k not in settings[s]]
    if unknown:
        known = [f"{s}.{k}" for s, keys in settings.items() for k in keys]
        faults = [f"settings.{key}: not in conf/settings.yaml{did_you_mean(key, known)}" for key in unknown]
        raise UserError(f"conf/sources/{source}.yaml or the environment: unknown settings", faults)
    for section, keys in layer.items():
        settings[section].update(keys)
