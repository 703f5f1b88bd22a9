"""The decision: which path the tree took, whether test agrees, what every variant did, and what the gates found."""

from collections.abc import Iterable
from math import ceil
from typing import Any

import pandas as pd

from methods.shortcuts.decision_tree import Outcome
from methods.shortcuts.evaluation import Estimate
from methods.shortcuts.radius_extremes import spread_positives_at_power
from methods.statistics.sample_sizes import auroc_pairs_at_power, scaled_size
from params.lens_shortcuts import Compare
from storage.files.markdown import rounded
from storage.lenses.stamps import ARCS, LEAK, PLACEBO
from tasks.lens_shortcuts.comparison.choice import (
    HOLDS,
    UNKNOWN,
    Confirmations,
    Differences,
    GateConfirmation,
    TreeChoice,
    claim,
    confirmation,
    letter,
    letters,
    ranks,
)
from tasks.lens_shortcuts.comparison.evaluation import REPORT, TEST, VariantRun, model_gates
from tasks.lens_shortcuts.comparison.plots import GATES
from tasks.lens_shortcuts.model.undefined import why
from tasks.report.decision import POWER, Action, BetterOption, Decision, Grade, Requirement, stated
from tasks.report.templates import Reason, sentences

NOBODY = "none"
REASONS = "tasks/lens_shortcuts/comparison/reasons.j2"


def decision(
    choice: TreeChoice, gates: pd.DataFrame, tested: Confirmations, against: Differences, params: Compare
) -> dict[str, Any]:
    """decision.json; its grade says whether test agrees. tested: every gate of the choice there, or empty."""
    leaf, _, path = outcome_words(choice.outcome)
    other, other_outcome = next(each for each in choice.outcomes.items() if each[0] != choice.mode)
    other_leaf, other_reason, other_path = outcome_words(other_outcome)
    claims = {name: claim(found, params.fewest_seeds) for name, found in against.items()}
    told = dict(zip(claims, _sentences(*claims.values()), strict=True))
    answer = confirmation(tested) if tested else None
    reasons = [
        Reason(*choice.outcome.reason),
        *_on_test(choice, tested),
        Reason("other_path", {"mode": other, "leaf": other_leaf, "reason": other_reason}),
        *([Reason("open_paths")] if all(each.leaf.open for each in choice.outcomes.values()) else []),
        *_placebo(gates),
        *_leaks(gates),
        *_masks(choice, against, told, params),
        *_ranking(choice, params),
    ]
    return Decision(
        format=1,
        experiment="lens_shortcuts",
        action=_action(choice, answer),
        grade=Grade.NOT_JUDGED if answer is None else Grade(answer),
        chosen=NOBODY if choice.chosen is None else choice.chosen.name,
        control=choice.baseline.name,
        better_than_chosen=_better(choice, against, params),
        would_change=list(_requirements(choice, tested)),
        reasons=stated(REASONS, [Reason("verdict", {"leaf": leaf, "answer": answer}), *reasons]),
        evidence={
            "gates_mode": choice.mode,
            "path": path,
            "path_other": other_path,
            "grades": {run.name: letters(run, choice) for run in choice.trained},
            "report": {run.name: _figures(run, REPORT) for run in choice.trained},
            "test": {run.name: _figures(run, TEST) for run in choice.trained},
            "choice_on_test": {name: _confirmation(each) for name, each in tested.items()},
            "against_control_on_test": {
                name: {
                    "auroc": [rounded(value) for value in (each.value, each.low, each.high)],
                    "seeds": each.seeds,
                    "comparisons": len(against),
                    "told": told[name],
                }
                for name, each in against.items()
            },
            "seeds": {run.name: [seed.seed for seed in run.seeds] for run in choice.trained},
        },
    ).model_dump(mode="json")


def _action(choice: TreeChoice, answer: str | None) -> Action:
    """Without a variant that earns training, data or rule have to change, unless the tree only wants to know more."""
    if choice.chosen is None or answer is None:
        return Action.COLLECT if choice.outcome.leaf.open else Action.REDESIGN
    return {HOLDS: Action.SHIP, UNKNOWN: Action.COLLECT}.get(answer, Action.REDESIGN)


def _requirements(choice: TreeChoice, tested: Confirmations) -> Iterable[Requirement]:
    """Test positives that would tell on which side of FAIL a gate lies, for those that cannot."""
    for name, each in tested.items():
        if choice.chosen is not None and each.answer == UNKNOWN:
            present = choice.chosen.over_seeds[TEST].positives
            needed = _needed(name, each, choice.chosen)
            claim = sentences(REASONS, [Reason("side_told", {"name": name})])[0]
            yield Requirement(claim=claim, unit="test positives", present=present, needed=needed, power=POWER)


