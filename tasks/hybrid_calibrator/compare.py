"""Judge every row on the report images, choose on the tune images alone, and write table, decision and plots."""

from pathlib import Path

from params.hybrid_calibrator import Compare
from storage.files.atomic import complete_folder
from storage.files.documents import write_json, write_text
from storage.files.tables import write_csv
from tasks.hybrid_calibrator.comparison import decision, plots, report, tables
from tasks.hybrid_calibrator.comparison.choice import choose
from tasks.hybrid_calibrator.comparison.evaluation import VariantEvaluation
from tasks.hybrid_calibrator.model.scene import load
from tasks.hybrid_calibrator.model.status import is_available
from tasks.report.study_page import write_page

Files = dict[str, Path]  # variant -> its file


def main(
    params: Compare, candidates: Files, raw: Files, ground_truth: Files, prepared: Files, predictions: Files,
    fitted: Files, results: Path, thresholds: Path, page: Path,
) -> None:  # fmt: skip
    files = (candidates, raw, ground_truth, prepared, predictions, fitted)
    available = [name for name in candidates if is_available(prepared[name])]
    absent = [name for name in candidates if name not in available]
    variants = [load(name, params, *(each[name] for each in files)) for name in available]
    evaluations = [VariantEvaluation.of(each, params) for each in variants]
    choice = choose(evaluations, params)
    contents = decision.decision(choice, evaluations, params, absent)
    table = tables.table(evaluations, params)
    wide = tables.side_by_side(table)
    with complete_folder(results) as folder:
        write_csv(folder / "table.csv", table)
        write_csv(folder / "side_by_side.csv", wide)
        write_json(folder / "decision.json", contents)
        write_text(folder / "report.md", report.page(contents, table, wide, evaluations, params))
        plots.precision_recall(folder / "precision_recall.png", evaluations, table, choice)
        plots.reliability(folder / "reliability.png", evaluations, params, choice)
        plots.acceptance_mix(folder / "acceptance_mix.png", evaluations, choice)
        plots.thresholds(folder / "thresholds.png", evaluations, choice)
    write_json(thresholds, decision.thresholds(choice, evaluations))
    write_page(
        page,
        "tasks/hybrid_calibrator/comparison/page.html.j2",
        "tasks/hybrid_calibrator/comparison/view.json",
        results,
    )
