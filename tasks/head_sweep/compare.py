"""Choose on inner validation alone, let test confirm once, and write tables, decision, plots and the head.

Runs that came finished are compared by their scores; there is no head of theirs, which a status says.
"""

from pathlib import Path

from methods.heads.sweep import logit_divisor
from params.head_sweep import CompareFinished, Comparison
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json, write_text
from storage.files.tables import write_csv
from storage.heads.embeddings import read_embeddings, write_status
from storage.heads.finished_runs import read_finished_runs
from storage.heads.sweeps import read_head
from tasks.head_sweep.comparison.choice import recommendation
from tasks.head_sweep.comparison.decision import SweepComparison, decision
from tasks.head_sweep.comparison.evaluation import sweeps
from tasks.head_sweep.comparison.finished_runs.decision import FinishedComparison, finished_decision
from tasks.head_sweep.comparison.finished_runs.evaluation import finished_evaluation
from tasks.head_sweep.comparison.finished_runs.plots import forest
from tasks.head_sweep.comparison.finished_runs.report import finished_report
from tasks.head_sweep.comparison.finished_runs.tables import VIEW, run_table
from tasks.head_sweep.comparison.plots import plots
from tasks.head_sweep.comparison.report import report
from tasks.head_sweep.use.apply import HeadClassifier, write_head
from tasks.report.study_page import write_page

Files = dict[str, Path]  # encoder -> its file


def main(
    params: Comparison,
    plan: Path,
    embeddings: Files,
    runs: Files,
    heads: Files,
    logits: Files,
    finished_runs: Path,
    results: Path,
    head: Path,
    page: Path,
) -> None:
    if isinstance(params, CompareFinished):
        _write_finished(params, finished_runs, results)
        write_status(head)
    else:
        planned = read_json(plan)
        comparison = SweepComparison.of(params, planned, sweeps(params, planned, embeddings, runs, logits))
        pinned = _head(comparison, embeddings, heads)
        _write_sweep(comparison, results)
        write_head(head, pinned)
    write_page(
        page, "tasks/head_sweep/comparison/page.html.j2", "tasks/head_sweep/comparison/view.json", results
    )


def _write_sweep(comparison: SweepComparison, results: Path) -> None:
    document = decision(comparison)
    with complete_folder(results) as folder:
        for name, table in comparison.tables.items():
            write_csv(folder / f"{name}.csv", table)
        write_json(folder / "decision.json", document)
        write_json(folder / "recipe.json", recommendation(comparison.first, comparison.choice))
        write_text(folder / "report.md", report(comparison, document))
        plots(folder, comparison)


def _write_finished(params: CompareFinished, finished_runs: Path, results: Path) -> None:
    comparison = FinishedComparison.of(params, finished_evaluation(params, read_finished_runs(finished_runs)))
    document = finished_decision(comparison)
    with complete_folder(results) as folder:
        write_csv(folder / "table.csv", comparison.table)
        write_csv(folder / "runs.csv", run_table(comparison.evaluation))
        write_json(folder / "decision.json", document)
        write_json(folder / "view.json", VIEW)
        write_text(folder / "report.md", finished_report(comparison, document))
        forest(folder / "forest.png", comparison)


def _head(comparison: SweepComparison, embeddings: Files, heads: Files) -> HeadClassifier:
    """Of the chosen recipe's seeds the one that inner validation likes best, with the temperature fitted there: it moves
    no argmax, whether the recipe has one or not."""
    sweep = comparison.first
    run = max((sweep.runs[i] for i in comparison.choice.chosen), key=lambda run: run.validation.macro_f1_fg)
    seen = read_embeddings(embeddings[run.spec.encoder])
    return HeadClassifier(
        run.spec, run.profile, seen.classes, sweep.foreground, seen.values.shape[1],
        logit_divisor(run.fit), run.fit.status, run.facts["prior_offsets"], seen.card,
        read_head(heads[run.spec.encoder], run.spec.state.id),
    )  # fmt: skip
