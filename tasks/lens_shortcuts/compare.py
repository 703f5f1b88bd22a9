"""Judge every variant, walk the tree to its end, and write table, decision, report and plots."""

from pathlib import Path
from typing import Any

import pandas as pd

from params.lens_shortcuts import Compare
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json, write_text
from storage.files.tables import read_csv, write_csv
from storage.lenses.manifests import IMAGE_HOST
from storage.lenses.stamps import read_rows
from tasks.lens_shortcuts.comparison import decision as report
from tasks.lens_shortcuts.comparison import plots, sheets, tables
from tasks.lens_shortcuts.comparison.choice import Decided, walk
from tasks.lens_shortcuts.comparison.confirmation import comparisons, on_test
from tasks.lens_shortcuts.comparison.evaluation import load_runs
from tasks.lens_shortcuts.comparison.report import page

Files = dict[str, Path]


def main(
    params: Compare, stamps: Files, gates: Files, run: Files, tree: Path, results: Path, chosen: Path
) -> None:
    """stamps and gates by mode, run by mode (unmasked) or variant (masked)."""
    decided = walk(load_runs(run, stamps), gates, read_json(tree))
    tested = {} if decided.chosen is None else on_test(decided.chosen, decided, params)
    against = comparisons(decided, params.level)
    filled = [table for table in map(read_csv, gates.values()) if len(table)]  # a mode not given has no gates
    found = pd.concat(filled, ignore_index=True)
    curves, bins, epochs = (make(decided.trained) for make in (tables.curves, tables.bins, tables.epochs))
    decision = report.decision(decided, found, tested, against, params)
    with complete_folder(results) as folder:
        write_csv(folder / "table.csv", tables.table(decided, params))
        write_csv(folder / "gates.csv", found)
        write_csv(folder / "epochs.csv", epochs)
        write_csv(folder / "bins.csv", bins)
        write_csv(folder / "curves.csv", curves)
        write_json(folder / "decision.json", decision)
        write_text(
            folder / "EXPERIMENT_RESULTS.md",
            page(decision, decided, tested, against, found, bins, curves, params, _pictures(decided)),
        )
        plots.sensitivity(folder / "sensitivity.png", curves, decided)
        plots.radii(folder / "einstein_radii.png", bins, decided)
        plots.gates(folder / "gates.png", found, decided.rules)
        plots.learning(folder / "learning.png", epochs, decided)
        sheets.classes(folder / "stamps.png", decided.baseline, params.hardest)
        sheets.hardest(folder / "hardest_errors.png", decided.chosen or decided.baseline, params.hardest)
    write_json(chosen, _chosen(decided))


def _pictures(decided: Decided) -> bool:
    """Whether hosts are pictures: their manifests name them."""
    return any(name in read_rows(decided.baseline.stamps) for name in IMAGE_HOST)


def _chosen(decided: Decided) -> dict[str, Any]:
    """What full training needs to know; no figure, so that it is stale only where the choice changed."""
    run = decided.chosen
    return {
        "chosen": None if run is None else run.name,
        "leaf": decided.outcome.leaf,
        "reason": decided.outcome.reason,
        "mode": None if run is None else run.mode,
        "phases": [] if run is None else run.status["phases"],
        "recipe": decided.baseline.recipe.model_dump(),
    }
