"""Which files a replay reads, and under which names: those that cleaning would read."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.lineage import FileId
from basketgraph.clean.replay.rereadable_files import RereadableFiles
from support.corner_shop import Shop, deliver, line, mapping
from support.replays import EVENTS, replaying

MINUTE = datetime(2026, 3, 1, tzinfo=timezone.utc)


def looked_at(shop: Shop, **settings: Any) -> tuple[dict[FileId, Any], dict[FileId, str]]:
    """What a replay would read of all that lies in the landing folder, had it been read before."""
    again = replaying(shop, **settings)
    rereadable = RereadableFiles(again.checked, again.landing, again.ledger, again.settings)
    return rereadable.present(EVENTS, {file: {"modified_at": MINUTE} for file in rereadable.landed})


def test_a_file_that_cleaning_would_set_aside_is_not_read_again_in_parts(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1, title='"Tea\nfor two"'), line(2))
    deliver(shop.landing, "b.csv", line(3), line(4, title='"Tea, for two"'))
    present, left = looked_at(shop)
    assert [path for path, _ in present] == ["b.csv"]
    assert {path: problem for (path, _), problem in left.items()} == {
        "a.csv": "cannot be read: 1 of 3 lines of which a part would be lost (more than clean.damaged_share, 0.05): line 2; "
        "see options: multiLine, quote and escape"
    }
    shop.given = mapping()
    shop.given["files"]["sales"]["options"] = {"multiLine": True}
    assert sorted(path for path, _ in looked_at(shop)[0]) == ["a.csv", "b.csv"]


@pytest.mark.parametrize(("limit", "read"), [(1 << 25, True), (1 << 24, False)])
def test_a_replay_has_the_record_length_of_cleaning(spark: SparkSession, tmp_path: Path, limit: int, read: bool) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(2, title="x" * 26_000_000))
    present, left = looked_at(shop, max_record_bytes=limit)
    told = [] if read else [f"cannot be read: a record of more than {limit} bytes (clean.max_record_bytes)"]
    assert (len(present), list(left.values())) == (int(read), told)
