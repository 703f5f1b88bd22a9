"""Choose on inner validation alone, let test confirm once, and write tables, decision, plots and the head."""

from pathlib import Path
from typing import Any

from methods.heads.specs import HeadSpec
from methods.heads.sweep import applied
from params.head_sweep import Compare
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json, write_text
from storage.files.tables import write_csv
from storage.heads.embeddings import read_embeddings
from storage.heads.sweeps import read_head
from tasks.head_sweep.comparison import plots, report, tables
from tasks.head_sweep.comparison.choice import Choice, choose, written
from tasks.head_sweep.comparison.decision import Made, decision
from tasks.head_sweep.comparison.evaluation import Judged, load
from tasks.head_sweep.use.apply import PinnedHead, write_head

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
    judged = load(params, planned, embeddings, runs, logits)
    choice = choose(judged[0])
    profiles, recipes = tables.profiles(judged, params), tables.recipes(judged[0])
    knobs, factors = tables.knobs(judged, params), tables.factors(judged, params)
    made = Made(
        planned, judged, choice, profiles, knobs, factors, recipes, tables.noise(judged[0], profiles), params
    )
    decided = decision(made)
    pinned = _head(judged[0], choice, embeddings, heads)
    with complete_folder(results) as folder:
        write_csv(folder / "table.csv", profiles)
        write_csv(folder / "runs.csv", tables.runs(judged))
        write_csv(folder / "knobs.csv", knobs)
        write_csv(folder / "factors.csv", factors)
        write_csv(folder / "recipes.csv", recipes)
        write_csv(folder / "best.csv", tables.best_of_each(judged[0]))
        write_json(folder / "decision.json", decided)
        write_json(folder / "recipe.json", _recipe(judged[0], choice))
        write_text(folder / "report.md", report.page(made, decided))
        plots.heat_map(folder / "heat_map.png", judged[0])
        plots.forest(folder / "forest.png", profiles, knobs, judged[0], params)
        plots.class_f1(folder / "class_f1.png", judged[0], choice)
        plots.reliability(folder / "reliability.png", judged[0], choice)
        plots.cost(folder / "cost.png", recipes, judged[0], choice)
    write_head(head, pinned)


def _recipe(judged: Judged, choice: Choice) -> dict[str, Any]:
    """The recommended recipe, as a preset takes it, and the one that it was compared with."""
    other = choice.against if choice.chosen == choice.best else choice.best
    return {
        **written(judged, choice.chosen),
        "against": written(judged, other) if other else None,
        "verdict": choice.verdict,
    }


def _head(judged: Judged, choice: Choice, embeddings: Files, heads: Files) -> PinnedHead:
    """Of the chosen recipe's seeds the one that inner validation likes best, with the temperature fitted there: it moves
    no argmax, whether the recipe has one or not."""
    best = max(choice.chosen, key=lambda i: judged.runs[i].validation.macro_f1_fg)
    run = judged.runs[best]
    spec: HeadSpec = run.spec
    seen = read_embeddings(embeddings[spec.encoder])
    return PinnedHead(
        spec, run.profile, seen.classes, judged.foreground, seen.values.shape[1],
        applied(run.fit), run.fit.status, run.facts["prior_offsets"], seen.card,
        read_head(heads[spec.encoder], spec.state.id),
    )  # fmt: skip
