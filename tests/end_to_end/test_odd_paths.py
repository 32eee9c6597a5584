"""The whole of `run all` as a user starts it, below one relative path that patterns, URLs and shells would read otherwise."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from support.contract_rows import ODD

FIRST, DAYS = date(2026, 1, 1), 120
MAPPING = """
shop: corner
landing: in
time_zone: UTC
currency: EUR
files:
  sales:
    pattern: "*.csv"
    format: csv
    columns: {order: string, customer: string, product: string, title: string, price: string, day: string}
    personal: [customer]
tables:
  silver.events:
    files: sales
    columns:
      event_type: "'purchase'"
      event_time: to_timestamp(day)
      event_date: to_date(day)
      user_id: customer
      item_id: product
      order_id: order
      quantity: cast(1 as bigint)
      amount_minor: round(cast(price as decimal(18, 2)) * 100)
      currency: source_currency
  silver.items:
    files: sales
    version: to_timestamp(day)
    columns: {item_id: product, valid_from: to_date(day), name: title, recommendable: "true"}
"""


def orders() -> list[str]:
    """Lines of customers who each buy of a few products again and again."""
    draw, lines = random.Random(0), []
    for customer in range(60):
        liked = draw.sample(range(40), 8)
        for day in range(customer % 7, DAYS, 7):
            for product in draw.sample(liked, 4):
                on = FIRST + timedelta(days=day)
                lines.append(f"o{customer}-{day},c{customer},p{product},Product {product},{1 + product}.50,{on}")
    return sorted(lines, key=lambda line: line[-10:])


@pytest.mark.long
def test_a_relative_path_of_any_letters_holds_landing_files_tables_shard_sets_models_and_pages(tmp_path: Path) -> None:
    root = tmp_path / "working folder" / ODD
    (root / "in").mkdir(parents=True)
    (root / "conf-dir" / "conf" / "sources").mkdir(parents=True)
    (root / "conf-dir" / "conf" / "sources" / "corner.yaml").write_text(MAPPING)
    lines = orders()
    for number in range(3):
        part = lines[number * len(lines) // 3 : (number + 1) * len(lines) // 3]
        (root / "in" / f"{number}.csv").write_text("\n".join(["order,customer,product,title,price,day", *part, ""]))

    sets = [f"--set={text}" for text in (f"warehouse={ODD}/w/", f"landing=./{ODD}/in", "graph.epochs=2", "graph.dim=32", "recall.als_rank=16")]
    command = [sys.executable, "-m", "basketgraph.cli.app", "run", "all", "--source", "corner", "--conf-dir", f"{ODD}/conf-dir", *sets, "--json"]
    done = subprocess.run(command, cwd=root.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"]["silver.events"]["accepted"] == len(lines)
    assert told["tables"]["gold.user_embeddings"]["rows"] == 2 * 60, "of both cuts"
    assert told["tables"]["gold.recommendations"]["rows"] > 0
    assert Path(told["report"]).parent == root / "w" / "reports"
    assert Path(told["report"]).is_file()
    assert sorted(folder.name for folder in (root / "w").iterdir() if not folder.name.startswith((".", "_"))) == [
        "gold", "models", "ops", "reports", "shards", "silver", "tensorboard"
    ]  # fmt: skip
    assert len(list((root / "w" / "shards").glob("*/manifest.json"))) == 2
    assert len(list((root / "w" / "models" / "graph").glob("*/embeddings/items.parquet"))) == 2
    assert {path.name for path in root.parent.iterdir()} <= {ODD, "spark-warehouse"}, "nothing is written beside it"
