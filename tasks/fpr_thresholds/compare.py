"""Evaluate every option on the holdout, choose on the folds alone, and write table, decision, report and plots."""

from pathlib import Path

from methods.budgets.choice import Decisions
from params.fpr_thresholds import Compare
from storage.files.arrays import read_arrays
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json, write_text
from storage.files.tables import write_csv
from storage.messages.thresholds import adopted as adopted_thresholds
from storage.messages.thresholds import read_thresholds, write_adopted
from tasks.fpr_thresholds.comparison import plots, report, tables
from tasks.fpr_thresholds.comparison.choice import choose_in_folds
from tasks.fpr_thresholds.comparison.decision import decision
from tasks.fpr_thresholds.comparison.evaluation import (
    better_options,
    capped_texts,
    combine,
    diagnoses,
    evaluate,
)
from tasks.fpr_thresholds.model.scored_rows import load
from tasks.report.plots import Roles
from tasks.report.study_page import write_page


def main(
    params: Compare, rows: Path, prepared: Path, scores: Path, thresholds: Path, calibration: Path, folds: Path,
    results: Path, adopted: Path, page: Path,
) -> None:  # fmt: skip
    scored, in_folds = load(rows, prepared, scores), read_arrays(folds)
    options = [read_thresholds(thresholds / f"{name}.json") for name in in_folds["options"]]
    sets = tables.calibration_sets([read_json(calibration / f"{each.option}.meta.json") for each in options])
    distributions = read_arrays(calibration / "distributions.npz")
    decisions = Decisions(in_folds["fired"], in_folds["positive"], in_folds["group"])
    known, holdout = scored.final_moment(chain_from=1.0)

    choice = choose_in_folds(decisions, options, in_folds["scores"], params)
    evaluations = evaluate(options, holdout, decisions, params)
    names = [each.option for each in options]
    eligible = {label: each.eligible for label, each in choice.options.items()}
    better = better_options(options, choice.chosen, eligible, holdout, params)
    chosen = combine(options, choice.chosen, holdout, params)
    made = decision(names, choice, chosen, better, params, scored.order)
    table = tables.comparison(evaluations, scored.scores.scores[-1])
    diagnosis = tables.diagnosis(diagnoses(known, holdout, scored.labels, params))
    capped = capped_texts(holdout, scored.labels, params)
    roles = {label: Roles(names[choice.chosen[label]], names[0]) for label in scored.labels}
    text = report.page(made, evaluations, choice, table, diagnosis, capped, sets, scored.snapshot, params)
    with complete_folder(results) as folder:
        write_csv(folder / "table.csv", table)
        write_csv(folder / "diagnosis.csv", diagnosis)
        write_csv(folder / "snapshot.csv", scored.snapshot)
        write_json(folder / "decision.json", made.model_dump(mode="json"))
        write_text(folder / "report.md", text)
        plots.recall_against_fpr(folder / "recall_fpr.png", table, roles, params.selection.max_fpr)
        plots.brittleness(folder / "brittleness.png", options, distributions, roles)
        plots.calibration_against_holdout(
            folder / "calibration_holdout.png", table, roles, params.selection.max_fpr
        )
    write_adopted(
        adopted, adopted_thresholds({label: options[number] for label, number in choice.chosen.items()})
    )
    write_page(
        page,
        "tasks/fpr_thresholds/comparison/page.html.j2",
        "tasks/fpr_thresholds/comparison/view.json",
        results,
    )