def _needed(name: str, each: GateConfirmation, run: VariantRun) -> int | None:
    """Of all Einstein radii, with as many negatives and bins as full as now."""
    found, of, recipe = each.found, run.over_seeds[TEST], run.recipe
    if found.value is None or found.low is None or found.high is None:
        return None
    fails = each.edges.fails
    if name == "theta_E_spread":
        part = run.trainings(run.status["seeds"], ARCS, TEST)
        size = spread_positives_at_power(
            part, recipe.theta_E_edges, of.bins, recipe.least_in_bin, fails, recipe.level, POWER
        )
        return None if size is None else size.n
    if found.variance is None:  # reliance, a difference
        half = found.high - found.value if fails > found.value else found.value - found.low
        needed = scaled_size(found.n, fails - found.value, half, recipe.level, POWER)
        return None if needed is None else ceil(needed / found.n * of.positives)
    if name == "placebo" and found.value < 0.5:
        fails = 1 - fails
    pairs = auroc_pairs_at_power(found.value, fails, found.variance, found.pairs, recipe.level, POWER)
    return None if pairs is None else ceil(pairs.n / found.pairs * of.positives)


def _better(choice: TreeChoice, against: Differences, params: Compare) -> list[BetterOption]:
    """Variants that the tree did not choose, where test and enough trainings show that they rank better."""
    if choice.chosen is not choice.baseline:
        return []
    return [
        BetterOption(name=name, figure="test AUROC", gain=each.value, low=each.low, high=each.high)
        for name, each in against.items()
        if claim(each, params.fewest_seeds).kind == "better"
    ]


def full_training(choice: TreeChoice) -> dict[str, Any]:
    """What full training needs to know; no figure, so that it is stale only where the choice changed."""
    run = choice.chosen
    leaf, reason, _ = outcome_words(choice.outcome)
    return {
        "chosen": None if run is None else run.name,
        "leaf": leaf,
        "reason": reason,
        "mode": None if run is None else run.mode,
        "phases": [] if run is None else run.status["phases"],
        "recipe": choice.baseline.recipe.model_dump(),
    }


def outcome_words(outcome: Outcome) -> tuple[str, str, list[str]]:
    """(leaf, reason, path)."""
    leaf, reason, *path = _sentences(*(Reason(*each) for each in outcome.claims))
    return leaf, reason, path


def _sentences(*reasons: Reason) -> list[str]:
    return sentences(REASONS, reasons)


def _on_test(choice: TreeChoice, tested: Confirmations) -> Iterable[Reason]:
    if choice.chosen is not None:
        of = choice.chosen.over_seeds[TEST]
        counts = {"positives": of.positives, "far_positives": of.far_positives, "negatives": of.negatives}
        far = choice.chosen.recipe.reliance_theta_E
        yield Reason("on_test", {**counts, "far": far, "gates": tested})


def _placebo(gates: pd.DataFrame) -> Iterable[Reason]:
    """A mode's placebo gates are judged together, and apart from those of the other mode."""
    honest = gates[(gates["set"] == PLACEBO) & (gates["status"] == "ok")]
    for mode, rows in honest.groupby("mode", sort=False):
        finds = rows[rows["finds"].astype(str) == "True"]
        names = [GATES[gate] for gate in dict.fromkeys(finds["gate"])]
        yield Reason("placebo_gates", {"mode": mode, "finds": len(finds), "gates": len(rows), "names": names})


def _leaks(gates: pd.DataFrame) -> Iterable[Reason]:
    planted = gates[gates["set"].str.startswith(LEAK) & gates["auc"].notna()]
    for name, rows in planted.groupby("set", sort=False):
        best = max(rows.to_dict("records"), key=lambda row: abs(row["auc"] - 0.5))
        finds = (rows["finds"].astype(str) == "True").any()
        leak = {"name": str(name).removeprefix(LEAK), "gate": GATES[best["gate"]]}
        yield Reason("planted_leak", {**leak, "finds": finds, "best": best})


def _masks(
    choice: TreeChoice, against: Differences, told: dict[str, str], params: Compare
) -> Iterable[Reason]:
    shared = {"control": choice.baseline.name, "level": params.level, "comparisons": len(against)}
    for name, found in against.items():
        yield Reason("against_control", {**shared, "name": name, "found": found, "claim": told[name]})


def _ranking(choice: TreeChoice, params: Compare) -> Iterable[Reason]:
    seeds = min(len(run.seeds) for run in choice.trained)
    if seeds < params.fewest_seeds:
        yield Reason("not_ranked", {"seeds": seeds, "fewest": params.fewest_seeds})
        return
    places = ranks(choice.trained, params.fewest_seeds)
    for mode in dict.fromkeys(run.mode for run in choice.trained):
        order = sorted((places[run.name] or 0, run.name) for run in choice.trained if run.mode == mode)
        if len(order) > 1:
            yield Reason("ranking", {"mode": mode, "seeds": seeds, "names": [name for _, name in order]})


def _figures(run: VariantRun, part: str) -> dict[str, Any]:
    of = run.over_seeds[part]
    counts = {name: getattr(of, name) for name in ("positives", "negatives", "far_positives")}
    return {name: _estimate(found) for name, found in vars(model_gates(run, part)).items()} | counts


def _confirmation(each: GateConfirmation) -> dict[str, Any]:
    return {
        "figure": _estimate(each.found), "passes": each.edges.passes, "fails": each.edges.fails,
        "grade": letter(each.grade), "answer": each.answer,
    }  # fmt: skip


def _estimate(found: Estimate) -> Any:
    if found.value is None or found.low is None or found.high is None:
        return f"undefined: {why(found)}"
    return [rounded(value) for value in (found.value, found.low, found.high)]
