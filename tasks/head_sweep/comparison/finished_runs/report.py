"""The page over finished runs."""

from collections.abc import Mapping
from typing import Any

from tasks.head_sweep.comparison.finished_runs.decision import FinishedComparison
from tasks.report.templates import render


def finished_report(comparison: FinishedComparison, decision: Mapping[str, Any]) -> str:
    """Markdown."""
    evaluation = comparison.evaluation
    return render(
        "tasks/head_sweep/comparison/finished_runs/report.md.j2", decision=decision, params=comparison.params,
        rows=comparison.table.to_dict("records"), scale=evaluation.sweep.scale, better=evaluation.sweep.better,
        luck=list(evaluation.sweep.runs[0].luck), chooses="validation" in evaluation.parts,
    )  # fmt: skip
