"""Answering questions from the live release, in a process that stays: opened once, then each answer takes milliseconds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from basketgraph.content.catalogue import Answers, Band, Catalogue, Person
from basketgraph.content.index_files import FOLDER, index_folder, read_index
from basketgraph.content.settings import ContentSettings
from basketgraph.foundation.config import UserError
from basketgraph.foundation.tables.deltalake_reader import Reader
from basketgraph.foundation.tables.files import Files

RELEASES, INDEXES, EDGES, BANDS = "ops.releases", "gold.search_indexes", "gold.interactions", "gold.price_bands"
USER_MOODS, ITEM_MOODS = "gold.user_moods", "gold.item_moods"
LIVE = "SELECT release, as_of, versions FROM {rows} ORDER BY release DESC LIMIT 1"
PSEUDONYM = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Questions:
    """A catalogue with the release that it is of. as_of: the day of its lists; index: the name of its files; versions: of all its tables."""

    catalogue: Catalogue
    settings: ContentSettings
    reader: Reader
    release: int
    as_of: date | None
    versions: Mapping[str, int]
    index: str

    def ask(self, question: str, *, n: int = 10, person: Person | None = None) -> Answers:
        """As Catalogue.answers."""
        return self.catalogue.answers(question, self.settings, n=n, person=person)

    def knows(self, user_id: str) -> bool:
        """Whether somebody of this pseudonym bought anything that the live release has."""
        return bool(self._bought(user_id))

    def _bought(self, user_id: str) -> list[dict[str, Any]]:
        return self._of_user(EDGES, "item_id", user_id, "AND purchases > 0") if PSEUDONYM.fullmatch(user_id) else []

    def person(self, user_id: str) -> tuple[Person, list[str]]:
        """What the live release knows of a user, and in words what it does not know.

        user_id: the pseudonym.
        errors:  UserError where there are no interactions in the release, or none of this user.
        """
        have = self._bought(user_id)
        if not have:
            faults = [f"{EDGES}: want rows of this user, have {'none' if EDGES in self.versions else 'no such table in the live release'}"]
            cure = "Name somebody who bought before the newest cut, by the shop's own id or by the pseudonym, or ask without --user."
            raise UserError("ask: the user is not known", faults, cure)
        bands = {
            row["category"]: Band(row["low_minor"], row["high_minor"]) for row in self._of_user(BANDS, "category, low_minor, high_minor", user_id)
        }
        unhappy_on = self._unhappy_on(user_id)
        avoided = self._badly_reviewed() if unhappy_on else frozenset()
        person = self.catalogue.person(frozenset(row["item_id"] for row in have), bands, avoided)
        notes = []
        if unhappy_on:
            notes.append(
                f"their last review or message, of {unhappy_on}, sounds unhappy: products whose reviews sound so are left out ({len(avoided)})"
            )
        if not person.vector.any():
            notes.append("none of their items has a vector: their taste plays no part")
        if BANDS not in self.versions:
            notes.append("no price ranges are live (`basketgraph run offer` makes them): what they pay plays no part")
        elif not bands:
            notes.append("no price range of theirs is known: what they pay plays no part")
        return person, notes

    def _unhappy_on(self, user_id: str) -> date | None:
        """The day of the user's last review or message, where its mood is bad and it is of the `bad_mood_days` before the newest lists or moods."""
        for row in self._of_user(USER_MOODS, "as_of, last_mood, last_text_at", user_id, f"AND last_mood < {self.settings.bad_mood}"):
            day: date = row["last_text_at"].date()
            newest: date = max(row["as_of"], self.as_of or row["as_of"])  # moods need not be made as often as lists
            if (newest - day).days <= self.settings.bad_mood_days:
                return day
        return None

    def _badly_reviewed(self) -> frozenset[str]:
        if ITEM_MOODS not in self.versions:
            return frozenset()
        query = f"SELECT item_id FROM {{rows}} WHERE mood < {self.settings.bad_mood} AND as_of = (SELECT max(as_of) FROM {{rows}})"
        return frozenset(row["item_id"] for row in self.reader.rows(ITEM_MOODS, query, self.versions[ITEM_MOODS]))

    def _of_user(self, table: str, columns: str, user_id: str, more: str = "") -> list[dict[str, Any]]:
        """Rows of a user as of the newest cut of the live version. more: a condition."""
        if table not in self.versions:
            return []
        query = f"SELECT {columns} FROM {{rows}} WHERE user_id = '{user_id}' {more} AND as_of = (SELECT max(as_of) FROM {{rows}})"
        return self.reader.rows(table, query, self.versions[table])


def open_questions(reader: Reader, files: Files, warehouse: str, settings: ContentSettings) -> Questions:
    """The index of the live release, verified.

    errors: UserError where there is no release or no index in it; those of `read_index`.
    """
    live = next(iter(reader.rows(RELEASES, LIVE)), None)
    versions = live["versions"] if live else {}
    if live is None or INDEXES not in versions:
        have = f"release {live['release']} without one" if live else "no release"
        raise UserError(f"{warehouse}: no index of questions is live", [f"want {INDEXES}, have {have}"], "Run `basketgraph run content` first.")
    row = next(iter(reader.rows(INDEXES, "SELECT name, sha256 FROM {rows}", versions[INDEXES])), None)
    if row is None:
        fault = f"{INDEXES}: want a row, have none: no item had a title, or texts were not encoded (content.encode)"
        raise UserError(f"{warehouse}: no index of questions is live", [fault], "Mend that, and run `basketgraph run content`.")
    place = f"{warehouse.rstrip('/')}/{FOLDER}/{row['name']}"
    with index_folder(files, place) as folder:
        catalogue = read_index(folder, sha256=row["sha256"], model=settings.model)
    return Questions(catalogue, settings, reader, live["release"], live["as_of"], versions, row["name"])
