"""Pseudonyms: keyed, stable, and the key stays out of plans and out of other users' reach."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError
from basketgraph.foundation.privacy.pseudonyms import LONGEST_ID, PseudonymKey, key_file, pseudonym_function, pseudonym_key, pseudonyms

KEY = PseudonymKey(b"0123456789abcdef")


def test_a_pseudonym_is_the_keyed_hash_of_shop_and_id() -> None:
    (got,) = pseudonyms(pd.Series(["17850"]), "corner", KEY)
    assert got == hmac.digest(KEY.secret, b"corner\x0017850", hashlib.sha256).hex()[:32]


def test_shop_key_and_id_all_change_the_pseudonym_and_equal_ids_share_one() -> None:
    first, again, other = pseudonyms(pd.Series(["1", "1", "2"]), "corner", KEY)
    assert first == again != other
    assert pseudonyms(pd.Series(["1"]), "other", KEY)[0] != first
    assert pseudonyms(pd.Series(["1"]), "corner", PseudonymKey(b"another key, long enough"))[0] != first


def test_null_stays_null() -> None:
    got = list(pseudonyms(pd.Series([None, "1", None], dtype=object), "corner", KEY))
    assert got[0] is None
    assert got[2] is None
    assert got[1] is not None


def test_on_spark_the_same_and_the_key_is_in_no_plan(spark: SparkSession) -> None:
    key = PseudonymKey(b"this-secret-must-not-show-anywhere")
    frame = spark.createDataFrame([("1",), (None,), ("1",)], "id string").select(pseudonym_function("corner", key)(F.col("id")).alias("p"))
    assert [row.p for row in frame.collect()] == list(pseudonyms(pd.Series(["1", None, "1"], dtype=object), "corner", key))
    plan = frame._jdf.queryExecution().toString()
    assert "must-not-show" not in plan
    assert key.secret.hex() not in plan
    assert "must-not-show" not in repr(key)


def test_the_key_file_is_made_once_and_only_the_user_may_read_it(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    first = pseudonym_key(environment)
    place = key_file(environment)
    assert place == tmp_path / "basketgraph" / "pseudonym.key"
    assert place.stat().st_mode & 0o777 == 0o600
    assert pseudonym_key(environment).secret == first.secret
    assert len(first.secret) == 64
    place.chmod(0o640)
    with pytest.raises(UserError, match="only you can read"):
        pseudonym_key(environment)


def test_the_environment_goes_before_the_file_and_a_short_key_is_refused(tmp_path: Path) -> None:
    given = pseudonym_key({"XDG_STATE_HOME": str(tmp_path), "BASKETGRAPH_KEY": "sixteen bytes ok"})
    assert given.secret == b"sixteen bytes ok"
    assert not key_file({"XDG_STATE_HOME": str(tmp_path)}).exists()
    with pytest.raises(UserError, match="at least 16 bytes"):
        pseudonym_key({"BASKETGRAPH_KEY": "fifteen bytes.."})


def test_the_key_id_tells_keys_apart_and_gives_nothing_away() -> None:
    other = PseudonymKey(b"0123456789abcdeF")
    assert KEY.id != other.id
    assert KEY.id not in KEY.secret.hex()
    assert KEY.id != hashlib.sha256(KEY.secret).hexdigest()[:12]


def test_what_is_too_long_to_be_an_id_enters_by_its_plain_hash(spark: SparkSession) -> None:
    long, longer = "x" * LONGEST_ID, "x" * (LONGEST_ID + 1)
    frame = spark.createDataFrame([(long,), (longer,)], "id string").select(pseudonym_function("corner", KEY)(F.col("id")).alias("p"))
    plain = hashlib.sha256(longer.encode()).hexdigest()
    assert [row.p for row in frame.collect()] == list(pseudonyms(pd.Series([long, plain]), "corner", KEY))
