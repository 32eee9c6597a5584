"""The list of recommenders: what follows it agrees with it, and a new vector recommender takes a module, a line and a section of conf."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from basketgraph.evaluate.gate import BETTER_THAN
from basketgraph.foundation.config import data_yaml
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.quality.suites import QualitySettings, filled, suite
from basketgraph.foundation.recommenders import EXPLAIN_ORDER, LIST_SETTINGS, NAMES, RECOMMENDERS, Recommender, Vectors
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.rank.features import FEATURES
from basketgraph.report.model_comparison import MODELS
from basketgraph.report.model_comparison import SETTINGS as TITLES

REPOSITORY = Path(__file__).resolve().parents[2]

MODULE = '''
from basketgraph.foundation.config import Settings


class TextSettings(Settings):
    likes: str


def text_vectors(spark, items, settings):
    """Users like one item, and what its name is nearest to."""
    vectors = [(item, [float(item == settings.likes), float(len(item)) / 100]) for item in items]
    return spark.createDataFrame([("u1", [1.0, 1.0])], "user_id string, vector array<float>"), spark.createDataFrame(
        vectors, "item_id string, vector array<float>"
    )
'''
LINE = (
    '    Recommender("text", "words of the name", "vectors", "inner product", 7, "text", Vectors("gold.text_users", "gold.text_items", "vector"), '
    'model="basketgraph.recall.text_vectors.TextSettings"),\n'
)
SECTION = "text: {likes: honey}\n"


def test_contract_suite_features_and_report_name_every_recommender_and_no_other() -> None:
    columns = [column for column in contract("gold.candidates").columns if column.endswith(("_score", "_rank", "_z"))]
    assert columns == [f"{name}_{part}" for name in NAMES for part in ("score", "rank", "z")]
    values = QualitySettings.model_validate(data_yaml("conf/settings.yaml")["quality"]).values
    conditions = [filled(e, values).kwargs["condition"] for e in suite("gold.candidates").expectations.values() if "condition" in e.kwargs]
    assert conditions == [f"coalesce({', '.join(f'{name}_score' for name in NAMES)}) IS NOT NULL"]
    assert {name for name in FEATURES if name.endswith("_z")} == {f"{name}_z" for name in NAMES}
    assert list(MODELS) == ["published", *NAMES]
    assert sorted(EXPLAIN_ORDER) == sorted(NAMES)


def test_the_constraints_and_titles_of_lists_name_every_setting() -> None:
    words = ", ".join(f"'{setting}'" for setting in LIST_SETTINGS)
    for table in ("gold.candidates", "gold.recommendations"):
        assert contract(table).custom.constraints["setting_is_known"] == f"setting IN ({words})"
    assert set(TITLES) == set(BETTER_THAN) == set(LIST_SETTINGS)


def test_the_gate_compares_with_recommenders_of_the_list() -> None:
    assert {model for models in BETTER_THAN.values() for model in models} <= set(NAMES)


def faults(*entries: Recommender) -> list[str]:
    spec = importlib.util.spec_from_file_location("check_contracts", REPOSITORY / "scripts/check_contracts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.recommenders(entries, pipelines(), data_yaml("conf/settings.yaml")))


def test_the_steps_that_make_and_read_vectors_are_those_that_the_list_names() -> None:
    assert faults(*RECOMMENDERS) == []
    (als,) = [entry for entry in RECOMMENDERS if entry.name == "als"]
    assert (
        faults(replace(als, settings="gate"))
        == [
            "steps.als_factors: settings: want gate, which recommender als has its numbers in",
        ]
        * 2
    )
    unknown = faults(replace(als, settings="text", vectors=Vectors("gold.user_profiles", "gold.nothing", "vector")))
    assert [fault.split(": want")[0] for fault in unknown] == [
        "recommender als",  # no such section
        "steps.user_profiles: settings",
        "steps.candidates: reads",
        "recommender als",  # no step writes it
        "steps.candidates: reads",
    ]


def test_tables_of_vectors_are_named_for_kind_vectors_alone() -> None:
    with pytest.raises(ValueError, match="text: want tables of vectors"):
        Recommender("text", "text", "vectors", "inner product", 7, "recall")
    with pytest.raises(ValueError, match="text: want tables of vectors"):
        Recommender("text", "text", "counts", "a count", 7, "recall", Vectors("a", "b", "c"))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What becomes of a recommender that was added to a copy of the checkout by a module, a line and a section."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("lib", "conf", "schemas", "expectations"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "lib/basketgraph/recall/text_vectors.py").write_text(MODULE)
    entries = copy / "lib/basketgraph/foundation/recommenders.py"
    entries.write_text(entries.read_text().replace(")  # fmt: skip\nNAMES", f"{LINE})  # fmt: skip\nNAMES"))
    conf = copy / "conf/settings.yaml"
    conf.write_text(conf.read_text().replace("als: 150, ", "als: 150, text: 3, ") + SECTION)
    paths = os.pathsep.join([str(copy / "lib"), str(REPOSITORY / "tests")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYSPARK_PYTHON": sys.executable}
    script = Path(__file__).parents[1] / "support" / "added_recommender.py"
    done = subprocess.run([sys.executable, str(script)], env=environment, cwd=copy, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_an_added_vector_recommender_is_scored_ranked_listed_judged_and_named_in_the_report(text: dict[str, Any]) -> None:
    discovery = [[item, rank] for setting, item, rank in text["candidates"] if setting == "discovery"]
    assert discovery == [["honey", 1], ["jam", 2], ["tea", 3]]
    assert text["features"] == ["text_rank", "text_z"]
    assert [row for row in text["listed"] if row[:2] == ["discovery", "honey"]] == [["discovery", "honey", ["text"]]]
    assert text["recall"]["text"] == 1.0
    assert text["recall"]["popularity"] == 0.0
    assert text["label"] == "words of the name"
    assert text["settings"] == "TextSettings", "its section is checked before Spark starts, as the others are"
