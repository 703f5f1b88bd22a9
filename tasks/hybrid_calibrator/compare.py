"""Judge every row on the report images, choose on the tune images alone, and write table, decision and plots."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from params.hybrid_calibrator import Compare
from storage.files.atomic import complete_folder
from storage.files.documents import write_json, write_text
from storage.files.tables import write_csv
from tasks.hybrid_calibrator.comparison import plots, report
from tasks.hybrid_calibrator.comparison.evaluation import Compared, Decided, choose
from tasks.hybrid_calibrator.model.given import is_given
from tasks.hybrid_calibrator.model.scene import load

Files = dict[str, Path]  # variant -> its file


def main(
    params: Compare, candidates: Files, raw: Files, ground_truth: Files, prepared: Files, predictions: Files,
    fitted: Files, results: Path, thresholds: Path,
) -> None:  # fmt: skip
    files = (candidates, raw, ground_truth, prepared, predictions, fitted)
    given = [name for name in candidates if is_given(prepared[name])]
    variants = [load(name, params, *(each[name] for each in files)) for name in given]
    compared = [Compared.of(variant, params) for variant in variants]
    table = pd.concat([each.table for each in compared], ignore_index=True)
    made = choose(compared, params)
    absent = [name for name in candidates if name not in given]
    decision = report.decision(made, compared, table, params, absent)
    with complete_folder(results) as folder:
        write_csv(folder / "table.csv", table)
        write_csv(folder / "side_by_side.csv", report.side_by_side(table))
        write_json(folder / "decision.json", decision)
        write_text(folder / "report.md", report.page(decision, table, compared, params))
        plots.precision_recall(folder / "precision_recall.png", compared)
        plots.reliability(folder / "reliability.png", compared, params)
        plots.acceptance_mix(folder / "acceptance_mix.png", compared)
        plots.thresholds(folder / "thresholds.png", compared)
    write_json(thresholds, _pinned_thresholds(made, compared))


def _pinned_thresholds(made: Decided, compared: list[Compared]) -> dict[str, Any]:
    """Per variant and row, the score from which each class is accepted; what is infinite is text."""
    return {
        "chosen": {name: made.names[number] for name, number in made.chosen.items()},
        "thresholds": {
            each.variant.name: {
                judged.row.name: {
                    label: {
                        "threshold": found.threshold
                        if np.isfinite(found.threshold)
                        else str(found.threshold),
                        "status": found.status,
                        "tp": found.tp,
                        "fp": found.fp,
                        "ground_truth": found.ground_truth,
                    }
                    for label, found in zip(each.variant.classes, judged.thresholds, strict=True)
                }
                for judged in each.judged
            }
            for each in compared
        },
    }
