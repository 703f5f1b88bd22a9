"""Choose on inner validation alone, let test confirm once, and write tables, decision, plots and the head."""

from pathlib import Path

from methods.heads.sweep import logit_divisor
from params.head_sweep import Compare
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json, write_text
from storage.files.tables import write_csv
from storage.heads.embeddings import read_embeddings
from storage.heads.sweeps import read_head
from tasks.head_sweep.comparison.choice import recommendation
from tasks.head_sweep.comparison.decision import SweepComparison, decision
from tasks.head_sweep.comparison.evaluation import sweeps
from tasks.head_sweep.comparison.plots import plots
from tasks.head_sweep.comparison.report import report
from tasks.head_sweep.use.apply import HeadClassifier, write_head

Files = dict[str, Path]  # encoder -> its file


def main(
    params: Compare,
    plan: Path,
    embeddings: Files,
    runs: Files,
    heads: Files,
    logits: Files,
    results: Path,
    head: Path,
) -> None:
    planned = read_json(plan)
    comparison = SweepComparison.of(params, planned, sweeps(params, planned, embeddings, runs, logits))
    document = decision(comparison)
    pinned = _head(comparison, embeddings, heads)
    with complete_folder(results) as folder:
        for name, table in comparison.tables.items():
            write_csv(folder / f"{name}.csv", table)
        write_json(folder / "decision.json", document)
        write_json(folder / "recipe.json", recommendation(comparison.first, comparison.choice))
        write_text(folder / "report.md", report(comparison, document))
        plots(folder, comparison)
    write_head(head, pinned)


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
