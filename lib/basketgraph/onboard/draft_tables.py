"""Parts of a drafted mapping: tables, `let` names, and remarks that say what each expression was guessed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from basketgraph.onboard.column_profiles import LOST, Profile
from basketgraph.onboard.roles import WHO, Reading

NOBODY = ("0", "-1", "guest", "anonymous", "0.0")  # where they stand for far more rows than another user's id does
OFTEN = 5
YES = {"1", "true", "yes", "y", "t", "x", "ja", "j", "oui", "si", "sim", "tak"}
RemarkKind = Literal["guess", "todo", "note"]
MISSING = "cast(null as string)"  # a required column that nobody could guess: every row is then `missing:`, which says so


@dataclass(frozen=True)
class Remark:
    """A guess with its evidence, a question only the user can answer, or a plain note. `place` is the key of the mapping that it is about."""

    kind: RemarkKind
    place: str
    text: str
    because: str = ""

    @property
    def comment(self) -> str:
        if self.kind == "guess":
            return f"guess: {self.text} because {self.because}; check"
        return f"TODO: {self.text}" if self.kind == "todo" else self.text


@dataclass
class Table:
    """A silver table of a draft. `remarks` are keyed by what they are about: a column, a reason, `where`, ..."""

    name: str
    columns: dict[str, str] = field(default_factory=dict)
    nullable: list[str] = field(default_factory=list)
    where: str | None = None
    version: str | None = None
    equal_rows: str | None = None
    reject: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, list[Remark]] = field(default_factory=dict)

    def set(self, column: str, sql: str, *, where: str | None = None) -> None:
        """Set a column's expression. where: the condition under which rows have a value; None for all rows."""
        self.columns[column] = sql if where is None else f"if({where}, {sql}, null)"
        if where is not None:
            self.nullable.append(column)

    def guess(self, key: str, text: str, because: str) -> None:
        self._remark("guess", key, text, because)

    def todo(self, key: str, text: str) -> None:
        self._remark("todo", key, text)

    def note(self, key: str, text: str) -> None:
        self._remark("note", key, text)

    def _remark(self, kind: RemarkKind, key: str, text: str, because: str = "") -> None:
        self.remarks.setdefault(key, []).append(Remark(kind, f"tables.{self.name}.{key}", text, because))


@dataclass
class Lets:
    """The `let` names of a kind of files: expressions that several columns use."""

    reading: Reading
    names: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, list[Remark]] = field(default_factory=dict)

    def add(self, name: str, expression: str) -> str:
        """Give an expression a name that no raw column has."""
        taken = {c.lower() for c in self.reading.sample.declared} | {n.lower() for n in self.names}
        free = next(n for n in (name, f"{name}_", f"the_{name}", *(f"{name}_{i}" for i in range(2, 100))) if n.lower() not in taken)
        self.names[free] = expression
        return free

    def remark(self, name: str, kind: RemarkKind, text: str, because: str = "") -> None:
        self.remarks.setdefault(name, []).append(Remark(kind, f"let.{name}", text, because))


def set_who(reading: Reading, table: Table, *, roles: Sequence[str] = WHO) -> None:
    """Set user_id, visitor_id and session_id where the files have them; a session is the visitor where nobody else is there."""
    for role in roles:
        set_id(reading, table, role)
    if "session" in roles and reading.who is not None and reading.who is reading.roles.get("session"):
        table.columns["visitor_id"] = table.columns["session_id"]
        table.guess("visitor_id", "each session is a visitor of its own", "nothing else says who it was")


def count_equal_rows(reading: Reading, table: Table, what: str) -> None:
    """Let each of several equal rows count where nothing says whose they are, or when they were made."""
    if reading.who is None or "time" not in reading.roles:
        table.equal_rows = "each"
        table.guess("equal_rows", f"equal rows of a file are different {what}", "nothing in them says who it was and when")


def set_id(reading: Reading, table: Table, role: str, *, where: str | None = None) -> None:
    """Set the id of a role where the files have it. where: the condition under which rows have one; None for all rows."""
    profile = reading.roles.get(role)
    if profile is None:
        return
    column = f"{role}_id"
    sql, guesses = id_sql(profile, role=role)
    table.set(column, sql, where=where)
    table.guess(column, f"{profile.name} is the {role}", reading.because[role])
    for text, because in guesses:
        table.guess(column, text, because)
    if profile.lost:
        table.reject[f"{column}_has_lost_digits"] = f"trim({profile.column.sql}) rlike '^({LOST})$'"
        such = f"{profile.name}: {len(profile.lost):,} values such as `{profile.lost[0]}`"
        table.todo(column, f"{such} are in scientific notation; export them as text")


def id_sql(profile: Profile, *, role: str) -> tuple[str, list[tuple[str, str]]]:
    """(SQL of an id as text, guesses as (text, evidence))."""
    sql, guesses = profile.column.sql, []
    if profile.column.kind in ("double", "float"):
        sql = f"try_cast({sql} as bigint)"  # a cast would make 0 of NaN
        guesses.append(("whole numbers", "the column is of floating-point numbers, which would be read as 17850.0"))
    elif profile.floated:
        sql = f"regexp_replace(trim({sql}), '[.]0+$', '')"
        guesses.append(("the `.0` is no part of the id", "all values end in it"))
    elif profile.column.kind == "string":
        sql = trimmed(sql)
    if sql.startswith(("btrim(", "translate(")):
        guesses.append(("characters that nobody sees, or digits of another script, make no other id", "the sample has some"))
    is_person = role in ("user", "visitor")
    if is_person and profile.padded:
        collide = len({text.lstrip("0") for text in profile.counts}) < len(profile.counts)
        sql = f"nullif(ltrim('0', {sql}), '')"
        because = f"{profile.padded:,} values of the sample have some" + ("; some ids differ by nothing else" if collide else "")
        guesses.append(("leading zeros are no part of the id", because))
    if is_person and sum("@" in text for text in profile.filled) > len(profile.filled) / 2:
        sql = f"lower({sql})"
        guesses.append(("case does not matter", "the ids are e-mail addresses"))
    usual = sorted(profile.counts.values())[len(profile.counts) // 2] if profile.counts else 0
    nobody = [text for text in NOBODY if is_person and profile.counts.get(text, 0) > max(3, OFTEN * usual)]
    for text in nobody:
        known = sql.startswith("nullif(ltrim") and not text.strip("0")
        sql = sql if known else f"nullif({sql}, '{text.removesuffix('.0')}')"
        guesses.append((f"`{text}` is nobody", f"{profile.counts[text]:,} rows of the sample have it"))
    return sql, guesses


def decimal_sql(profile: Profile) -> str:
    """The SQL of a column's number."""
    return f"cast({profile.number_sql} as decimal(18, 4))"


def flag_sql(profile: Profile) -> str:
    """The SQL of a yes or no."""
    if profile.column.kind == "boolean":
        return profile.column.sql
    if profile.number is not None:
        return f"cast({profile.number_sql} as double) > 0"
    yes = sorted({text.lower() for text in profile.counts} & YES) or ["true"]
    return f"lower({trimmed(profile.column.sql)}) in ({text_list(yes)})"


def label_sql(profile: Profile) -> str:
    return trimmed(profile.column.sql) if profile.column.kind == "string" else profile.column.sql


def trimmed(sql: str) -> str:
    return sql if sql.startswith("btrim(") else f"trim({sql})"


def text_list(words: list[str]) -> str:
    return ", ".join("'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'" for word in sorted(words))
