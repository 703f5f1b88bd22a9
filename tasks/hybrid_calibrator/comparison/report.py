"""The report: the decision, a section per variant, and the variants side by side."""

from typing import Any

import pandas as pd

from params.hybrid_calibrator import Compare
from tasks.hybrid_calibrator.comparison.decision import REASONS, ahead
from tasks.hybrid_calibrator.comparison.evaluation import VariantEvaluation
from tasks.report.templates import render, sentences


def page(
    decision: dict[str, Any], table: pd.DataFrame, wide: pd.DataFrame, evaluations: list[VariantEvaluation],
    params: Compare,
) -> str:  # fmt: skip
    """wide: the variants side by side."""
    variants = [
        {
            "name": each.name,
            "rows": table[table["variant"] == each.name].to_dict("records"),
            "ahead": sentences(REASONS, ahead(each)),
            "mixes": [f"mix_{source}" for source in each.variant.sources],
        }
        for each in evaluations
    ]
    return render(
        "tasks/hybrid_calibrator/comparison/report.md.j2",
        decision=decision, variants=variants, wide=wide.to_dict("records"), params=params,
        coefficients=[name for name in table.columns if name.startswith("coefficient_")],
    )  # fmt: skip
