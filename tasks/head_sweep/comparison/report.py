"""The figures of the page, and the page."""

from collections.abc import Mapping
from typing import Any

from methods.heads.training import SLOW
from tasks.head_sweep.comparison.decision import SweepComparison
from tasks.head_sweep.comparison.evaluation import SweepEvaluation
from tasks.report.templates import render


def report(comparison: SweepComparison, decision: Mapping[str, Any]) -> str:
    """Markdown."""
    tables = {name: table.to_dict("records") for name, table in comparison.tables.items()}
    return render(
        "tasks/head_sweep/comparison/report.md.j2", decision=decision, plan=comparison.plan,
        params=comparison.params, sweeps=comparison.sweeps, tables=tables, rarest=_rarest,
        patience=comparison.first.specs[0].patience, slow=SLOW,
    )  # fmt: skip


def _rarest(sweep: SweepEvaluation) -> list[tuple[int, int, str]]:
    """The two classes with the fewest rows: of test, of validation, and the name."""
    rows = (sweep.splits[part].classes.tolist() for part in ("test", "validation"))
    return sorted(zip(*rows, sweep.classes, strict=False))[:2]
