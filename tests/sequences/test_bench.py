"""`basketgraph bench sequences`: the JSON of its protocol, and what the counts reach on public sequences."""

import json
import random

import pytest
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.sequences.bench import VALIDATION_PEOPLE
from basketgraph.sequences.blend import tuned_counts
from basketgraph.sequences.leave_one_out import gains, hits, read_leave_one_out, sample, target_ranks


@pytest.mark.slow
def test_the_last_line_of_stdout_is_the_json_object_of_the_protocol(tmp_path):
    draw = random.Random(0)
    lines = [[f"u{person}", *((draw.randrange(40) + step) % 40 for step in range(draw.randrange(2, 9)))] for person in range(150)]
    (tmp_path / "lines.txt").write_text("".join(f"{' '.join(map(str, line))}\n" for line in lines))
    given = ["sequences", "--data", str(tmp_path / "lines.txt"), "--minutes", "1", "--epochs", "3", "--dim", "8", "--seed", "4", "--json"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout.splitlines()[-1])
    for name in ("popularity", "counts", "transformer", "blend"):
        figures = found[name]
        assert set(figures) == {"hr@10", "low", "high", "ndcg@10", "ndcg@10_low", "ndcg@10_high"}
        assert figures["low"] <= figures["hr@10"] <= figures["high"]
        assert figures["ndcg@10_low"] <= figures["ndcg@10"] <= figures["ndcg@10_high"]
    assert found["gain"]["low"] <= found["gain"]["hr@10"] <= found["gain"]["high"]
    assert found["gain"]["hr@10"] == pytest.approx(found["blend"]["hr@10"] - found["counts"]["hr@10"], abs=2e-5)
    assert found["people"] == sum(len(line) > 3 for line in lines)
    assert (found["dim"], found["seed"], found["ranks"], len(found["losses"])) == (8, 4, 1, 3)
    assert found["seconds"] > 0
    assert found["peak_memory_bytes"] > 0


@pytest.mark.long
@pytest.mark.parametrize(("name", "hit_rate", "ndcg"), [("Beauty", 0.083, 0.052), ("Toys_and_Games", 0.096, 0.063)])
def test_the_counts_reach_what_was_promised(name, hit_rate, ndcg, shared_data):
    data = read_leave_one_out(shared_data / "amazon_sequences" / f"{name}.txt")
    _, counts = tuned_counts(data, sample(data.valid, VALIDATION_PEOPLE, 0))
    ranks = target_ranks(data.test, len(data.items), lambda histories: {"counts": counts.scores(histories)})["counts"]
    assert hits(ranks).mean() >= hit_rate
    assert gains(ranks).mean() >= ndcg
