"""The decision and its page: which path the tree took, what every variant did, and what the gates found."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from methods.decision_tree import PLAN_LEAVES, Outcome
from methods.stamp_evaluation import Estimate
from params.lens_shortcuts import Compare
from storage.markdown import bullets, markdown_table, rounded
from storage.stamps import LEAK, PLACEBO
from tasks.lens_shortcuts import shown
from tasks.lens_shortcuts.decided import Decided, letters, mean_against_baseline, on_test, ranks
from tasks.lens_shortcuts.judged import Run, model_gates, over_seeds
from tasks.lens_shortcuts.names import FINAL
from tasks.lens_shortcuts.plots import GATES

NOBODY = "none"
OVER_SEEDS = ", mean and standard deviation over seeds"
UNREACHABLE = (
    "a mask cannot change a data gate, so with the plan's gates the leaf where B3 passes the core gate cannot be reached "
    "once that gate has failed"
)


def decision(decided: Decided, gates: pd.DataFrame, params: Compare) -> dict[str, Any]:
    """chosen, control, verdict (the leaf, and whether test agrees), reasons, evidence."""
    chosen, outcome = decided.chosen, decided.outcome
    confirmed = None if chosen is None else on_test(chosen, params, decided.rules)
    return {
        "chosen": NOBODY if chosen is None else chosen.name,
        "control": decided.baseline.name,
        "verdict": outcome.leaf if confirmed is None else f"{outcome.leaf}; on test it {_agrees(confirmed)}",
        "reasons": [
            outcome.reason,
            *(_other_path(decided)),
            *_leaks(gates),
            *_masks(decided, params),
            *_ranking(decided, params),
        ],
        "evidence": {
            "gates_mode": decided.mode,
            "path": list(outcome.path),
            "path_other": list(_other(decided).path),
            "grades": {name: letters(found) for name, found in decided.grades[decided.mode].items()},
            "report": {run.name: _evidence(run) for run in decided.trained},
            "test_auroc": {
                run.name: _estimate(over_seeds(run.seeds, lambda seed: seed.test.auroc))
                for run in decided.trained
            },
            "seeds": {run.name: [seed.seed for seed in run.seeds] for run in decided.trained},
        },
    }


def page(
    made: dict[str, Any],
    decided: Decided,
    table: pd.DataFrame,
    gates: pd.DataFrame,
    bins: pd.DataFrame,
    curves: pd.DataFrame,
    params: Compare,
) -> str:
    recipe, network = decided.baseline.recipe, decided.baseline.recipe.network
    several = len(recipe.seeds) > 1
    parts = [
        "# lens_shortcuts",
        "Can a network that finds strong lenses be trained so that it does not live on shortcuts (core brightness, radial "
        "profile), still works on every Einstein radius, and which variant earns full training?",
        f"**{made['chosen']}** earns it (control: {made['control']}). **{made['verdict']}**."
        if made["chosen"] != NOBODY
        else f"No variant earns it yet (control: {made['control']}): **{made['verdict']}**.",
        bullets(made["reasons"]),
        "## Variants",
        markdown_table(shown.variants(decided, params)),
        f"ResNet18 of width {network.width} on {network.input} stamps, {network.epochs} epochs, seeds "
        f"{', '.join(map(str, recipe.seeds))}. Report: the half of val whose hosts chose nothing; the other half chose the "
        f"epoch; test was scored once, with those weights. Reliance: AUROC minus AUROC with r < {recipe.reliance_radius:g} "
        f"hidden, for Einstein radii from {recipe.reliance_theta_E:g} arcsec on (a mask of that size also hides the arcs of "
        "smaller ones). Placebo: AUROC on the same stamps rendered without arcs; above .5 the model uses something "
        "else. Pairs won: positives above the negative of their pair (same host, or matched on PSF and depth). Intervals: "
        f"{recipe.level:.0%}, by host, the two hosts of a matched pair as one"
        + ("; of several seeds the mean, for seeds vary the training and add no stamps." if several else "."),
        "## The path through the tree",
        *(_path(decided.outcomes[mode], mode, mode == decided.mode) for mode in decided.outcomes),
        f"{UNREACHABLE[0].upper()}{UNREACHABLE[1:]}. Edges are half-open: a value on an edge, or an interval that holds one, "
        "is WARN.",
        markdown_table(shown.edges(decided)),
        "## Data gates",
        markdown_table(shown.gates(gates)),
        f"Out-of-fold AUC over five folds that keep hosts and matched pairs whole; `{FINAL}` is the final gate, on all of its rows. The "
        "interval is widened for cross-fitting; *finds* asks whether the interval that holds for all gates of the mode "
        "together excludes .5. A data gate does not change over epochs: it is logged once; what is followed over epochs are "
        "the model gates (epochs.csv).",
        "## Planted leaks",
        markdown_table(shown.leaks(gates)) if _has_leaks(gates) else "The stamps hold no planted leak.",
        f"## Sensitivity to a hidden core (test{OVER_SEEDS if several else ''})",
        markdown_table(shown.curves(curves)),
        f"## Einstein radii (test{OVER_SEEDS if several else ''})",
        markdown_table(shown.bins(bins)),
        "Each bin's positives against all negatives, so that the mean by count is the AUROC of all.",
        "## Required and not required",
        bullets(
            f"{run.name} ({run.mask}): {run.status['status']}: {run.status['reason']}" for run in decided.runs
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _agrees(confirmed: str) -> str:
    return {"holds": "holds", "does not hold": "does not hold"}.get(confirmed, "cannot be told")


def _other(decided: Decided) -> Outcome:
    return next(outcome for mode, outcome in decided.outcomes.items() if mode != decided.mode)


def _other_path(decided: Decided) -> Iterable[str]:
    mode = next(mode for mode in decided.outcomes if mode != decided.mode)
    yield f"with {mode} gates the tree ends at {_other(decided).leaf!r}: {_other(decided).reason}"
    if not any(outcome.leaf in PLAN_LEAVES for outcome in decided.outcomes.values()):
        yield "the plan left the cell of both paths open; the leaf names what is missing"


def _leaks(gates: pd.DataFrame) -> Iterable[str]:
    honest = gates[(gates["set"] == PLACEBO) & (gates["status"] == "ok")]
    found = honest[honest["finds"].astype(str) == "True"]
    if len(honest):
        yield (
            f"placebo: {len(found)} of {len(honest)} gates find something beyond chance "
            + ("" if found.empty else f"({', '.join(sorted(set(found['gate'])))}): a leak of construction")
        ).rstrip()
    planted = gates[gates["set"].str.startswith(LEAK) & gates["auc"].notna()]
    for name in dict.fromkeys(map(str, planted["set"])):
        rows = planted[planted["set"] == name].to_dict("records")
        best = max(rows, key=lambda row: abs(row["auc"] - 0.5))
        found_it = any(shown.finds(row) == "yes" for row in rows)
        yield (
            f"planted {name.removeprefix(LEAK)}: {'found' if found_it else 'NOT found'}, most clearly by "
            f"{GATES[best['gate']]} (AUC {best['auc']:.3f})"
        )


def _masks(decided: Decided, params: Compare) -> Iterable[str]:
    for run in decided.trained:
        found = mean_against_baseline(run, decided.baseline, params.level)
        if found is not None and found.value is not None and found.low is not None and found.high is not None:
            told = "not distinguishable"
            if not found.low <= 0 <= found.high:
                told = "better" if found.value > 0 else "worse"
                if len(run.seeds) < params.fewest_seeds:
                    told += " on these stamps, the luck of a training not counted"
            yield (
                f"{run.name} against {decided.baseline.name} on the same test stamps: AUROC {found.value:+.3f} "
                f"[{found.low:+.3f}, {found.high:+.3f}], {told}"
            )


def _ranking(decided: Decided, params: Compare) -> Iterable[str]:
    seeds = min(len(run.seeds) for run in decided.trained)
    if seeds < params.fewest_seeds:
        yield (
            f"variants are not ranked: {seeds} seed(s), and fewer than {params.fewest_seeds} cannot tell training luck from "
            "a mask"
        )
        return
    places = ranks(decided.trained, params.fewest_seeds)
    for mode in dict.fromkeys(run.mode for run in decided.trained):
        named = sorted((places[run.name] or 0, run.name) for run in decided.trained if run.mode == mode)
        if len(named) > 1:
            yield (
                f"{mode} variants by mean report AUROC of {seeds} seeds: {', '.join(name for _, name in named)}; what test "
                "cannot tell apart is not told apart by its place"
            )


def _path(outcome: Outcome, mode: str, decides: bool) -> str:
    title = f"**{mode} gates{' (these decide)' if decides else ''}: {outcome.leaf}.** {outcome.reason}."
    return f"{title}\n\n{bullets(outcome.path)}"


def _has_leaks(gates: pd.DataFrame) -> bool:
    return bool(gates["set"].str.startswith(LEAK).any())


def _evidence(run: Run) -> dict[str, Any]:
    return {name: _estimate(found) for name, found in vars(model_gates(run)).items()}


def _estimate(found: Estimate) -> Any:
    if found.value is None or found.low is None or found.high is None:
        return f"undefined: {found.reason}"
    return [rounded(value) for value in (found.value, found.low, found.high)]
