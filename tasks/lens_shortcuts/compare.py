"""Judge every variant, walk the tree to its end, and write table, decision, report and plots."""

from pathlib import Path

import pandas as pd

from params.lens_shortcuts import Compare
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json, write_text
from storage.files.tables import read_csv, write_csv
from tasks.lens_shortcuts.comparison import plots, report, tables
from tasks.lens_shortcuts.comparison.choice import confirmations, differences, tree_choice
from tasks.lens_shortcuts.comparison.decision import decision, full_training
from tasks.lens_shortcuts.comparison.evaluation import load_runs
from tasks.report.study_page import write_page

Files = dict[str, Path]


def main(
    params: Compare,
    stamps: Files,
    gates: Files,
    run: Files,
    tree: Path,
    results: Path,
    chosen: Path,
    page: Path,
) -> None:
    """stamps and gates by mode, run by mode (unmasked) or variant (masked)."""
    choice = tree_choice(load_runs(run, stamps), gates, read_json(tree))
    tested, against = confirmations(choice, params), differences(choice, params.level)
    by_mode = [table for table in map(read_csv, gates.values()) if len(table)]  # a mode not given has none
    found = pd.concat(by_mode, ignore_index=True)
    curves, bins, epochs = (make(choice.trained) for make in (tables.curves, tables.bins, tables.epochs))
    made = decision(choice, found, tested, against, params)
    with complete_folder(results) as folder:
        write_csv(folder / "table.csv", tables.table(choice, params))
        write_csv(folder / "gates.csv", found)
        write_csv(folder / "epochs.csv", epochs)
        write_csv(folder / "bins.csv", bins)
        write_csv(folder / "curves.csv", curves)
        write_json(folder / "decision.json", made)
        write_text(
            folder / "EXPERIMENT_RESULTS.md", report.page(made, choice, tested, against, found, params)
        )
        plots.sensitivity(folder / "sensitivity.png", choice)
        plots.radii(folder / "einstein_radii.png", bins, choice)
        plots.gates(folder / "gates.png", found, choice.rules)
        plots.learning(folder / "learning.png", epochs, choice)
        plots.classes(folder / "stamps.png", choice.baseline, params.hardest)
        plots.hardest(folder / "hardest_errors.png", choice.chosen or choice.baseline, params.hardest)
    write_json(chosen, full_training(choice))
    write_page(
        page,
        "tasks/lens_shortcuts/comparison/page.html.j2",
        "tasks/lens_shortcuts/comparison/view.json",
        results,
    )
