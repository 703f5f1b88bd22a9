"""The decision: which path the tree took, whether test agrees, what every variant did, and what the gates found."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from methods.shortcuts.decision_tree import PLAN_LEAVES, Outcome
from methods.shortcuts.evaluation import Estimate
from methods.shortcuts.seed_differences import SeedDifference
from params.lens_shortcuts import Compare
from storage.files.markdown import rounded
from storage.lenses.stamps import LEAK, PLACEBO
from tasks.lens_shortcuts.comparison import figures as shown
from tasks.lens_shortcuts.comparison.choice import Decided, letter, letters, ranks
from tasks.lens_shortcuts.comparison.confirmation import FAILS, HOLDS, UNKNOWN, Checked, confirmed, told
from tasks.lens_shortcuts.comparison.evaluation import REPORT, TEST, Run, model_gates
from tasks.lens_shortcuts.comparison.plots import GATES

NOBODY = "none"
AGREES = {HOLDS: "holds", FAILS: "does not hold", UNKNOWN: "cannot be told"}

Tested = Mapping[str, Checked]
Against = Mapping[str, SeedDifference]


def decision(
    decided: Decided, gates: pd.DataFrame, tested: Tested, against: Against, params: Compare
) -> dict[str, Any]:
    """chosen, control, verdict (the leaf, and whether test agrees), reasons, evidence. tested: of the choice, or empty."""
    chosen, outcome = decided.chosen, decided.outcome
    return {
        "chosen": NOBODY if chosen is None else chosen.name,
        "control": decided.baseline.name,
        "verdict": f"{outcome.leaf}; on test it {AGREES[confirmed(tested)]}" if tested else outcome.leaf,
        "reasons": [
            outcome.reason,
            *_tested(chosen, tested),
            *_other_path(decided),
            *_placebo(gates),
            *_leaks(gates),
            *_masks(decided, against, params),
            *_ranking(decided, params),
        ],
        "evidence": {
            "gates_mode": decided.mode,
            "path": list(outcome.path),
            "path_other": list(_other(decided).path),
            "grades": {run.name: letters(run, decided) for run in decided.trained},
            "report": {run.name: _figures(run, REPORT) for run in decided.trained},
            "test": {run.name: _figures(run, TEST) for run in decided.trained},
            "choice_on_test": {name: _checked(each) for name, each in tested.items()},
            "against_control_on_test": {
                name: {
                    "auroc": [rounded(value) for value in (each.value, each.low, each.high)],
                    "seeds": each.seeds,
                    "comparisons": len(against),
                    "told": told(each, params.fewest_seeds),
                }
                for name, each in against.items()
            },
            "seeds": {run.name: [seed.seed for seed in run.seeds] for run in decided.trained},
        },
    }


def _tested(chosen: Run | None, tested: Tested) -> Iterable[str]:
    words = {HOLDS: "clear of FAIL", FAILS: "beyond FAIL", UNKNOWN: "not told on which side of FAIL"}
    said = [
        f"{words[answer]}: "
        + ", ".join(
            f"{shown.NAMES[name]} {shown.cell(each.found)} (FAIL {shown.side(name, each.edges.fails, fails=True)})"
            for name, each in tested.items()
            if each.answer == answer
        )
        for answer in (FAILS, UNKNOWN, HOLDS)
        if any(each.answer == answer for each in tested.values())
    ]
    if chosen is not None:
        of, far = chosen.seeds[0].test, chosen.recipe.reliance_theta_E
        yield (
            f"on test ({of.positives} positives, {of.far_positives} of them from {far:g} arcsec on, {of.negatives} "
            f"negatives), {'; '.join(said)}"
        )


def _other(decided: Decided) -> Outcome:
    return next(outcome for mode, outcome in decided.outcomes.items() if mode != decided.mode)


def _other_path(decided: Decided) -> Iterable[str]:
    mode = next(mode for mode in decided.outcomes if mode != decided.mode)
    yield f"with {mode} gates the tree ends at {_other(decided).leaf!r}: {_other(decided).reason}"
    if not any(outcome.leaf in PLAN_LEAVES for outcome in decided.outcomes.values()):
        yield "the plan left the cell of both paths open; the leaf names what is missing"


def _placebo(gates: pd.DataFrame) -> Iterable[str]:
    """A mode's placebo gates are judged together, and apart from those of the other mode."""
    honest = gates[(gates["set"] == PLACEBO) & (gates["status"] == "ok")]
    for mode, rows in honest.groupby("mode", sort=False):
        found = rows[rows["finds"].astype(str) == "True"]
        yield (
            f"placebo, {mode}: {len(found)} of {len(rows)} gates find something beyond chance "
            + (
                ""
                if found.empty
                else f"({', '.join(GATES[gate] for gate in dict.fromkeys(found['gate']))}): a leak of construction"
            )
        ).rstrip()


def _leaks(gates: pd.DataFrame) -> Iterable[str]:
    planted = gates[gates["set"].str.startswith(LEAK) & gates["auc"].notna()]
    for name in dict.fromkeys(map(str, planted["set"])):
        rows = planted[planted["set"] == name].to_dict("records")
        best = max(rows, key=lambda row: abs(row["auc"] - 0.5))
        found_it = any(shown.finds(row) == "yes" for row in rows)
        yield (
            f"planted {name.removeprefix(LEAK)}: {'found' if found_it else 'NOT found'}, most clearly by "
            f"{GATES[best['gate']]} (AUC {shown.auc(best)})"
        )


def _masks(decided: Decided, against: Against, params: Compare) -> Iterable[str]:
    family = f", {len(against)} comparisons together" if len(against) > 1 else ""
    for name, found in against.items():
        yield (
            f"{name} against {decided.baseline.name} on the same test stamps: AUROC {found.value:+.3f} "
            f"[{found.low:+.3f}, {found.high:+.3f}] ({params.level:.0%}{family}): {told(found, params.fewest_seeds)}"
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


def _figures(run: Run, part: str) -> dict[str, Any]:
    figures = run.seeds[0].report if part == REPORT else run.seeds[0].test
    return {
        **{name: _estimate(found) for name, found in vars(model_gates(run, part)).items()},
        "positives": figures.positives,
        "negatives": figures.negatives,
        "far_positives": figures.far_positives,
    }


def _checked(each: Checked) -> dict[str, Any]:
    return {
        "figure": _estimate(each.found), "passes": each.edges.passes, "fails": each.edges.fails,
        "grade": letter(each.grade), "answer": each.answer,
    }  # fmt: skip


def _estimate(found: Estimate) -> Any:
    if found.value is None or found.low is None or found.high is None:
        return f"undefined: {found.reason}"
    return [rounded(value) for value in (found.value, found.low, found.high)]
