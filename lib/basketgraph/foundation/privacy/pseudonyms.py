"""Keyed pseudonyms of user ids: HMAC-SHA256 of shop and normalised id, so that nobody without the key can try ids."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.functions import pandas_udf  # type: ignore[attr-defined]

from basketgraph.foundation.config import UserError, state_folder

KEY_VARIABLE = "BASKETGRAPH_KEY"
KEY_BYTES = 32
LONGEST_ID = 1 << 14  # bytes; what is longer is no id, and Arrow takes 10,000 of them at once
PSEUDONYM_HEX = 32  # the first 128 bits: collisions are out of reach, and joins and shuffles carry half the bytes


@dataclass(frozen=True)
class PseudonymKey:
    """The secret, which never shows in a repr, and the short name by which tables remember which one was used."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hmac.digest(self.secret, b"basketgraph key id", "sha256").hex()[:12]


def key_file(environment: Mapping[str, str]) -> Path:
    return state_folder(environment) / "pseudonym.key"


def pseudonym_key(environment: Mapping[str, str] | None = None) -> PseudonymKey:
    """The key from BASKETGRAPH_KEY, else from the user's state folder, where it is made once (mode 0600).

    errors: UserError where the key is shorter than 16 bytes, or its file may be read by others.
    """
    environment = os.environ if environment is None else environment
    given = environment.get(KEY_VARIABLE, "").strip()
    if given:
        return _long_enough(given.encode(), KEY_VARIABLE)
    place = key_file(environment)
    if not place.exists():
        _make(place)
    if place.stat().st_mode & 0o077:
        raise UserError(f"{place}: want a file that only you can read, have mode {place.stat().st_mode & 0o777:o}", cure=f"chmod 600 {place}")
    return _long_enough(place.read_bytes().strip(), str(place))


def _make(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = place.with_name(f".{place.name}.{os.getpid()}")
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
    with contextlib.suppress(FileExistsError):  # another process was first: its key counts
        os.link(written, place)  # appears whole, and only once
    written.unlink()


def _long_enough(secret: bytes, place: str) -> PseudonymKey:
    if len(secret) < 16:
        raise UserError(f"{place}: want a key of at least 16 bytes, have {len(secret)}", cure="For instance the output of `openssl rand -hex 32`.")
    return PseudonymKey(secret)


def pseudonyms(ids: pd.Series, shop: str, key: PseudonymKey) -> pd.Series:
    """Pseudonyms of a series of ids, null for null. Each distinct id is hashed once."""
    codes, distinct = pd.factorize(ids)  # null has code -1, which is the last entry below
    hashed = [hmac.digest(key.secret, f"{shop}\x00{one}".encode(), "sha256").hex()[:PSEUDONYM_HEX] for one in distinct]
    return pd.Series(np.array([*hashed, None], dtype=object)[codes], index=ids.index, dtype=object)


def shop_pseudonyms(shop: str) -> Callable[[list[str]], list[str]]:
    """Pseudonyms of raw ids, in their order, under the key of this installation, which is looked up when there is an id."""
    return lambda ids: list(pseudonyms(pd.Series(ids, dtype=object), shop, pseudonym_key()))


def pseudonym_function(shop: str, key: PseudonymKey) -> Callable[[Column], Column]:
    """The pseudonym of a string column, as an Arrow function. The key travels in the function's closure, never in a plan.

    What is longer than LONGEST_ID, such as a line that did not parse, enters by its plain hash.
    """

    def pseudonym(ids: pd.Series) -> pd.Series:
        return pseudonyms(ids, shop, key)

    function = pandas_udf(pseudonym, "string")  # type: ignore[call-overload]
    return lambda ids: function(F.when(F.octet_length(ids) > LONGEST_ID, F.sha2(ids, 256)).otherwise(ids))
