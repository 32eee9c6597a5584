"""Great Expectations' own pages (Data Docs) of a run's results, in <warehouse>/reports/data_docs."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from basketgraph.foundation.contracts import contract
from basketgraph.foundation.failures import at_the_end

if TYPE_CHECKING:
    from basketgraph.foundation.tables.warehouse import Warehouse

FILLED_IN = ("together", "history", "limits", "days", "place", "first_day")  # arguments that the run fills in; no limits
COUNTS = ("element_count", "unexpected_count", "unexpected_percent", "missing_count", "missing_percent")
KEPT = "results"  # of the run's tables, so that jobs that run one by one make one site


def build_data_docs(warehouse: Warehouse, run_id: str, checked: Mapping[str, Sequence[Any]]) -> str:
    """Write the pages of all tables that this run has checked so far, in place of those of the run before. Returns the path of the first page.

    checked: table -> Great Expectations' results. Counts and limits are shown, and numbers and days of columns that are not personal.
    """
    target = f"{warehouse.root}/reports/data_docs"
    names = [name for name in warehouse.files.list_names(f"{target}/{KEPT}") if name.endswith(".json")]
    kept = {name.removesuffix(".json"): json.loads(warehouse.files.read(f"{target}/{KEPT}/{name}")) for name in names}
    documents = {table: document for table, document in kept.items() if document["meta"]["run_id"] == run_id}
    documents |= {table: _document(table, run_id, results) for table, results in checked.items()}
    folder = Path(tempfile.mkdtemp(prefix="data_docs"))
    with at_the_end(f"{folder}: not removed", lambda: shutil.rmtree(folder)):
        site = folder / "site"
        _build_site(documents, site)
        (site / KEPT).mkdir()
        for table, document in documents.items():
            (site / KEPT / f"{table}.json").write_text(json.dumps(document))
        warehouse.files.upload(site, target)
    return f"{target}/index.html"


def _document(table: str, run_id: str, results: Sequence[Any]) -> dict[str, Any]:
    """The results of one table as GX writes them, without values of persons."""
    from great_expectations.validator.validation_statistics import calc_validation_statistics

    shown = [_masked(result.to_json_dict(), contract(table).personal) for result in results]
    statistics = calc_validation_statistics(list(results))._asdict()
    meta = {"run_id": run_id, "validation_time": datetime.now(timezone.utc).isoformat()}
    common = {"success": statistics.pop("success"), "statistics": statistics, "meta": meta}
    return {**common, "results": shown, "suite_name": table, "suite_parameters": {}}


def _masked(result: dict[str, Any], personal: Sequence[str]) -> dict[str, Any]:
    kwargs = {key: value for key, value in result["expectation_config"]["kwargs"].items() if key not in FILLED_IN}
    columns = [kwargs.get("column"), *(kwargs.get("column_list") or [])]
    numbers = {key: value for key, value in result["result"].items() if key in COUNTS}
    observed = result["result"].get("observed_value")
    if isinstance(observed, int | float) and not any(column in personal for column in columns):
        numbers["observed_value"] = observed
    return {
        **result,
        "expectation_config": {**result["expectation_config"], "kwargs": {**kwargs, "batch_id": "all"}},
        "result": numbers,
        "exception_info": {"raised_exception": False, "exception_message": None, "exception_traceback": None},
    }


def _build_site(documents: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Write GX's pages of these results to `folder`."""
    import great_expectations as gx
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResultSchema
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier, ValidationResultIdentifier

    context = gx.get_context(mode="ephemeral")
    backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
    index = {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False}
    site = {"class_name": "SiteBuilder", "show_how_to_buttons": False, "store_backend": backend, "site_index_builder": index}
    context.add_data_docs_site(site_name="site", site_config=site)
    for table, document in documents.items():
        result = ExpectationSuiteValidationResultSchema().load(document)
        run = RunIdentifier(run_name=document["meta"]["run_id"], run_time=document["meta"]["validation_time"])
        suite = ExpectationSuiteIdentifier(table)
        context.validation_results_store.set(ValidationResultIdentifier(suite, run, "all"), result)
    context.build_data_docs(site_names=["site"])
