"""Run inside `.venv-airflow`: print each task's rendered spark-submit command, as Airflow's own hook builds it, as one JSON object."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from types import SimpleNamespace

from airflow.dag_processing.dagbag import DagBag


def main(folder: str, run_id: str, given: dict[str, object]) -> None:
    bag = DagBag(folder)
    from submit_lines import expanded  # the DAGs have put their folder on the path

    dag_run = SimpleNamespace(logical_date=datetime(2026, 3, 1, tzinfo=timezone.utc), run_after=datetime(2026, 3, 2, tzinfo=timezone.utc))
    dags = {}
    for dag_id, dag in bag.dags.items():
        context = {"params": {**dag.params.dump(), **given}, "dag_run": dag_run, "run_id": run_id}
        lines, commands, documented = {}, {}, {}
        for task in dag.topological_sort():
            task.render_template_fields(context)
            documented[task.task_id] = task.doc_md
            if hasattr(task, "application"):
                lines[task.task_id] = task._get_hook()._build_spark_submit_command(task.application)
            elif hasattr(task, "arguments"):
                commands[task.task_id] = expanded(task.arguments)
        dags[dag_id] = {
            "lines": lines,
            "commands": commands,
            "schedule": dag.schedule if isinstance(dag.schedule, str | None) else [asset.name for asset in dag.schedule],
            "outlets": {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets},
            "docs": documented,
            "doc": dag.doc_md,
            "downstream": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
        }
    print(json.dumps({"errors": bag.import_errors, "dags": dags}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
